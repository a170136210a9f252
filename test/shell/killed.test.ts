/** kill -9 of a runner, at points that the command itself reaches: nothing it started lives on. */
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { groupGone, isGroupAlive, strays } from '../../runner/execute/worker/workshop/group.js';
import { Random } from '../../stages/random.js';
import { moft, one } from './rig.js';

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'moft-killed-')));
  writeFileSync(join(folder, 'package.json'), '{}');
  execFileSync('mkfifo', [join(folder, 'at')]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(yaml: string, env: Readonly<Record<string, string>> = {}): ChildProcess {
  writeFileSync(join(folder, 'p.yaml'), yaml);
  const variables = { ...process.env, ...env };
  return spawn(process.execPath, [moft, 'run', 'p.yaml'], { cwd: folder, stdio: 'ignore', env: variables });
}

/** A command that says its group, then does without end what a trainer does: children, files, output. */
const endless = (seed: number, print = 'echo y'): string =>
  one(
    `echo ${seed}\necho $$ > ${folder}/at\nwhile :; do echo x > out.txt; ${print}; sh -c 'echo z >> log'; done`,
  );

const children = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

it('at 10 random points of its command: no orphan is left, and the next run works in the same folder', async () => {
  const random = new Random(5, 'kills');
  for (let seed = 0; seed < 10; seed += 1) {
    const runner = start(endless(seed));
    const group = Number(await readFile(join(folder, 'at'), 'utf8'));
    expect(isGroupAlive(group)).toBe(true);
    // So many turns of the command's own loop, not of a clock.
    for (let turns = random.integer(4); turns > 0; turns -= 1) execFileSync('sh', ['-c', ':']);
    runner.kill('SIGKILL');
    await once(runner, 'exit');
    expect({ seed, gone: await groupGone(group, 20_000) }).toEqual({ seed, gone: true });
  }
});

// A command that prints would end by itself when nobody is left to read it.
it.each([
  ['in the same folder for temporary files', ''],
  ['in another one, as each job of a cluster has its own', 'elsewhere'],
])('together with its worker: the next run, %s, ends what was left before it begins', async (_, place) => {
  const runner = start(endless(-1, ':'));
  const group = Number(await readFile(join(folder, 'at'), 'utf8'));
  const [worker = 0] = children(runner.pid ?? 0);
  process.kill(worker, 'SIGSTOP'); // so that it can't act on the end of its runner before it is killed itself
  runner.kill('SIGKILL');
  process.kill(worker, 'SIGKILL');
  await once(runner, 'exit');
  expect(isGroupAlive(group)).toBe(true);
  const temporary = join(folder, place);
  mkdirSync(temporary, { recursive: true });
  const next = start(endless(-1, ':'), place === '' ? {} : { TMPDIR: temporary });
  const other = Number(await readFile(join(folder, 'at'), 'utf8'));
  expect(other).not.toBe(group);
  expect(isGroupAlive(group)).toBe(false);
  next.kill('SIGTERM');
  await once(next, 'exit');
  expect(await groupGone(other, 20_000)).toBe(true);
});

it('stopped with Ctrl-C: the command has TERM first, and its folder is gone', async () => {
  const script = `trap 'echo stopped > ${folder}/stopped; exit 1' TERM\necho $$ > ${folder}/at\nwhile :; do sh -c ':'; done`;
  const runner = start(one(script));
  const group = Number(await readFile(join(folder, 'at'), 'utf8'));
  const notes = (): { pid: number }[] =>
    readdirSync(join(folder, '.moft/attempts'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('process.json'))
      .map((name) => readFileSync(join(folder, '.moft/attempts', name), 'utf8'))
      .map((text) => JSON.parse(text) as { pid: number });
  expect(notes().find(({ pid }) => pid === group)).toMatchObject({
    started: expect.any(String) as string,
    boot: expect.any(String) as string,
  });
  runner.kill('SIGINT');
  const [code] = (await once(runner, 'exit')) as [number];
  expect(code).toBe(130);
  expect(readFileSync(join(folder, 'stopped'), 'utf8')).toBe('stopped\n');
  // Its number may be anybody's from now on: no takeover may find it.
  expect(notes().filter(({ pid }) => pid === group)).toEqual([]);
  expect(isGroupAlive(group)).toBe(false);
  expect(strays(`${folder}/at`)).toEqual([]);
});

it('without a word for as long as `timeout: {silent: ...}` says: it is stopped, as want of a resource', async () => {
  const yaml = one('while :; do sh -c ":"; done', '', '    timeout: {silent: 500ms}\n');
  writeFileSync(join(folder, 'p.yaml'), yaml);
  const runner = spawn(process.execPath, [moft, 'run', 'p.yaml'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  runner.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  const [code] = (await once(runner, 'close')) as [number];
  expect(code).toBe(1);
  expect(told).toMatch(/failed \(resource, silent\): a: stopped after 0\.5 s without a word/);
});
