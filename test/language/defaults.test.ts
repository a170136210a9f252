import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { defineKind } from '../../runner/contract.js';
import { analyze } from '../../runner/language/index.js';

const Share = Type.Union([
  Type.Literal('none'),
  Type.Object({ from: Type.Number(), share: Type.Number({ default: 0.5 }) }),
]);

const kind = defineKind({
  name: 'sharing',
  version: 1,
  engine: false,
  description: 'Takes a union with a default inside.',
  with: Type.Object({ split: Share }),
  inputs: {},
  outputs: () => ({ data: { type: 'dataset' } }),
  randomness: 'none',
  run: () => Promise.reject(new Error('does not run')),
});

const messages = (split: string): readonly string[] =>
  analyze(
    { file: '/x.yaml', text: `name: x\nstages: {a: {uses: sharing, with: {split: ${split}}}}\n` },
    { registry: new Map([['sharing', kind]]), workingFolder: '/' },
  ).diagnostics.map(({ message }) => message);

describe('a key with a default', () => {
  it('is not called missing because another one is misspelt', () =>
    expect(messages('{from: 0.2, shar: 0.33}')).toEqual(['`split` has no key `shar`']));

  it('leaves one without a default missing', () =>
    expect(messages('{share: 0.33}')).toEqual(['`split.from` is missing: it takes a number']));
});
