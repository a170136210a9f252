/** A key forgets the order in which a map was written, so nothing that a stage sees may keep it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobText } from '../../runner/execute/job.js';
import { inertValues, keyOf, preimageOf, type Preimage } from '../../runner/plan/index.js';
import type { Cell } from '../../runner/pipeline.js';
import type { JsonObject } from '../../schemas/json.js';
import soft from '../../stages/kinds/soft.js';
import { cell, kind } from '../plan/fixtures.js';

/** Every map with its members in the opposite order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).reverse();
  return Object.fromEntries(members.map(([name, member]) => [name, turned(member)]));
}

const train = kind('train', { inert: ['log_every'] });
const attempt = { nonce: 'n', outputs: '/a/outputs', scratch: '/a/scratch' };

function told(values: JsonObject): { preimage: Preimage; job: string } {
  const item = cell('a', { kind: 'train', with: values });
  const preimage = preimageOf(item, { kind: train, inputs: {}, code: 'c', env: {} });
  const extras = { inputs: {}, inert: inertValues(item, train), backend: undefined };
  return { preimage, job: jobText(preimage, attempt, extras) };
}

const map = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });

describe('what a worker is told', () => {
  it('is the preimage, paths, and what is inert: no name, coordinate or place of a cell', () => {
    const values = { rate: 0.1, log_every: 5 };
    const job = (id: string, change: Partial<Cell>): string => {
      const item = { ...cell(id, { kind: 'train', with: values, seed: 3 }), ...change };
      const preimage = preimageOf(item, { kind: train, inputs: {}, code: 'c', env: { LEVEL: '1' } });
      const extras = { inputs: {}, inert: inertValues(item, train), backend: 'wasm' };
      return jobText(preimage, attempt, extras);
    };
    const one = job('a/seed=3', { env: ['LEVEL'] });
    expect(JSON.parse(one)).toEqual({
      ...{ v: 1, attempt: 'n', kind: 'train', with: values, seed: 3, inputs: {}, env: ['LEVEL'] },
      outputs: { out: { type: 'file', path: '/a/outputs/out' } },
      ...{ scratch: '/a/scratch', backend: 'wasm' },
    });
    const other = {
      ...{ env: ['LEVEL'], coordinates: { x: '1' }, resources: { cpu: 2 }, retries: { user: 1 } },
      ...{ priority: 3, needs: [cell('c').id] },
    };
    expect(job('b/x=1', other)).toBe(one);
  });
});

describe('the order in which members of a map under `with` are written', () => {
  it('changes neither the key nor a byte of the preimage and of job.json', () => {
    fc.assert(
      fc.property(map, map, (rest, inert) => {
        const values = { ...rest, log_every: inert } as JsonObject;
        const [one, two] = [told(values), told(turned(values) as JsonObject)];
        expect(keyOf(two.preimage)).toBe(keyOf(one.preimage));
        expect(JSON.stringify(two.preimage)).toBe(JSON.stringify(one.preimage));
        expect(two.job).toBe(one.job);
      }),
    );
  });

  it('is not what a worker reads', () => {
    const { job } = told({ rewards: { rouge: 0.7, nli: 0.3 } });
    const { rewards } = (JSON.parse(job) as { with: { rewards: object } }).with;
    expect(Object.keys(rewards)).toEqual(['nli', 'rouge']);
  });

  it('does not change what the plan expects of soft: its objectives, and its modules', () => {
    const weights = fc.dictionary(
      fc.constantFrom('nli', 'rouge', 'tldr', 'brevity'),
      fc.double({ min: 0, max: 1 }),
      {
        minKeys: 1,
      },
    );
    fc.assert(
      fc.property(weights, (rewards) => {
        const other = turned(rewards);
        expect(soft.outputs({ rewards: other }, {})).toEqual(soft.outputs({ rewards }, {}));
        expect(soft.modules?.({ rewards: other })).toEqual(soft.modules?.({ rewards }));
      }),
    );
  });
});
