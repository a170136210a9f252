/** Eight runners, each a process of its own with workers of its own, on one store. */
import { expect, it } from 'vitest';
import { finishedIn, Lab } from './lab.js';

const runners = 8;
const cells = 200;

/** Whole numbers of which the test kinds warn of none. */
const values = (length: number): string => Array.from({ length }, (_, i) => 20 + i).join(', ');

const pipeline = `
name: many
stages:
  one: {uses: test/sum, matrix: {value: [${values(cells - 20)}]}, with: {value: $matrix.value}}
  two: {uses: test/tree, matrix: {more: [${values(19)}]}, with: {value: $matrix.more, numbers: [$one(value=23).sum]}}
  all: {uses: test/sum, with: {value: 1, numbers: $two(more=*).sum}}
`;

it(`${runners} runners on one store execute each of ${cells} cells once, and all have the same results`, async () => {
  const lab = new Lab(pipeline);
  // The product's lease times: nobody is silent so long, however busy the machine.
  const commands = Array.from({ length: runners }, () =>
    lab.start({ beat: { everyMs: 5000, silenceMs: 90_000 } }),
  );
  const ended = await Promise.all(commands.map((command) => lab.ended(command)));
  expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
    ended.map(() => ({ code: 0, stderr: '' })),
  );
  const started = ended.flatMap(({ events }) =>
    events.flatMap((event) => (event.type === 'cell-started' ? [event.cell] : [])),
  );
  expect(new Set(started).size).toBe(cells);
  expect(started).toHaveLength(cells);
  const [first, ...others] = await Promise.all(ended.map((one) => lab.results(one)));
  expect(Object.keys(first ?? {})).toHaveLength(cells);
  for (const other of others) expect(other).toEqual(first);
  for (const one of ended) expect(finishedIn(one).size).toBe(cells);
  const store = await lab.store();
  for (const key of store.records.keys()) expect(store.records.all(key)).toHaveLength(1);
  lab.remove();
});
