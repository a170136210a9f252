import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../schemas/json.js';
import {
  inertValues,
  keyOf,
  numericEnvironment,
  preimageOf,
  type InputDigests,
} from '../../runner/plan/index.js';
import type { Cell } from '../../runner/pipeline.js';
import { cell, kind } from './fixtures.js';

const train = kind('train', { randomness: 'training', inert: ['log_every'] });
const digest = (letter: string): string => letter.repeat(64);

const key = (
  item: Cell,
  {
    inputs = {},
    code = 'c',
    env = {},
  }: { inputs?: InputDigests; code?: string; env?: Record<string, string> } = {},
): string => keyOf(preimageOf(item, { kind: train, inputs, code, env }));

const values: JsonObject = { steps: 5, rate: 0.1, log_every: 10 };
const base = cell('clp/reward=nli', { kind: 'train', with: values, seed: 0 });

it('a preimage has 0 for -0, wherever it stands, and no absent member', () => {
  const values = { a: [-0], b: { c: -0 }, d: undefined } as unknown as JsonObject;
  const seen = preimageOf(cell('a', { with: values }), { kind: train, inputs: {}, code: '', env: {} }).with;
  expect(seen).toStrictEqual({ a: [0], b: { c: 0 } });
});

describe('what counts', () => {
  it.each<[string, Partial<Cell>]>([
    ['a value', { with: { ...values, steps: 6 } }],
    ['a value that is gone', { with: { rate: 0.1 } }],
    ['the seed', { seed: 1 }],
    ['the name of an output', { outputs: { other: 'file' } }],
    ['the type of an output', { outputs: { out: 'directory' } }],
    ['a declared variable', { env: ['HOME'] }],
  ])('%s', (_, change) => {
    expect(key({ ...base, ...change })).not.toBe(key(base));
  });

  it('the value of a declared variable, and that it is unset', () => {
    const item = { ...base, env: ['LEVEL'] };
    const keys = [key(item), key(item, { env: { LEVEL: '' } }), key(item, { env: { LEVEL: '1' } })];
    expect(new Set(keys).size).toBe(3);
  });

  it('code, and the version of the kind', () => {
    expect(key(base, { code: 'd' })).not.toBe(key(base));
    const parts = { inputs: {}, code: 'c', env: {} };
    const next = preimageOf(base, { ...parts, kind: kind('train', { version: 2, inert: ['log_every'] }) });
    expect(keyOf(next)).not.toBe(key(base));
  });

  it('content, order and gathered coordinates of inputs', () => {
    const item = (letter: string, seed: string) => ({
      stage: 'expert',
      coordinates: { seed },
      type: 'policy' as const,
      digest: digest(letter),
    });
    const inputs = [
      { a: [item('1', '0'), item('2', '1')] },
      { a: [item('2', '1'), item('1', '0')] },
      { a: [item('1', '0'), item('2', '2')] },
      { a: [item('1', '0'), item('3', '1')] },
      { a: [item('1', '0')] },
      { a: { type: 'policy' as const, digest: digest('1') } },
      { b: { type: 'policy' as const, digest: digest('1') } },
      { b: { type: 'directory' as const, digest: digest('1') } },
    ];
    expect(new Set(inputs.map((each) => key(base, { inputs: each }))).size).toBe(inputs.length);
  });
});

describe('the numeric environment', () => {
  const keyIn = (environment?: JsonObject): string =>
    keyOf(preimageOf(base, { kind: train, inputs: {}, code: 'c', env: {}, environment }));
  const here = {
    node: 'v20.19.1',
    arch: 'x64',
    backend: 'wasm',
    engine: '4.22.0',
    device: 'a card',
    threads: 1,
    host: 'one',
  };

  it('counts where it is given, and changes no key where it is not', () => {
    expect(keyIn()).toBe(key(base));
    expect(keyIn(numericEnvironment(here))).not.toBe(keyIn());
    for (const other of [
      { node: 'v22.0.0' },
      { arch: 'arm64' },
      { backend: 'cpu' },
      { engine: '4.23.0' },
      { threads: 2 },
      { device: 'another card' },
    ])
      expect(keyIn(numericEnvironment({ ...here, ...other }))).not.toBe(keyIn(numericEnvironment(here)));
  });

  it('has neither the name of the machine nor the minor version of Node', () => {
    expect(numericEnvironment({ ...here, host: 'two', node: 'v20.20.0' })).toEqual(numericEnvironment(here));
  });
});

describe('what does not count', () => {
  it.each<[string, Partial<Cell>]>([
    ['an inert value', { with: { ...values, log_every: 99 } }],
    ['an inert value that is gone', { with: { steps: 5, rate: 0.1 } }],
    ['its name', { id: cell('other').id, stage: 'other' }],
    ['its own coordinates', { coordinates: { reward: 'rouge', seed: '0' } }],
    ['resources, retries, time-outs', { resources: { cpu: 4 }, retries: { user: 2 }, timeout: 5 }],
    ['secrets', { secrets: ['TOKEN'] }],
    ['where it was written', { origins: { steps: base.place } }],
    ['what it waits for', { needs: [cell('other').id] }],
    ['the order in which values were written', { with: { log_every: 10, rate: 0.1, steps: 5 } }],
    ['a minus before zero', { with: { ...values, zero: -0 } }],
  ])('%s', (name, change) => {
    const start = name.includes('minus') ? { ...base, with: { ...values, zero: 0 } } : base;
    expect(key({ ...start, ...change })).toBe(key(start));
  });

  it('undeclared variables', () => {
    expect(key(base, { env: { OTHER: '1' } })).toBe(key(base));
  });

  it('the seed axis: seed 0 is the same cell before and after `seeds`', () => {
    const before = cell('clp', { kind: 'train', with: values, seed: 0 });
    const after = cell('clp/seed=0', { kind: 'train', with: values, seed: 0 });
    expect(key(after)).toBe(key(before));
  });

  it('any change of an inert value, beside any other values', () => {
    const other = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,8}$/).filter((name) => name !== 'log_every'),
      fc.oneof(fc.integer(), fc.string(), fc.boolean()),
    );
    fc.assert(
      fc.property(other, fc.jsonValue(), fc.jsonValue(), (rest, one, two) => {
        const at = (value: unknown): Cell => ({ ...base, with: { ...rest, log_every: value } as JsonObject });
        expect(key(at(one))).toBe(key(at(two)));
        const seen = { ...preimageOf(at(one), { kind: train, inputs: {}, code: '', env: {} }).with };
        expect({ ...seen, ...inertValues(at(one), train) }).toEqual(at(one).with);
      }),
    );
  });
});
