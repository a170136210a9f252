/** Real worker processes, commanded by the test. */
import fs, { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { EventLog } from '../../runner/execute/worker/event-log.js';
import type { CellId } from '../../runner/pipeline.js';
import { sha256 } from '../../schemas/json.js';
import type { StageEvent } from '../../schemas/protocol.js';
import { openLine } from '../../runner/store/lines.js';
import { Rig } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

const id = (name: string): CellId => name as CellId;

describe('cells', () => {
  it('overlap in separate processes, and both outputs are kept', async () => {
    const { summary, store } = await rig.start([rig.step('a'), rig.step('b')]);
    const [a, b] = [await rig.commander.next('a'), await rig.commander.next('b')];
    expect(new Set([a.hello.pid, b.hello.pid, process.pid]).size).toBe(3);
    a.finish();
    b.finish();
    expect((await summary).counts).toEqual({ ran: 2, hit: 0, failed: 0, skipped: 0 });
    expect(rig.story.slice(0, 2).sort()).toEqual(['start a#1', 'start b#1']);
    const manifest = store.runs.read('run-1');
    const bound = manifest?.cells.a;
    const record = bound && store.records.read(bound.key, bound.record);
    const ref = store.cas.artifactRef('file', record?.record.artifacts[0]?.digest ?? '');
    expect(ref.ok && readFileSync(ref.value.path, 'utf8')).toBe('a\n');
    expect(record?.record.environment).toMatchObject({ node: process.version, platform: process.platform });
  });

  it('are served from the store the next time', async () => {
    const first = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })]);
    (await rig.commander.next('a')).finish();
    (await rig.commander.next('b')).finish();
    await first.summary;
    const second = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })]);
    const { counts, savedSeconds, status } = await second.summary;
    expect(counts).toEqual({ ran: 0, hit: 2, failed: 0, skipped: 0 });
    expect(status).toBe('done');
    expect(savedSeconds).toBeGreaterThan(0);
    expect(rig.commander.seen).toEqual(['a', 'b']);
  });

  it('run one after the other in one warm worker', async () => {
    const { summary } = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })]);
    const a = await rig.commander.next('a');
    a.finish();
    const b = await rig.commander.next('b');
    b.finish();
    await summary;
    expect(b.hello.pid).toBe(a.hello.pid);
  });

  it('below a changed parent with the same output are hits (early cutoff)', async () => {
    const chain = (value: number) => [
      rig.step('a', { kind: 'test/sum', with: { value }, outputs: { sum: 'file' } }),
      rig.step('clamp', { kind: 'test/step', needs: [id('a')] }),
    ];
    const first = await rig.start(chain(1));
    (await rig.commander.next('clamp')).finish();
    await first.summary;
    const second = await rig.start(chain(2));
    expect((await second.summary).counts).toEqual({ ran: 1, hit: 1, failed: 0, skipped: 0 });
  });

  it('with equal keys run once', async () => {
    const same = { with: { label: 'same', socket: rig.commander.path } };
    const { summary } = await rig.start([rig.step('a', same), rig.step('b', same)]);
    (await rig.commander.next('same')).finish();
    expect((await summary).counts).toEqual({ ran: 1, hit: 1, failed: 0, skipped: 0 });
    expect(rig.commander.seen).toEqual(['same']);
  });

  it('get the secrets they declare, outside the key', async () => {
    const cell = rig.step('a', { secrets: ['TEST_SECRET'] });
    const { summary, store } = await rig.start([cell]);
    const a = await rig.commander.next('a');
    expect(a.hello.secret).toBe('value of TEST_SECRET');
    a.finish();
    await summary;
    const [attempt] = store.attempts.list('run-1', cell.id);
    expect(readFileSync(attempt?.job ?? '', 'utf8')).not.toContain('value of TEST_SECRET');
  });
});

describe('code that changes while a cell runs', () => {
  it('taints the cells that reach it: counted, not kept, and their children run on their bytes', async () => {
    const cells = [
      rig.step('a'),
      rig.step('twin', { with: { label: 'a', socket: rig.commander.path } }),
      rig.step('b', { after: ['a'], kind: 'test/engine-step' }),
    ];
    const { summary, store } = await rig.start(cells, {
      changedCode: ({ listing }) => Object.keys(listing.modules).filter((name) => name === 'test/test/step'),
    });
    const a = await rig.commander.next('a');
    a.finish();
    const b = await rig.commander.next('b');
    b.finish();
    const { counts, status } = await summary;
    expect(counts).toEqual({ ran: 2, hit: 1, failed: 0, skipped: 0, tainted: 2 });
    expect(status).toBe('done');
    expect(b.hello.pid).not.toBe(a.hello.pid);
    const ended = rig.journal.filter((event) => event.type === 'cell-finished');
    const told = ended.map((event) => [event.cell, event.tainted, 'record' in event] as const);
    expect(told.sort(([one], [two]) => (one < two ? -1 : 1))).toEqual([
      ['a', true, false],
      ['b', undefined, true],
      ['twin', true, false],
    ]);
    const bound = store.runs.read('run-1')?.cells ?? {};
    expect(Object.keys(bound)).toEqual(['b']);
    const record = bound.b && store.records.read(bound.b.key, bound.b.record);
    const digest = sha256('a\n');
    expect(record?.record.preimage).toMatchObject({ inputs: { before: [{ stage: 'a', digest }] } });
    // The next run knows the child and not its parent.
    const again = await rig.start(cells);
    (await rig.commander.next('a')).finish();
    expect((await again.summary).counts).toEqual({ ran: 1, hit: 2, failed: 0, skipped: 0 });
  });
});

describe('a cell that another runner is at', () => {
  it('says once for whom it waits, and takes the result', async () => {
    const first = await rig.start([rig.step('a')]);
    const a = await rig.commander.next('a');
    const waiting = rig.until((event) => event.type === 'cell-waiting');
    const second = await rig.start([rig.step('a')]);
    expect(await waiting).toMatchObject({
      cell: 'a',
      holder: { runner: first.store.runner, host: hostname(), pid: process.pid },
    });
    a.finish();
    expect((await first.summary).counts).toMatchObject({ ran: 1 });
    expect((await second.summary).counts).toMatchObject({ ran: 0, hit: 1 });
    expect(rig.journal.filter((event) => event.type === 'cell-waiting')).toHaveLength(1);
  });
});

describe('code that a key does not count', () => {
  it('fails the cell that loads it, also where its warm worker has loaded it before', async () => {
    const { summary, store } = await rig.start(
      [rig.step('a'), rig.step('b', { needs: [id('a')] }), rig.step('c')],
      {
        capacity: { cpu: 1, memory: 2 ** 30, gpus: [], tokens: {} },
      },
    );
    const a = await rig.commander.next('a');
    await a.tell('reward brevity');
    a.finish();
    const c = await rig.commander.next('c');
    expect(c.hello.pid).toBe(a.hello.pid);
    await c.tell('reward brevity');
    c.finish();
    const { counts, failures } = await summary;
    expect(counts).toEqual({ ran: 0, hit: 0, failed: 2, skipped: 1 });
    expect(failures).toMatchObject([
      {
        failure: {
          class: 'internal',
          code: 'unlisted-code',
          message: expect.stringContaining('loaded stages/rewards/brevity.js') as string,
        },
        cells: ['a', 'c'],
      },
    ]);
    expect(store.records.keys()).toEqual([]);
  });

  it('is found among what is required, and packages that the key counts are taken', async () => {
    const { summary, store } = await rig.start([rig.step('a'), rig.step('b')]);
    const a = await rig.commander.next('a');
    await a.tell('require fast-uri');
    a.finish();
    const b = await rig.commander.next('b');
    await b.tell('require fast-deep-equal');
    b.finish();
    const { failures } = await summary;
    expect(failures).toMatchObject([{ failure: { code: 'unlisted-code' }, cells: ['b'] }]);
    expect(failures[0]?.failure.message).toContain('loaded fast-deep-equal,');
    const [attempt] = store.attempts.list('run-1', id('a'));
    const exit = JSON.parse(readFileSync(attempt?.exit ?? '', 'utf8')) as { readonly modules: string[] };
    expect(exit.modules).toContain('fast-uri');
  });
});

describe('events', () => {
  it('reach the listener while the cell runs and stay in events.jsonl with seq and nonce', async () => {
    const cell = rig.step('a');
    const { summary, store } = await rig.start([cell]);
    const a = await rig.commander.next('a');
    const heard = rig.until((event) => event.type === 'metric');
    await a.tell('emit {"type":"metric","name":"loss","value":2.5,"step":1}');
    expect(await heard).toMatchObject({ cell: 'a', name: 'loss', value: 2.5, seq: 1 });
    await a.tell('emit {"type":"log","level":"info","text":"hello"}');
    a.finish();
    await summary;
    const [attempt] = store.attempts.list('run-1', cell.id);
    const lines = readFileSync(attempt?.events ?? '', 'utf8')
      .trim()
      .split('\n');
    const events = lines.map((line) => JSON.parse(line) as StageEvent & { attempt: string });
    expect(events.map(({ seq, type }) => [seq, type])).toEqual([
      [1, 'metric'],
      [2, 'log'],
    ]);
    expect(events.every((event) => event.attempt === attempt?.nonce && Number.isInteger(event.time))).toBe(
      true,
    );
    const finished = rig.journal.find((event) => event.type === 'cell-finished');
    expect(finished).toMatchObject({ events: { attempt: attempt?.nonce, first: 1, last: 2 } });
  });

  it('that no JSON can say fail the cell', async () => {
    const { summary } = await rig.start([rig.step('a')]);
    (await rig.commander.next('a')).send('emit {"type":"metric","name":"loss","value":1e999,"step":7}');
    const [group] = (await summary).failures;
    expect(group?.failure).toMatchObject({ class: 'user', code: 'metric-not-finite' });
    expect(group?.failure.message).toContain('loss is Infinity at step 7');
  });

  it('are written whole where the system takes them in pieces', () => {
    const folder = mkdtempSync(join(tmpdir(), 'moft-events-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const write = fs.writeSync;
    const spy = vi.spyOn(fs, 'writeSync');
    spy.mockImplementation((file: number, bytes: unknown, from?: unknown) => {
      const rest = Buffer.from(bytes as Uint8Array).subarray(Number(from ?? 0));
      return write(file, rest, 0, Math.min(7, rest.length));
    });
    syncBuiltinESMExports();
    onTestFinished(() => {
      spy.mockRestore();
      syncBuiltinESMExports();
    });
    const path = join(folder, 'events.jsonl');
    const log = new EventLog({ path, attempt: 'x', now: () => 1, onEvent: () => undefined });
    for (const text of ['one', 'two']) log.append({ type: 'log', level: 'info', text });
    log.close();
    const [one = '', two = '', ...rest] = readFileSync(path, 'utf8').split('\n');
    expect([openLine(one), openLine(two)]).toEqual([
      expect.stringContaining('"text":"one"'),
      expect.stringContaining('"text":"two"'),
    ]);
    expect(rest).toEqual(['']);
  });

  it('leave what a stage prints in the log of its attempt', async () => {
    const cell = rig.step('a');
    const { summary, store } = await rig.start([cell]);
    const a = await rig.commander.next('a');
    await a.tell('print something to read');
    a.finish();
    await summary;
    const [attempt] = store.attempts.list('run-1', cell.id);
    expect(readFileSync(attempt?.log ?? '', 'utf8')).toContain('something to read');
  });
});

describe('a worker', () => {
  it('killed in mid-cell is a failure of the infrastructure, and the cell is tried again in another', async () => {
    const { summary } = await rig.start([rig.step('a')]);
    const first = await rig.commander.next('a');
    process.kill(first.hello.pid, 'SIGKILL');
    const second = await rig.commander.next('a');
    expect(second.hello.pid).not.toBe(first.hello.pid);
    second.finish();
    expect((await summary).counts.ran).toBe(1);
    expect(rig.story).toEqual(['start a#1', 'retry a', 'start a#2', 'ran a']);
    const retried = rig.journal.find((event) => event.type === 'cell-retried');
    expect(retried).toMatchObject({ failure: { class: 'infrastructure', code: 'worker-killed' } });
  });

  it('whose reports can not be read is ended, and its cell is tried again in another', async () => {
    const { summary } = await rig.start([rig.step('a')]);
    const first = await rig.commander.next('a');
    first.send('garble');
    const second = await rig.commander.next('a');
    expect(second.hello.pid).not.toBe(first.hello.pid);
    second.finish();
    expect((await summary).counts.ran).toBe(1);
    const retried = rig.journal.find((event) => event.type === 'cell-retried');
    expect(retried).toMatchObject({ failure: { class: 'infrastructure', code: 'worker-garbled' } });
  });

  it('is thrown away after a failure', async () => {
    const { summary } = await rig.start([rig.step('a'), rig.step('b', { needs: [] })], {
      capacity: { cpu: 1, memory: 0, gpus: [], tokens: {} },
    });
    const a = await rig.commander.next('a');
    a.send('fail user no such file');
    const b = await rig.commander.next('b');
    b.finish();
    const { failures } = await summary;
    expect(b.hello.pid).not.toBe(a.hello.pid);
    expect(failures).toEqual([
      { failure: { class: 'user', code: 'test', message: 'no such file' }, cells: ['a'] },
    ]);
  });

  it('refuses a kind that loads the engine and does not declare it', async () => {
    const { summary } = await rig.start([rig.step('a')]);
    const a = await rig.commander.next('a');
    await a.tell('tensors 0');
    a.finish();
    const [group] = (await summary).failures;
    expect(group?.failure).toMatchObject({ class: 'internal', code: 'undeclared-engine' });
  });

  it('refuses Math.random', async () => {
    const { summary } = await rig.start([rig.step('a')]);
    (await rig.commander.next('a')).send('random');
    const [group] = (await summary).failures;
    expect(group?.failure).toMatchObject({ class: 'internal', code: 'math-random' });
  });

  it('that says it is done must have written its outputs', async () => {
    const { summary, store } = await rig.start([rig.step('a')]);
    (await rig.commander.next('a')).send('omit');
    const [group] = (await summary).failures;
    expect(group?.failure).toMatchObject({ class: 'internal', code: 'output-missing' });
    expect(store.records.keys()).toEqual([]);
  });

  it('that writes something else than its type is refused', async () => {
    const { summary } = await rig.start([rig.step('a', { outputs: { out: 'dataset' } })]);
    (await rig.commander.next('a')).finish();
    const [group] = (await summary).failures;
    expect(group?.failure.message).toContain('the output "out" can\'t be kept');
  });

  it('that cannot be started is a failure of the infrastructure', async () => {
    const { summary } = await rig.start([rig.step('a', { retries: { infrastructure: 0 } })], {
      pool: { command: ['/nonexistent/node'] },
    });
    const [group] = (await summary).failures;
    expect(group?.failure).toMatchObject({ class: 'infrastructure', code: 'worker-died' });
  });
});

describe('failures', () => {
  it('that are the same in many cells are reported once', async () => {
    const cells = ['a', 'b', 'c'].map((name) => rig.step(name));
    const { summary } = await rig.start(cells, { capacity: { cpu: 3, memory: 0, gpus: [], tokens: {} } });
    for (const name of ['a', 'b', 'c'])
      (await rig.commander.next(name)).send('fail user the column is missing');
    const { failures } = await summary;
    expect(failures).toHaveLength(1);
    expect([...(failures[0]?.cells ?? [])].sort()).toEqual(['a', 'b', 'c']);
  });

  it('of our own are told apart from those of the user, with their stack in the log', async () => {
    const cell = rig.step('a');
    const { summary, store } = await rig.start([cell]);
    (await rig.commander.next('a')).send('throw undefined is not a function');
    const [group] = (await summary).failures;
    expect(group?.failure.class).toBe('internal');
    expect(group?.failure.message).toContain('please report it');
    const [attempt] = store.attempts.list('run-1', cell.id);
    expect(readFileSync(attempt?.log ?? '', 'utf8')).toContain('kinds.mjs');
  });

  it('of the journal stop the run as a fault of the environment', async () => {
    const full = { class: 'environment', code: 'disk-full', message: 'the disk is full' } as const;
    const { summary } = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })], {
      journal: (event) => (event.type === 'cell-started' ? full : undefined),
    });
    (await rig.commander.next('a')).finish();
    const { status, counts, failures } = await summary;
    expect(status).toBe('environment');
    expect(counts).toEqual({ ran: 1, hit: 0, failed: 0, skipped: 1 });
    expect(failures).toEqual([{ failure: full, cells: [] }]);
  });
});

describe('two runs on one store', () => {
  it('share the work: a cell that one runs, the other waits for', async () => {
    const cells = [rig.step('a'), rig.step('b')];
    const first = await rig.start(cells, { capacity: { cpu: 1, memory: 0, gpus: [], tokens: {} } });
    const a = await rig.commander.next();
    const second = await rig.start(cells, { capacity: { cpu: 1, memory: 0, gpus: [], tokens: {} } });
    const b = await rig.commander.next();
    expect([a.hello.label, b.hello.label].sort()).toEqual(['a', 'b']);
    a.finish();
    b.finish();
    const counts = [(await first.summary).counts, (await second.summary).counts];
    expect(counts.map(({ ran }) => ran)).toEqual([1, 1]);
    expect(counts.map(({ hit }) => hit)).toEqual([1, 1]);
    expect(rig.commander.seen).toHaveLength(2);
  });
});
