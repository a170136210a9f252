/** A machine that starts no more processes. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

describe('a runner that has no file to open left', () => {
  it('fails its cells so that they are tried again, and outlives it', () => {
    const of = (name: string): string =>
      JSON.stringify(new URL(`../../dist/runner/execute/${name}`, import.meta.url).href);
    const script = `
      import fs from 'node:fs';
      import { WorkerPool } from ${of('pool.js')};
      import { runCommand } from ${of('worker/workshop/command.js')};
      const pool = new WorkerPool({ command: [process.execPath, '-e', ''], cwd: '/' });
      const order = { cell: 'a', attempt: 'n', job: '/', epoch: 1, restarts: 0, env: {}, log: '/dev/null', onEvent() {} };
      const command = { script: '/', folder: '/', variables: {}, mark: '/', secrets: [], signal: new AbortController().signal };
      const open = [];
      try { for (;;) open.push(fs.openSync('/dev/null')); } catch {}
      const first = await pool.run(order).result;
      const second = await runCommand(command).catch(({ failure }) => ({ failure }));
      open.forEach((file) => fs.closeSync(file));
      const third = await pool.run(order).result;
      await pool.close();
      console.log(JSON.stringify([first, second, third].map(({ failure }) => failure)));`;
    const shell = 'ulimit -n 64; exec "$0" --input-type=module -e "$1"';
    const said = execFileSync('/bin/sh', ['-c', shell, process.execPath, script]);
    const refused = { class: 'infrastructure', message: expect.stringContaining('EMFILE') as unknown };
    expect(JSON.parse(said.toString())).toMatchObject([
      refused,
      refused,
      { message: expect.stringContaining('code 0') as unknown },
    ]);
  });
});
