/** Commands that look at what is there: where there is nothing, where little of it is asked for, and as JSON. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { auditedCell } from '../../cli/audit/rerun.js';
import { exitCode } from '../../cli/exit.js';
import type { CliHost } from '../../cli/host.js';
import { newestReport, newestResult } from '../../cli/results.js';
import { withStore } from '../../cli/with-store.js';
import { createDisk } from '../../runner/store/index.js';
import { freshStore, recordOf, valueOf } from '../store/fixtures.js';
import { nameRun, publish } from '../store/upkeep-fixtures.js';
import { Project } from './moft.js';

const parts = `
name: parts
on_failure: keep-going
stages:
  good: {uses: test/sum}
  bad: {uses: test/gate, with: {open: false}}
  dice: {uses: test/roll}
`;

let project: Project;
beforeEach(() => {
  project = new Project('name: one\nstages:\n  one: {uses: test/sum}\n');
  onTestFinished(() => project.close());
});

it('a command that looks makes no store where there is neither one nor a project', async () => {
  rmSync(join(project.folder, 'package.json'));
  const commands = [
    ...[['cancel'], ['doctor'], ['gc'], ['report', 'p.yaml'], ['restore', 'r'], ['pin', 'one'], ['audit']],
    ...[['sync', '--track', 'http://127.0.0.1:9'], ['mlflow']],
  ];
  for (const command of commands)
    expect(await project.run(...command)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`there is no store at ${join(project.folder, '.moft')}`) as string,
    });
  expect(readdirSync(project.folder)).toEqual(['p.yaml']);
});

describe('manifests of runs', () => {
  it('are read until what is sought is found, newest first', async () => {
    const store = await freshStore();
    const record = await publish(store, 'any');
    const runs = Array.from({ length: 20 }, (_, i) => `r${String(i).padStart(2, '0')}`);
    for (const run of runs) nameRun(store, record, 'done', store.runner, { run });
    const read = vi.spyOn(store.runs, 'read');
    expect(newestResult(store, 'a', undefined).record).toEqual(record);
    expect(read.mock.calls.length).toBeLessThanOrEqual(2);
    read.mockClear();
    expect(newestReport(store, '/of/no/run.yaml', undefined)).toBeUndefined();
    expect(read).toHaveBeenCalledTimes(20);
  });
});

describe('what could not be kept', () => {
  /** A host whose disk breaks when it is told to. */
  function brittle() {
    let told = '';
    let isBroken = false;
    const disk = createDisk(({ operation }) => {
      if (isBroken && operation === 'sync')
        throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'fsync' });
    });
    const host = { store: { disk }, stderr: { write: (line: string) => (told += line) } };
    return { host: host as unknown as CliHost, told: () => told, breakDisk: () => (isBroken = true) };
  }

  it.each([
    [exitCode.done, exitCode.environment],
    [exitCode.failed, exitCode.failed],
  ])('ends a command that would end with %d with %d', async (exit, expected) => {
    const { root } = await freshStore();
    const { host, told, breakDisk } = brittle();
    const ended = withStore({ root }, host, async (store) => {
      const put = valueOf(store.cas.putBytes('lost'));
      await store.records.publish(recordOf({ note: 'lost' }, [{ name: 'out', type: 'file', put }]));
      breakDisk();
      return exit;
    });
    expect(await ended).toBe(expected);
    expect(told()).not.toBe('');
  });

  it('is nothing where the disk is well', async () => {
    const { root } = await freshStore();
    expect(await withStore({ root }, brittle().host, () => Promise.resolve(exitCode.done))).toBe(0);
  });
});

it('other bytes are never called the same where their result is gone', async () => {
  const store = await freshStore();
  const record = await publish(store, 'stands');
  nameRun(store, record, 'done', store.runner);
  const manifest = store.runs.read('r1');
  if (!manifest?.cells.a) throw new Error('the run was not written');
  const cells = { a: { ...manifest.cells.a, forced: 'different' as const } };
  const planned = { cell: { id: 'a', kind: 'test' }, record } as unknown as Parameters<typeof auditedCell>[0];
  const judging = { manifest: { ...manifest, cells }, store, kinds: new Map(), pipeline: 'p' };
  expect(auditedCell(planned, judging)).toMatchObject([{ verdict: 'different' }]);
});

it('ls lists cells that left no result, and says of each run how many', async () => {
  project.write('p.yaml', parts);
  expect(await project.run('run', 'p.yaml')).toMatchObject({ code: 1 });
  const [run] = await project.json<{ run: string; counts: object }[]>('ls');
  expect(run?.counts).toEqual({ ran: 1, hit: 0, failed: 1, stopped: 0, tainted: 0, uncacheable: 1 });
  expect((await project.run('ls')).stdout).toContain('1 cell ran  0 hit, 1 failed, 1 uncacheable');
  const cells = await project.json<object[]>('ls', run?.run ?? '');
  expect(cells).toHaveLength(3);
  expect(cells).toMatchObject([
    { id: 'good', how: 'ran', kind: 'test/sum' },
    { id: 'bad', how: 'failed', failure: { class: 'user', code: 'closed' } },
    { id: 'dice', how: 'uncacheable' },
  ]);
  expect((await project.run('ls', run?.run ?? '')).stdout).toMatch(/^bad +failed +the gate is closed; set/m);
});

it.each([
  ['plan', { ok: false, errors: [{ code: 'not-a-file' }] }],
  ['run', { type: 'error', errors: [{ code: 'not-a-file' }] }],
])('%s --json says why no plan can be made', async (command, told) => {
  project.write('p.yaml', 'name: one\nstages:\n  one: {uses: test/copy, with: {data: words.txt}}\n');
  execFileSync('mkfifo', [join(project.folder, 'words.txt')]);
  const { code, stdout, stderr } = await project.run(command, 'p.yaml', '--json');
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject(told);
  expect(stderr).toContain('is not a regular file');
});

it.each([
  [['plan', 'p.yaml', '--rows', '2'], '--rows is for --preview'],
  [['graph', 'p.yaml', '--backend', 'cpu'], '--backend is for --plan'],
  [['audit', '--set', 'a=1'], '--preset, --param and --set are for a file'],
  [
    ['diff', '20260102T030405678-1a2b3c4d', '20260102T030405679-1a2b3c4d', '-p', 'a=1'],
    '--param is for a file',
  ],
  [['sync', '--follow', '--json', 'r'], '--follow prints nothing'],
])('%j is refused: it would do nothing', async (args, message) => {
  expect(await project.run(...args)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(message) as string,
  });
});

it('pins, keys and servers answer as JSON', async () => {
  await project.run('run', 'p.yaml');
  expect(await project.json('pin', 'one')).toMatchObject({ cell: 'one', pinned: true });
  expect(await project.json('pin', 'one', '--remove')).toMatchObject({ cell: 'one', pinned: false });
  expect(await project.json('push', '--make-key')).toMatchObject({ trust: [expect.any(String)] });
  expect(await project.json('mlflow', '--stop')).toEqual({ stopped: null });
});

it.each([
  [['plan', 'p.yaml'], false],
  [['run', 'p.yaml'], true],
  [['ls'], false],
  [['logs', 'all'], true],
])('%j --json in an environment that is wrong are JSON too', async (args, event) => {
  const env = { MOFT_HOME: join(project.folder, 'p.yaml', 'below-a-file') };
  const { code, stdout, stderr } = await project.start([...args, '--json'], { env }).ended;
  expect(code).toBe(3);
  expect(stderr).toContain('a file stands where a folder is needed');
  const told = JSON.parse(stdout) as { errors: unknown[] };
  expect(told).toMatchObject(event ? { type: 'error' } : { ok: false });
  expect(told.errors).toEqual([
    {
      code: 'disk-error',
      message: expect.stringContaining('a file stands where a folder is needed') as string,
      hint: 'move it away',
    },
  ]);
});

it('show names who made each input', async () => {
  project.write(
    'p.yaml',
    'name: two\nstages:\n  one: {uses: test/sum, matrix: {value: [1, 2]}, with: {value: $matrix.value}}\n' +
      '  all: {uses: test/sum, with: {numbers: $one(value=*).sum}}\n',
  );
  expect(await project.run('run', 'p.yaml')).toMatchObject({ code: 0 });
  const { stdout } = await project.run('show', 'all');
  expect(stdout).toMatch(/\n {5}numbers {2}[0-9a-f]{64} {2}sum of one\/value=1\n/);
  expect(stdout).toMatch(/\n {14}[0-9a-f]{64} {2}sum of one\/value=2\n/);
});
