/** Looking at runs that go on from another terminal: status, attach, cancel, logs -f; all in real processes. */
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Commander } from '../execute/commander.js';
import { Project, type Command } from './moft.js';

let commander: Commander;
beforeEach(() => {
  commander = new Commander();
});
afterEach(() => commander.close());

/** a, then b, commanded by the test. */
function project(): Project {
  const made = new Project(`
name: chain
stages:
  a: {uses: test/step, with: {label: a, socket: ${commander.path}}}
  b: {uses: test/step, with: {label: b, socket: ${commander.path}, before: $a(*).out}}
`);
  onTestFinished(() => made.close());
  return made;
}

interface Status {
  readonly runs: readonly {
    readonly run: string;
    readonly status: string;
    readonly pid: number;
    readonly cells: number;
    readonly counts: Record<string, number>;
    readonly running: readonly Record<string, unknown>[];
    readonly waiting: readonly Record<string, unknown>[];
    readonly unknown_cells: number;
  }[];
}

const idOf = ({ events }: Command): string => events[0]?.run ?? '';
const shown = (command: Command, text: string): Promise<void> =>
  command.until(({ stdout }) => stdout.includes(text));

describe('moft status', () => {
  it('shows what runs, how far it is and under which lease; then that nothing does', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    await a.tell('emit {"type":"progress","done":3,"total":9,"unit":"steps"}');
    await a.tell('emit {"type":"metric","name":"loss","value":0.5,"step":3}');
    const { runs } = await chain.json<Status>('status');
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({
      run: idOf(run),
      status: 'running',
      pid: run.process.pid,
      cells: 2,
      counts: { ran: 0, hit: 0, failed: 0, skipped: 0 },
      running: [
        { cell: 'a', attempt: 1, progress: '3/9 steps', metric: 'loss 0.5', lease: { epoch: 1, own: true } },
      ],
      unknown_cells: 2,
    });
    const { stdout } = await chain.run('status');
    expect(stdout).toContain('0/2 cells, time left: not known yet');
    expect(stdout).toMatch(/ a +\S+ s +3\/9 steps {2}loss 0\.5/);
    a.finish();
    (await commander.next('b')).finish();
    await run.ended;
    expect((await chain.run('status')).stdout).toBe('no run goes on in this store\n');
    const { code, stderr } = await chain.run('status', idOf(run));
    expect([code, stderr]).toEqual([2, expect.stringContaining('does not go on: it is done')]);
  });

  it('lists what waits, and for what: another run, a resource that others hold', async () => {
    const made = new Project(`
name: waits
stages:
  wide: {uses: test/step, with: {label: wide, socket: ${commander.path}}, resources: {tokens: {licence: 1}}, priority: 2}
  licensed: {uses: test/step, with: {label: licensed, socket: ${commander.path}}, resources: {tokens: {licence: 1}}}
  after: {uses: test/step, with: {label: after, socket: ${commander.path}, before: [$licensed.out]}}
`);
    onTestFinished(() => made.close());
    const options = ['--json', '-j', '4', '--token', 'licence=1'];
    const one = made.start(['run', 'p.yaml', ...options]);
    const wide = await commander.next('wide');
    const two = made.start(['run', 'p.yaml', '--only', 'wide', ...options]);
    await two.until(({ stdout }) => stdout.includes('"cell-waiting"'));
    const { runs } = await made.json<Status>('status');
    const waiting = Object.fromEntries(runs.map(({ run, waiting }) => [run, waiting]));
    expect(waiting).toEqual({
      [idOf(one)]: [{ cell: 'licensed', for: 'resources', lacks: ['tokens.licence'] }],
      [idOf(two)]: [
        { cell: 'wide', for: 'lease', holder: expect.objectContaining({ pid: one.process.pid }) as unknown },
      ],
    });
    const { stdout } = await made.run('status');
    expect(stdout).toMatch(/ licensed +waits for tokens\.licence\n/);
    expect(stdout).toMatch(new RegExp(` wide +waits for \\S+ pid ${one.process.pid}, which runs it\n`));
    wide.finish();
    (await commander.next('licensed')).finish();
    (await commander.next('after')).finish();
    expect([(await one.ended).code, (await two.ended).code]).toEqual([0, 0]);
  });

  it('leaves a killed run out', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    run.process.kill('SIGKILL');
    await Promise.all([run.ended, a.gone]);
    expect((await chain.json<Status>('status')).runs).toEqual([]);
  });
});

describe('moft cancel', () => {
  it('stops a run with grace, waits for it, and what was finished is kept', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml', '--json']);
    (await commander.next('a')).finish();
    await commander.next('b');
    const cancel = await chain.run('cancel');
    expect(cancel).toMatchObject({ code: 0, stdout: `${idOf(run)} is interrupted; 1 finished cell kept\n` });
    const ended = await run.ended;
    expect(ended.code).toBe(130);
    expect(ended.stderr).toContain('as `moft cancel` asked');
    expect(run.events.at(-1)).toMatchObject({ type: 'run-finished', status: 'interrupted' });
  });

  it('--now does not wait for a cell that does not listen', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    await a.tell('deaf');
    const graceful = chain.start(['cancel', idOf(run)]);
    await run.until(({ stderr }) => stderr.includes('moft cancel'));
    const now = await chain.run('cancel', idOf(run).slice(-8), '--now', '--json');
    expect(now.code).toBe(0);
    expect(JSON.parse(now.stdout)).toEqual({ run: idOf(run), status: 'interrupted', finished_cells: 0 });
    expect([(await run.ended).code, (await graceful.ended).code]).toEqual([130, 0]);
    await a.gone;
  });

  it('needs a run that goes on', async () => {
    const { code, stderr } = await project().run('cancel');
    expect([code, stderr]).toEqual([2, expect.stringContaining('no run goes on in this store')]);
  });
});

describe('moft attach', () => {
  it('shows what the run shows from its beginning, and ends with its exit code', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml']);
    const a = await commander.next('a');
    const attached = chain.start(['attach']);
    await shown(attached, 'start    a');
    await a.tell('emit {"type":"log","level":"warning","text":"mind the gap"}');
    await shown(attached, 'warning  a  mind the gap');
    a.finish();
    (await commander.next('b')).send('fail user no such column');
    const [own, other] = [await run.ended, await attached.ended];
    expect([own.code, other.code]).toEqual([1, 1]);
    const lines = ({ stdout }: { stdout: string }): string[] =>
      stdout.split('\n').filter((line) => /^(start|warning|ran|failed)/.test(line));
    expect(lines(other)).toEqual(lines(own));
    expect(other.stderr).toContain('failed (user, test): b: no such column');
  });

  it('prints the events of the run as JSON', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    const attached = chain.start(['attach', '--json']);
    await shown(attached, '"cell-started"');
    await a.tell('emit {"type":"metric","name":"loss","value":0.5,"step":3}');
    await shown(attached, '"loss"');
    a.finish();
    (await commander.next('b')).finish();
    await Promise.all([run.ended, attached.ended]);
    const told = ({ events }: Command): unknown[] => events.map((event) => ({ ...event, time: 0 }));
    expect(told(attached)).toEqual(told(run));
  });

  it.each([
    ['is full in the middle', 'cell-finished', ['a']],
    ['has no room for the last line', 'run-finished', ['a', 'b']],
  ])('ends with the run, and as it does, where the disk of the journal %s', async (_, full, cells) => {
    const chain = project();
    const run = chain.start(['--fault', JSON.stringify({ full }), 'run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    const attached = chain.start(['attach']);
    await shown(attached, 'start    a');
    a.finish();
    for (const name of cells.slice(1)) (await commander.next(name)).finish();
    const [own, other] = [await run.ended, await attached.ended];
    expect([own.code, other.code]).toEqual([3, 3]);
    expect(other.stderr).toContain('has no end');
  });

  it('leaves the run alone when it is interrupted, and says when the run was killed', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    const left = chain.start(['attach']);
    await shown(left, 'start    a');
    left.process.kill('SIGINT');
    expect(await left.ended).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('goes on') as string,
    });
    expect(run.process.exitCode).toBeNull();
    const again = chain.start(['attach']);
    await shown(again, 'start    a');
    run.process.kill('SIGKILL');
    expect(await again.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('was killed') as string,
    });
    await a.gone;
  });
});

describe('moft logs -f', () => {
  it('waits for a cell, follows it over its attempts, and ends with it', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    const logs = chain.start(['logs', '-f', 'b']);
    a.finish();
    const first = await commander.next('b');
    await first.tell('emit {"type":"log","level":"info","text":"first words"}');
    await first.tell('print printed text');
    await shown(logs, 'first words');
    await shown(logs, 'printed text');
    process.kill(first.hello.pid, 'SIGKILL');
    const second = await commander.next('b');
    await second.tell('emit {"type":"log","level":"info","text":"second try"}');
    second.finish();
    const { code, stdout } = await logs.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/first words[^]*printed text[^]*--- attempt 2 ---[^]*second try/);
    expect((await run.ended).code).toBe(0);
  });

  it('ends with 1 where the cell fails', async () => {
    const chain = project();
    const run = chain.start(['run', 'p.yaml', '--json']);
    const a = await commander.next('a');
    const logs = chain.start(['logs', '--follow', 'a']);
    await a.tell('print last words');
    await shown(logs, 'last words');
    a.send('fail user no');
    expect((await logs.ended).code).toBe(1);
    expect((await run.ended).code).toBe(1);
  });
});
