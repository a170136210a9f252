/** Ids of runs: they sort by the time that they began, also where the clock stands still or goes back. */
import { expect, it } from 'vitest';
import { newRunId } from '../../runner/store/index.js';

const noon = Date.UTC(2026, 0, 2, 12, 0, 0, 5);

it('an id is the time to the millisecond, and a random tail', () => {
  expect(newRunId(noon)).toMatch(/^20260102T120000005-[0-9a-f]{8}$/);
  expect(newRunId(noon)).not.toBe(newRunId(noon));
});

it('each id is after the newest one, whatever the clock says', () => {
  const first = newRunId(noon);
  const same = newRunId(noon, first);
  const before = newRunId(noon - 3_600_000, same);
  expect([before, first, same].sort()).toEqual([first, same, before]);
  expect(same.slice(0, 18)).toBe('20260102T120000006');
});

it('an id that is none of ours holds nothing back', () => {
  expect(newRunId(noon, 'mine').slice(0, 18)).toBe('20260102T120000005');
});
