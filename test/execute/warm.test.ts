/** When a warm worker is used again, and when another one takes its place: real processes, commanded by the test. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PoolOptions } from '../../runner/execute/pool.js';
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
