/** Keys hang on what a file says, not on how it is written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { inOrder, keyOf, preimageOf, type InputDigests } from '../../runner/plan/index.js';
import type { Cell, InputBinding } from '../../runner/pipeline.js';
import { sha256 } from '../../schemas/json.js';
import { files, inOrderOf, shuffled, type Tree } from './generated.js';
import { registry } from './kinds.js';
import { check } from './listing.js';

/** The key of every cell, as if each output's content were decided by the key of what made it and by nothing else. */
function keysOf(text: string): Readonly<Record<string, string>> {
  const { pipeline, diagnostics } = check(text);
  expect(diagnostics).toEqual([]);
  const keys: Record<string, string> = {};
  for (const cell of pipeline ? inOrder(pipeline) : []) keys[cell.id] = keyOf(preimage(cell, keys));
  return Object.fromEntries(Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function preimage(cell: Cell, keys: Readonly<Record<string, string>>): ReturnType<typeof preimageOf> {
  const kind = registry.get(cell.kind);
  if (!kind) throw new Error(`no kind ${cell.kind}`);
  const digest = (id: string, output: string): string => sha256(`${keys[id] ?? ''} ${output}`);
  const inputs = Object.entries(cell.inputs).map(([name, binding]: [string, InputBinding]) => {
    if (binding.kind === 'artifact')
      return [name, { type: binding.type, digest: digest(binding.cell, binding.output) }] as const;
    if (binding.kind !== 'gathered') throw new Error(`no file is read here, and ${name} does`);
    const items = binding.items.map(({ stage, coordinates, cell: id, output }) => ({
      ...{ type: binding.type, digest: digest(id, output), stage, coordinates },
    }));
    return [name, items] as const;
  });
  return preimageOf(cell, { kind, inputs: Object.fromEntries(inputs) as InputDigests, code: 'c', env: {} });
}

const holds = (property: (tree: Tree, numbers: Iterator<number>, indent: number) => void): void =>
  fc.assert(fc.property(files, fc.infiniteStream(fc.nat(1000)), fc.integer({ min: 1, max: 6 }), property), {
    numRuns: 60,
  });

describe('no key changes', () => {
  it('with the order in which keys are written', () =>
    holds((tree, numbers) => {
      const keys = keysOf(stringify(tree));
      expect(Object.keys(keys).length).toBeGreaterThan(2);
      expect(keysOf(stringify(shuffled(tree, inOrderOf(numbers))))).toEqual(keys);
    }));

  it('with comments, blank lines, indentation and quotes', () =>
    holds((tree, _, indent) => {
      const keys = keysOf(stringify(tree));
      for (const quotes of ['QUOTE_DOUBLE', 'QUOTE_SINGLE'] as const) {
        const quoted = stringify(tree, { indent, defaultStringType: quotes });
        const commented = quoted.replaceAll(/^(.*[^,{[])$/gm, '$1 # a comment\n');
        expect(keysOf(`# first\n\n${commented}\n`)).toEqual(keys);
      }
    }));

  it('with braces instead of lines', () =>
    holds((tree, _, indent) => {
      const keys = keysOf(stringify(tree));
      expect(keysOf(JSON.stringify(tree))).toEqual(keys);
      expect(keysOf(JSON.stringify(tree, undefined, indent))).toEqual(keys);
    }));

  it('but with a value, in the cells that it decides and below them', () => {
    const text = stringify({
      name: 'value',
      stages: {
        news: { uses: 'data/news', with: { documents: 64 } },
        reference: { uses: 'sft', with: { data: '$news.train', model: { width: 8, layers: 1 } } },
      },
    });
    const [before, after] = [keysOf(text), keysOf(text.replace('width: 8', 'width: 16'))];
    expect(after.news).toBe(before.news);
    expect(after.reference).not.toBe(before.reference);
    const upstream = keysOf(text.replace('documents: 64', 'documents: 65'));
    expect(upstream.news).not.toBe(before.news);
    expect(upstream.reference).not.toBe(before.reference);
  });
});
