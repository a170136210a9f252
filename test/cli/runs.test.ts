/** Whole runs in real processes: stopped, killed, beside each other, without disk or rights. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Commander } from '../execute/commander.js';
import { openStore } from '../../runner/store/index.js';
import { Random } from '../../stages/random.js';
import { Project, type Ended } from './moft.js';

let commander: Commander;
beforeEach(() => {
  commander = new Commander();
});
afterEach(() => commander.close());

function project(pipeline: string, parent?: string): Project {
  const made = new Project(pipeline, parent);
  onTestFinished(() => made.close());
  return made;
}

/** a, then b, commanded by the test. */
const chain = (): string => `
name: chain
stages:
  a: {uses: test/step, with: {label: a, socket: ${commander.path}}}
  b: {uses: test/step, with: {label: b, socket: ${commander.path}, before: $a(*).out}}
`;

const counts = ({ stdout }: Ended): unknown => {
  const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { type: string; counts: unknown };
  expect(last.type).toBe('run-finished');
  return last.counts;
};

describe('Ctrl-C', () => {
  it('once lets a cell end by its signal, keeps what is finished, and the next run goes on', async () => {
    const chained = project(chain());
    const run = chained.start(['run', 'p.yaml', '--json']);
    (await commander.next('a')).finish();
    await commander.next('b');
    run.process.kill('SIGINT');
    const ended = await run.ended;
    expect(ended).toMatchObject({ code: 130, signal: null });
    expect(counts(ended)).toEqual({ ran: 1, hit: 0, failed: 0, skipped: 1 });
    expect(ended.stderr).toContain('finished cells are kept');
    const again = chained.start(['run', 'p.yaml', '--json']);
    (await commander.next('b')).finish();
    expect(counts(await again.ended)).toEqual({ ran: 1, hit: 1, failed: 0, skipped: 0 });
    expect(commander.seen).toEqual(['a', 'b', 'b']);
  });

  it('says what was stopped and how to go on', async () => {
    const text = `${chain()}  c: {uses: test/step, with: {label: c, socket: ${commander.path}, before: $b(*).out}}\n`;
    const run = project(text).start(['run', 'p.yaml']);
    (await commander.next('a')).finish();
    await commander.next('b');
    run.process.kill('SIGINT');
    const { stdout } = await run.ended;
    expect(stdout).toContain('1 ran, 0 hit, 1 stopped, 1 not begun');
    expect(stdout).toContain('run the same command to go on');
  });

  it('twice does not wait for a cell that does not listen', async () => {
    const run = project(chain()).start(['run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    await a.tell('deaf');
    run.process.kill('SIGINT');
    await run.until(({ stderr }) => stderr.includes('Ctrl-C again'));
    expect(run.process.exitCode).toBeNull();
    run.process.kill('SIGINT');
    expect(await run.ended).toMatchObject({ code: 130, signal: null });
    await a.gone;
  });
});

describe('a killed runner', () => {
  it('takes its workers with it, also one in a loop that never returns', async () => {
    const pair = `
name: pair
stages:
  a: {uses: test/step, with: {label: a, socket: ${commander.path}}}
  b: {uses: test/step, with: {label: b, socket: ${commander.path}}}
`;
    const run = project(pair).start(['run', 'p.yaml', '--json', '--jobs', '2']);
    const [a, b] = [await commander.next('a'), await commander.next('b')];
    await a.tell('deaf');
    b.send('spin');
    await run.until(({ stdout }) => stdout.includes('"progress"'));
    run.process.kill('SIGKILL');
    await Promise.all([a.gone, b.gone, run.ended]);
  });

  const sums = `
name: sums
stages:
  one:
    uses: test/sum
    matrix: {value: [1, 2, 3]}
    with: {value: $matrix.value}
  two:
    uses: test/sum
    with: {value: 10, numbers: $one(value=*).sum}
  all:
    uses: test/sum
    with: {value: 100, numbers: $two(*).sum}
`;

  /** Every cell's key and the digests of its artifacts in a run, after all blobs were hashed again. */
  async function results({ folder }: Project, { stdout }: Ended): Promise<Record<string, unknown>> {
    const store = await openStore(join(folder, '.moft'), { access: 'read' });
    if (!store.ok) throw new Error(store.error.message);
    const { run } = JSON.parse(stdout.split('\n', 1)[0] ?? '') as { run: string };
    const cells = Object.entries(store.value.runs.read(run)?.cells ?? {});
    const found = cells.map(async ([id, { key, record }]) => {
      const artifacts = store.value.records.read(key, record)?.record.artifacts ?? [];
      for (const { type, digest } of artifacts) {
        expect(await store.value.cas.verify(type, digest)).toMatchObject({ ok: true });
      }
      return [id, { key, digests: artifacts.map(({ digest }) => digest) }] as const;
    });
    return Object.fromEntries(await Promise.all(found));
  }

  it('at 20 random points: the next run equals a fresh one', { timeout: 600_000 }, async () => {
    const whole = project(sums);
    const full = whole.start(['run', 'p.yaml', '--json']);
    const fresh = await results(whole, await full.ended);
    expect(Object.keys(fresh)).toHaveLength(5);
    const random = new Random(7, 'kill points');
    for (let seed = 0; seed < 20; seed++) {
      const broken = project(sums);
      const point = random.integer(full.events.length);
      const run = broken.start(['run', 'p.yaml', '--json']);
      await run.until(({ stdout }) => stdout.split('\n').length > point);
      run.process.kill('SIGKILL');
      await run.ended;
      const next = await broken.run('run', 'p.yaml', '--json');
      expect({ seed, point, code: next.code, stderr: next.stderr }).toEqual({
        seed,
        point,
        code: 0,
        stderr: '',
      });
      expect(counts(next)).toMatchObject({ failed: 0, skipped: 0 });
      expect(await results(broken, next)).toEqual(fresh);
    }
  });
});

describe('two runs beside each other on one store', () => {
  it('execute every cell once between them', async () => {
    const cells = ['a', 'b', 'c'];
    const stages = cells.map(
      (name) => `  ${name}: {uses: test/step, with: {label: ${name}, socket: ${commander.path}}}`,
    );
    const shared = project(`name: shared\nstages:\n${stages.join('\n')}\n`);
    const args = ['run', 'p.yaml', '--json', '--jobs', '1'];
    const first = shared.start(args);
    const one = await commander.next();
    const second = shared.start(args);
    const two = await commander.next();
    expect(two.hello.label).not.toBe(one.hello.label);
    one.finish();
    const three = await commander.next();
    two.finish();
    three.finish();
    const ended = [await first.ended, await second.ended];
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const sums = ended.map(counts) as { ran: number; hit: number }[];
    expect(sums.map(({ ran, hit }) => ran + hit)).toEqual([3, 3]);
    expect(sums.reduce((total, { ran }) => total + ran, 0)).toBe(3);
    expect([...commander.seen].sort()).toEqual(cells);
  });
});

it('what is forced to run again is computed: no checkpoint is offered to it', async () => {
  const forced = project('name: one\nstages:\n  one: {uses: test/sum}\n');
  expect((await forced.run('run', 'p.yaml')).code).toBe(0);
  expect((await forced.run('run', 'p.yaml', '--force', 'one')).code).toBe(0);
  const attempts = join(forced.folder, '.moft/attempts');
  const jobs = readdirSync(attempts, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('job.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(attempts, name), 'utf8')) as object);
  expect(jobs.map((job) => 'checkpoint' in job)).toEqual([true, false]);
});

describe('the disk', () => {
  it('that is full ends a run with exit 3, says what to do, and breaks nothing', async (context) => {
    const small = project('{}');
    const disk = join(small.folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch (error) {
      console.warn(`SKIPPED: no tmpfs can be mounted here (${String(error).split('\n')[0] ?? ''})`);
      context.skip();
    }
    onTestFinished(() => void execFileSync('umount', ['-l', disk]));
    small.write(
      'full.yaml',
      `
name: full
on_failure: keep-going
stages:
  small: {uses: test/sum}
  big: {uses: test/big, with: {megabytes: 8}, needs: [small]}
  after: {uses: test/sum, with: {value: 2}, needs: [big]}
`,
    );
    const env = { MOFT_HOME: join(disk, 'store') };
    const full = await small.start(['run', 'full.yaml', '--json'], { env }).ended;
    expect(full.code).toBe(3);
    expect(counts(full)).toEqual({ ran: 1, hit: 0, failed: 1, skipped: 1 });
    const text = await small.start(['run', 'full.yaml'], { env }).ended;
    expect(text.code).toBe(3);
    expect(text.stderr).toMatch(/failed \(environment, [A-Za-z-]+\): big: .*(disk|space)/);
    expect(text.stderr).not.toContain(' at '); // no stack
    small.write('fits.yaml', 'name: fits\nstages:\n  small: {uses: test/sum}\n');
    const after = await small.start(['run', 'fits.yaml', '--json'], { env }).ended;
    expect(counts(after)).toEqual({ ran: 0, hit: 1, failed: 0, skipped: 0 });
  });

  it('that may not be written ends a run with exit 3; what only reads goes on', async (context) => {
    const locked = project('name: one\nstages:\n  one: {uses: test/sum}\n');
    const nobody = process.getuid?.() === 0 ? { uid: 65534 } : {};
    chmodSync(locked.folder, 0o555);
    onTestFinished(() => chmodSync(locked.folder, 0o755));
    const help = await locked.start(['--help'], nobody).ended;
    if (help.code !== 0) {
      console.warn('SKIPPED: another user than root cannot read this checkout');
      context.skip();
    }
    const run = await locked.start(['run', 'p.yaml'], nobody).ended;
    expect(run.code).toBe(3);
    expect(run.stderr).toMatch(/permission is denied.*\n {2}hint: .*MOFT_HOME/);
    expect(existsSync(join(locked.folder, '.moft'))).toBe(false);
    const plan = await locked.start(['plan', 'p.yaml'], nobody).ended;
    expect(plan).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(locked.folder)).not.toContain('.moft');
  });

  it.each(['records', 'cas'])(
    'with %s that may not be read ends each command with exit 3, and no stack',
    async (part) => {
      const made = project('name: one\nstages:\n  one: {uses: test/sum}\n');
      const nobody = process.getuid?.() === 0 ? { uid: 65534 } : {};
      chmodSync(made.folder, 0o777);
      const first = await made.start(['run', 'p.yaml'], nobody).ended;
      if (first.code !== 0) {
        console.warn(`SKIPPED: another user than root cannot read this checkout (${first.stderr})`);
        return;
      }
      const folder = join(made.folder, '.moft', part);
      for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0);
      onTestFinished(() => {
        for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o755);
      });
      const commands = [
        ...[
          ['plan', 'p.yaml'],
          ['run', 'p.yaml'],
          ['explain', 'p.yaml', 'one'],
        ],
        // It reads the record alone.
        ...(part === 'records' ? [['show', 'one']] : []),
      ];
      for (const args of commands) {
        const { code, stderr } = await made.start(args, nobody).ended;
        expect([args, code]).toEqual([args, 3]);
        expect(stderr).toMatch(/permission (?:is )?denied[^]*\n {2}hint: .*MOFT_HOME/);
        expect(stderr).not.toContain(' at ');
      }
    },
  );
});
