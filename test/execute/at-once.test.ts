import { expect, it } from 'vitest';
import { atOnce } from '../../runner/at-once.js';

/** Work whose end the test decides, item by item. */
function hand() {
  const begun: number[] = [];
  const ends = new Map<number, { end: (result: string) => void; fail: (error: Error) => void }>();
  const work = (item: number): Promise<string> => {
    begun.push(item);
    return new Promise((end, fail) => ends.set(item, { end, fail }));
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { begun, work, turn, of: (item: number) => ends.get(item) };
}

it('no more than the width are under way, begun in their order', async () => {
  const { begun, work, turn, of } = hand();
  const all = atOnce([1, 2, 3], work, { width: 2 });
  await turn();
  expect(begun).toEqual([1, 2]);
  of(2)?.end('two');
  await turn();
  expect(begun).toEqual([1, 2, 3]);
  of(1)?.end('one');
  of(3)?.end('three');
  expect(await all).toEqual(['two', 'one', 'three']);
});

it.each([
  ['that throws', 'throw'],
  ['by its result', 'bad'],
])('after a failure %s nothing new begins, and what is under way is waited for', async (_, how) => {
  const { begun, work, turn, of } = hand();
  let over = false;
  const all = atOnce([1, 2, 3], work, { width: 2, failed: (result) => result === 'bad' });
  const ended = all.then(
    (results) => results,
    (error: unknown) => [(error as Error).message],
  );
  void ended.then(() => (over = true));
  await turn();
  if (how === 'throw') of(1)?.fail(new Error('throw'));
  else of(1)?.end('bad');
  await turn();
  expect([begun, over]).toEqual([[1, 2], false]);
  of(2)?.end('two');
  expect((await ended)[0]).toBe(how);
  expect(begun).toEqual([1, 2]);
});
