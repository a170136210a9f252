/** What a plan says of judges: the calls that a kind expects, from its values and the traits of what it reads. */
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { defineKind, type InputTraits, type Traits } from '../../runner/contract.js';
import { expectedCalls } from '../../runner/language/expected-calls.js';
import { expectedCalls as callsOf, type PlannedCell } from '../../runner/plan/index.js';
import type { CellId, InputBinding } from '../../runner/pipeline.js';

const objectives = (traits: Traits | readonly Traits[] | undefined): number =>
  [traits ?? []].flat().reduce((sum, { objectives: names = [] }: Traits) => sum + names.length, 0);

const kind = {
  name: 'judge',
  version: 1,
  description: 'For tests.',
  with: Type.Object({ per: Type.Integer() }),
  inputs: { fronts: { type: 'front', list: true, description: 'Fronts.' } },
  outputs: () => ({}),
  randomness: 'none',
  engine: false,
  run: () => Promise.resolve(),
} as const;
const silent = defineKind(kind);
const judge = defineKind({
  ...kind,
  calls: ({ per }, inputs: InputTraits) => ({
    judgeCalls: per * objectives(inputs.fronts),
    price: 0.5 * per,
  }),
});
const item = (cell: string) => ({ stage: cell, coordinates: {}, cell: cell as CellId, output: 'front' });
const fronts: InputBinding = { kind: 'gathered', type: 'front', items: [item('a'), item('b')] };
const traits = (cell: CellId): Traits => (cell === 'a' ? { objectives: ['x', 'y'] } : { objectives: ['x'] });

it('reads the traits of every item', () => {
  expect(expectedCalls(judge, { per: 4 }, { fronts }, traits)).toEqual({
    calls: { judgeCalls: 12, price: 2 },
  });
});

it('is nothing for a kind that asks nobody', () => {
  expect(expectedCalls(silent, { per: 4 }, { fronts }, traits)).toEqual({});
});

it('of a plan is the sum over what is no hit', () => {
  const planned = (status: string, judgeCalls: number, price?: number) =>
    ({
      status,
      cell: { calls: { judgeCalls, ...(price === undefined ? {} : { price }) } },
    }) as unknown as PlannedCell;
  expect(callsOf([planned('run', 3, 0.25), planned('hit', 100, 9), planned('depends', 4, 0.5)])).toEqual({
    judgeCalls: 7,
    price: 0.75,
  });
  expect(callsOf([planned('run', 3)])).toEqual({ judgeCalls: 3 });
  expect(callsOf([planned('hit', 3)])).toBeUndefined();
});
