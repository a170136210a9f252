/** Runs whose reader or terminal goes away. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listenForInterrupts } from '../../cli/execute.js';
import { onInterrupt } from '../../cli/process.js';
import { Commander } from '../execute/commander.js';
import { Project, script } from './moft.js';

let commander: Commander;
let project: Project;
beforeEach(() => {
  commander = new Commander();
  project = new Project(`
name: chain
stages:
  a: {uses: test/step, with: {label: a, socket: ${commander.path}}}
  b: {uses: test/step, with: {label: b, socket: ${commander.path}, before: $a(*).out}}
`);
});
afterEach(() => {
  commander.close();
  project.close();
});

/** What is printed to a file on a full disk. */
const full = '/dev/full';
const hasFull = existsSync(full);
if (!hasFull) console.warn(`SKIPPED: there is no ${full} here, which refuses as a full disk does`);

describe('a run goes on', () => {
  it('when nobody reads its output and its messages any more', async () => {
    const run = project.start(['run', 'p.yaml']);
    const a = await commander.next('a');
    run.process.stdout?.destroy();
    run.process.stderr?.destroy();
    a.finish();
    (await commander.next('b')).finish();
    expect(await run.ended).toMatchObject({ code: 0, signal: null });
  });

  it.runIf(hasFull)(
    'when the disk that takes its output is full, says so once, and ends with 3',
    async () => {
      const err = join(project.folder, 'err');
      const files = [openSync(full, 'w'), openSync(err, 'w')];
      const run = spawn(process.execPath, [script, 'run', 'p.yaml', '--json'], {
        cwd: project.folder,
        env: { PATH: process.env.PATH, HOME: project.folder },
        stdio: ['ignore', ...files],
      });
      files.forEach(closeSync);
      const ended = once(run, 'exit');
      for (const name of ['a', 'b']) (await commander.next(name)).finish();
      expect(await ended).toEqual([3, null]);
      expect(readFileSync(err, 'utf8')).toMatch(
        /^moft: standard output can't be written any more \(ENOSPC.*\)\n$/,
      );
      expect(await project.json('ls')).toMatchObject([{ status: 'done', counts: { ran: 2 } }]);
    },
  );

  it('when its terminal is gone', async (context) => {
    if (process.platform !== 'linux' || spawnSync('script', ['--version']).error) {
      console.warn('SKIPPED: there is no `script` here to make a terminal with');
      context.skip();
    }
    // With --json each event is written when it comes.
    const command = `setsid '${process.execPath}' '${script}' run p.yaml --json & wait`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: project.folder,
      env: { PATH: process.env.PATH, HOME: project.folder },
      stdio: 'ignore',
    });
    const a = await commander.next('a');
    const closed = new Promise((resolve) => terminal.once('exit', resolve));
    const attached = project.start(['attach']);
    await attached.until(({ stdout }) => stdout.includes('start'));
    terminal.kill('SIGKILL');
    await closed;
    a.finish();
    (await commander.next('b')).finish();
    expect(await attached.ended).toMatchObject({ code: 0 });
    expect(await project.json('ls')).toMatchObject([{ status: 'done' }]);
  });
});

it('a terminal that closes stops a run with grace, as TERM does', async () => {
  const run = project.start(['run', 'p.yaml']);
  (await commander.next('a')).finish();
  await commander.next('b');
  run.process.kill('SIGHUP');
  const ended = await run.ended;
  expect(ended).toMatchObject({ code: 130, signal: null });
  expect(ended.stderr).toContain('finished cells are kept');
  expect(await project.json('ls')).toMatchObject([{ status: 'interrupted', counts: { ran: 1 } }]);
});

it('a terminal that sends HUP twice asks once; Ctrl-C each time', () => {
  const asked = vi.fn();
  const unlisten = onInterrupt(asked);
  process.emit('SIGHUP');
  process.emit('SIGHUP');
  expect(asked).toHaveBeenCalledTimes(1);
  process.emit('SIGINT');
  expect(asked).toHaveBeenCalledTimes(2);
  unlisten();
  expect(process.listenerCount('SIGHUP')).toBe(0);
});

it('a terminal that closes after a Ctrl-C stops the run at once, and its second HUP kills nobody', () => {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const heard = (): number[] => signals.map((signal) => process.listenerCount(signal));
  const others = heard();
  const told: string[] = [];
  const execution = { interrupt: (manner: string) => told.push(manner) };
  const unlisten = listenForInterrupts(execution, { onInterrupt, stderr: { write: () => true } });
  process.emit('SIGINT');
  process.emit('SIGHUP');
  // The third Ctrl-C meets nobody; without a listener a HUP would end the process.
  expect(heard().map((count, at) => count - (others[at] ?? 0))).toEqual([0, 0, 1]);
  process.emit('SIGHUP');
  expect(told).toEqual(['grace', 'now']);
  unlisten();
  expect(heard()).toEqual(others);
});
