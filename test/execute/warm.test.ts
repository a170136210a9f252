/** When a warm worker is used again, and when another one takes its place: real processes, commanded by the test. */
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkerPool, type PoolOptions } from '../../runner/execute/pool.js';
import type { CellId } from '../../runner/pipeline.js';
import { Rig } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

/** Tells a first cell to do something, then runs a second; the notes, and whether both had one worker. */
async function after(
  commands: readonly string[],
  { kind = 'test/step', pool = {} }: { readonly kind?: string; readonly pool?: Partial<PoolOptions> } = {},
): Promise<{ readonly same: boolean; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const cells = [rig.step('a', { kind }), rig.step('b', { kind, after: ['a'] })];
  const { summary } = await rig.start(cells, { pool: { onRetire: (reason) => notes.push(reason), ...pool } });
  const a = await rig.commander.next('a');
  for (const command of commands) await a.tell(command);
  a.finish();
  const b = await rig.commander.next('b');
  b.finish();
  expect((await summary).counts).toMatchObject({ ran: 2, failed: 0 });
  return { same: b.hello.pid === a.hello.pid, notes };
}

describe('a warm worker', () => {
  it('is used again where a cell left all as it was', async () => {
    expect(await after([])).toEqual({ same: true, notes: [] });
  });

  it.each([
    ['variables', 'env', 'the cell changed environment variables'],
    ['the working folder', 'folder', 'the cell changed the working folder to /'],
    ['a timer', 'timer', 'the cell left open: Timeout'],
    ['a file of its own that is open', 'hold', 'the cell left open: outputs/out'],
  ])('is replaced, with a note, after a cell that left %s', async (_, command, note) => {
    expect(await after([command])).toEqual({ same: false, notes: [note] });
  });

  it('is replaced, with a note, after a cell that left tensors', async () => {
    expect(await after(['tensors 3'], { kind: 'test/engine-step' })).toEqual({
      same: false,
      notes: ["the cell left 3 tensors (12 bytes) in the engine's memory"],
    });
  });

  it('is replaced after so many cells', async () => {
    const { same, notes } = await after([], { pool: { maxCells: 1 } });
    expect(same).toBe(false);
    expect(notes[0]).toBe('a worker was replaced after 1 cells');
  });

  it('is replaced when it holds more memory than it may', async () => {
    const { same, notes } = await after([], { pool: { maxBytes: 1 } });
    expect(same).toBe(false);
    expect(notes[0]).toMatch(/^a worker was replaced because it held \d+ MiB$/);
  });
});

describe('a cell that says nothing', () => {
  it('for so long as its stage allows is stopped, and what it held is free for the next', async () => {
    const silent = { ...rig.step('a'), silence: 0.2 };
    const { summary } = await rig.start([silent, rig.step('b')], {
      capacity: { cpu: 1, memory: 2 ** 30, gpus: [], tokens: {} },
    });
    (await rig.commander.next('b')).finish();
    const { counts, failures } = await summary;
    expect(counts).toMatchObject({ ran: 1, failed: 1 });
    expect(failures).toMatchObject([{ failure: { class: 'resource', code: 'silent' }, cells: ['a'] }]);
    expect(failures[0]?.failure.message).toContain('stopped after 0.2 s without a word');
  });
});

describe('the only processor', () => {
  const capacity = { cpu: 1, memory: 2 ** 30, gpus: [], tokens: {} };

  it.each([
    ['failed', 'fail user broken', 'failed'],
    ['ended without its output', 'omit', 'failed'],
    ['threw', 'throw away', 'failed'],
  ])('is free for the next cell when one %s', async (_, command, status) => {
    const { summary } = await rig.start([rig.step('a'), rig.step('b')], { capacity });
    (await rig.commander.next('a')).send(command);
    (await rig.commander.next('b')).finish();
    await summary;
    expect(rig.story).toContain(`${status} a`);
    expect(rig.story).toContain('ran b');
  });

  it('is free when a worker was killed', async () => {
    const cells = [rig.step('a', { retries: { infrastructure: 0 } }), rig.step('b')];
    const { summary } = await rig.start(cells, { capacity });
    const a = await rig.commander.next('a');
    process.kill(a.hello.pid, 'SIGKILL');
    (await rig.commander.next('b')).finish();
    await summary;
    expect(rig.story).toContain('ran b');
  });
});

describe('an event that comes late', () => {
  it('is nobody’s: neither in the file of the cell that runs by then, nor heard as its own', async () => {
    const cells = [rig.step('a'), rig.step('b', { after: ['a'] })];
    const { summary, store } = await rig.start(cells);
    const a = await rig.commander.next('a');
    await a.tell('remember');
    a.finish();
    const b = await rig.commander.next('b');
    expect(b.hello.pid).toBe(a.hello.pid);
    await b.tell('late {"type":"log","level":"info","text":"of a"}');
    await b.tell('emit {"type":"log","level":"info","text":"of b"}');
    b.finish();
    expect((await summary).counts).toMatchObject({ ran: 2 });
    const texts = rig.events.flatMap((event) => (event.type === 'log' ? [[event.cell, event.text]] : []));
    expect(texts).toEqual([['b', 'of b']]);
    const [attempt] = store.attempts.list('run-1', cells[1]?.id ?? ('' as CellId));
    expect(
      readFileSync(attempt?.events ?? '', 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(1);
  });

  it('from a worker, of another attempt than the one it has, is not heard', async () => {
    const says = (attempt: string): string =>
      JSON.stringify({
        type: 'event',
        attempt,
        event: { type: 'log', level: 'info', text: attempt, time: 1, seq: 1 },
      });
    const lines = [
      says('another'),
      says('own'),
      JSON.stringify({ type: 'finished', seconds: 0, rss: 0, environment: {} }),
    ];
    const script = `process.stdin.once('data', () => require('fs').writeSync(3, ${JSON.stringify(`${lines.join('\n')}\n`)}))`;
    const pool = new WorkerPool({ command: [process.execPath, '-e', script], cwd: rig.folder });
    const heard: string[] = [];
    const { result } = pool.run({
      ...{
        cell: 'a' as CellId,
        attempt: 'own',
        job: 'none',
        epoch: 1,
        restarts: 0,
        env: {},
        log: '/dev/null',
      },
      onEvent: (event) => heard.push(event.type === 'log' ? event.text : event.type),
    });
    expect(await result).toMatchObject({ kind: 'ended' });
    expect(heard).toEqual(['own']);
    await pool.close();
  });
});

describe('a worker that dies while it waits for a cell', () => {
  it('is given none, and the run goes on with another one', async () => {
    const cells = ['a', 'slow'].map((name) => rig.step(name));
    const below = ['b', 'c'].map((name) => rig.step(name, { after: ['a', 'slow'] }));
    const { summary } = await rig.start([...cells, ...below]);
    const [a, slow] = [await rig.commander.next('a'), await rig.commander.next('slow')];
    const settled = rig.until((event) => event.type === 'cell-finished' && event.cell === 'a');
    a.finish();
    await settled;
    process.kill(a.hello.pid, 'SIGKILL');
    while (isAlive(a.hello.pid)) await nextTurn();
    await nextTurn(); // the pool has heard of it, too
    slow.finish();
    for (const name of ['b', 'c']) (await rig.commander.next(name)).finish();
    expect((await summary).counts).toMatchObject({ ran: 4, failed: 0 });
    expect(rig.story.filter((line) => line.startsWith('retry'))).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
