/** Our check of shapes, held to ajv. */
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatasetManifest, Front, PolicyManifest } from '../../schemas/artifact.js';
import { matches, mismatch } from '../../schemas/mismatch.js';
import { Exit, Job, ResultRecord, StageEvent } from '../../schemas/protocol.js';
import { Type } from '../../schemas/type.js';

const digest = '0f'.repeat(32);
const point = {
  alpha: 0.1,
  weights: [0.5, 0.5],
  rewards: [1, 2],
  stderr: null,
  kl: 0,
  n: 4,
  length: 3,
  entropy: 1,
};
const attempt = { v: 1, attempt: 'a', nonce: 'a', epoch: 1, restarts: 0 };
const artifact = { type: 'file', digest, path: '/x' };

/** A whole value of each schema. */
const samples = [
  {
    name: 'dataset',
    schema: DatasetManifest,
    value: {
      v: 1,
      columns: ['prompt'],
      rewards: [],
      rows: 3,
      digest,
      world: { name: 'news', parameters: { documents: 4 } },
    },
  },
  {
    name: 'policy',
    schema: PolicyManifest,
    value: {
      v: 1,
      method: 'clp',
      objectives: ['a'],
      reference: digest,
      conditioning: 'full',
      alpha: { range: [0.1, 0.2] },
      referenceShare: 'none',
      weights: [1],
    },
  },
  {
    name: 'front',
    schema: Front,
    value: {
      v: 1,
      method: 'clp',
      objectives: ['a', 'b'],
      points: [point, { ...point, stderr: [0, 0] }],
      reference: { rewards: [0, 0], stderr: null, n: 4 },
      samples: [],
    },
  },
  {
    name: 'exit',
    schema: Exit,
    value: {
      ...attempt,
      status: 'failed',
      error: { class: 'user', code: 'x', message: 'y' },
      outputs: { out: { digest, bytes: 3 } },
    },
  },
  {
    name: 'job',
    schema: Job,
    value: {
      v: 1,
      attempt: 'a',
      kind: 'k',
      with: { a: [1] },
      inputs: { one: artifact, many: [{ stage: 's', coordinates: {}, artifact }] },
      outputs: { out: { type: 'file', path: '/y' } },
      scratch: '/z',
    },
  },
  {
    name: 'event',
    schema: StageEvent,
    value: { time: 1, seq: 2, type: 'metric', name: 'loss', value: 0.5, step: 3 },
  },
  {
    name: 'record',
    schema: ResultRecord,
    value: {
      v: 1,
      key: digest,
      preimage: {},
      kind: 'k',
      artifacts: [{ name: 'out', type: 'file', digest, bytes: 1 }],
      seconds: 0.1,
      finished: 'now',
      run: 'r',
      environment: {},
    },
  },
] as const;

/** The value with one thing somewhere in it replaced or taken out. */
function mutants(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null) return replacement;
  const names = Object.keys(value);
  if (names.length === 0) return replacement;
  const inside = fc.constantFrom(...names).chain((name) => {
    const put = (to: unknown): unknown =>
      Array.isArray(value)
        ? value.map((item: unknown, i) => (String(i) === name ? to : item))
        : { ...value, [name]: to };
    const without = Array.isArray(value)
      ? value.filter((_item, i) => String(i) !== name)
      : Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
    return fc.oneof(mutants((value as Record<string, unknown>)[name]).map(put), fc.constant(without));
  });
  return fc.oneof({ weight: 4, arbitrary: inside }, { weight: 1, arbitrary: replacement });
}
const replacement = fc.constantFrom(null, true, 0, 1, -1, 1.5, '', 'x', digest, [], {}, [1], {
  range: [1, 2, 3],
});

describe('the check of shapes', () => {
  it.each(samples)(
    'says of $name what ajv says, of whole values and of changed ones',
    ({ schema, value }) => {
      const ajv = new Ajv({ strict: false }).compile(schema);
      expect(mismatch(schema, value)).toBeUndefined();
      expect(ajv(value)).toBe(true);
      fc.assert(
        fc.property(mutants(value), (mutant) => {
          expect(matches(schema, mutant)).toBe(ajv(mutant));
        }),
        { numRuns: 300 },
      );
    },
  );

  it('names the place and what was expected', () => {
    const { schema, value } = samples[2];
    const bad = { ...value, points: [point, { ...point, alpha: 'much' }] };
    expect(mismatch(schema, bad)).toBe('/points/1/alpha must be number');
    expect(mismatch(schema, [])).toBe('it must be object');
  });

  it('refuses a schema that it would not understand', () => {
    expect(() => mismatch(Type.String({ format: 'date' }), 'x')).toThrow(/no check of format/);
  });
});
