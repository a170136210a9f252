/** How long a run goes on yet: by hand, event by event. */
import { describe, expect, it } from 'vitest';
import { parseOutlook, outlookText, Remaining, type Outlook } from '../../runner/execute/outlook.js';
import type { CellEvent, LifecycleEvent } from '../../runner/track/events.js';
import { id, key } from './hand.js';

const pending = (cell: string, needs: readonly string[], seconds?: number): Outlook['pending'][number] => ({
  cell: id(cell),
  needs: needs.map(id),
  demand: { cpu: 1, memory: 0, gpu: 0, tokens: {} },
  ...(seconds === undefined ? {} : { seconds }),
});

const outlook = (...cells: Outlook['pending']): Outlook => ({
  v: 1,
  stages: [],
  pending: cells,
  capacity: { cpu: 1, memory: 0, gpus: [], tokens: {} },
});

describe('the time left', () => {
  const at = (time: number, event: LifecycleEvent | CellEvent) => ({ time: time * 1000, run: 'r', ...event });
  const start = (cell: string): LifecycleEvent => ({
    type: 'cell-started',
    cell: id(cell),
    key: key('k'),
    attempt: 1,
  });
  const end = (cell: string, seconds: number): LifecycleEvent => ({
    type: 'cell-finished',
    cell: id(cell),
    status: 'ran',
    seconds,
  });

  it('falls with the clock while a cell runs, and never below nothing', () => {
    const remaining = new Remaining(outlook(pending('a', [], 10), pending('b', ['a'], 5)));
    expect(remaining.at(0)).toEqual({ seconds: 15, unknown: 0 });
    remaining.hear(at(0, start('a')));
    expect(remaining.at(4000).seconds).toBe(11);
    expect(remaining.at(30_000).seconds).toBe(5);
    remaining.hear(at(30, end('a', 30)));
    expect(remaining.at(30_000).seconds).toBe(5);
    remaining.hear(at(30, start('b')));
    remaining.hear(at(31, end('b', 1)));
    expect(remaining.at(31_000)).toEqual({ seconds: 0, unknown: 0 });
  });

  it('takes what this run has measured for the rest of a stage, and counts what nobody has', () => {
    const remaining = new Remaining(
      outlook(pending('a/seed=0', []), pending('a/seed=1', []), pending('b', [])),
    );
    expect(remaining.at(0)).toEqual({ seconds: 0, unknown: 3 });
    remaining.hear(at(0, start('a/seed=0')));
    remaining.hear(at(8, end('a/seed=0', 8)));
    expect(remaining.at(8000)).toEqual({ seconds: 8, unknown: 1 });
  });

  it('takes the pace of a running cell once a tenth of the way shows it', () => {
    const remaining = new Remaining(outlook(pending('a', []), pending('b', [], 5)));
    const way = (time: number, done: number) =>
      at(time, { type: 'progress', cell: id('a'), seq: 1, done, total: 120, unit: 'steps' });
    remaining.hear(at(0, start('a')));
    // It goes on from a checkpoint at step 20: what it took to start is no pace.
    remaining.hear(way(10, 20));
    remaining.hear(way(11, 25));
    expect(remaining.at(11_000)).toEqual({ seconds: 5, unknown: 1 });
    remaining.hear(way(15, 45));
    expect(remaining.at(15_000)).toEqual({ seconds: 20, unknown: 0 });
    expect(remaining.at(25_000)).toEqual({ seconds: 10, unknown: 0 });
  });

  it('believes what this run measures more than what is in proportion to something else', () => {
    const scaled = { ...pending('a/seed=1', [], 100), scaled: true } as const;
    const remaining = new Remaining(outlook(pending('a/seed=0', [], 3), scaled));
    expect(remaining.at(0).seconds).toBe(103);
    remaining.hear(at(0, start('a/seed=0')));
    remaining.hear(at(8, end('a/seed=0', 8)));
    expect(remaining.at(8000).seconds).toBe(8);
  });

  it('grows again where a cell is tried or done again', () => {
    const remaining = new Remaining(outlook(pending('a', [], 10)));
    remaining.hear(at(0, start('a')));
    const failure = { class: 'infrastructure', code: 'x', message: 'x' } as const;
    remaining.hear(at(6, { type: 'cell-retried', cell: id('a'), attempt: 1, failure, backoff: 1 }));
    expect(remaining.at(6000).seconds).toBe(10);
    remaining.hear(at(7, start('a')));
    remaining.hear(at(17, end('a', 10)));
    remaining.hear(at(18, { type: 'cell-reopened', cell: id('a'), was: 'ran', reader: id('b') }));
    expect(remaining.at(18_000).seconds).toBe(10);
  });

  it('is unknown where the outlook is missing, torn or of another version', () => {
    expect(parseOutlook(outlookText(outlook(pending('a', [], 1))))?.pending).toHaveLength(1);
    expect([undefined, '', '{"v":1', '{"v":2}', 'null'].map((text) => parseOutlook(text))).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
  });
});
