import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { formatDiagnostic, matchCells } from '../../runner/language/index.js';
import type { Cell } from '../../runner/pipeline.js';
import { files, inOrderOf, pipelineOf, shapes, shuffled } from './generated.js';
import { check, file } from './listing.js';

function cellsOf(text: string): readonly Cell[] {
  const { pipeline, diagnostics } = check(text);
  expect(diagnostics.map((one) => formatDiagnostic(one, text))).toEqual([]);
  return pipeline?.cells ?? [];
}

/** What decides cells, without where it is written, in an order of its own. */
const essence = (cells: readonly Cell[]): readonly unknown[] =>
  cells
    .map((cell) => withoutPlaces({ ...cell, origins: undefined }) as Cell)
    .sort((a, b) => (a.id < b.id ? -1 : 1));

const withoutPlaces = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === 'place' ? undefined : inner)));

describe('expansion', () => {
  it('is deterministic and does not hang on the order of keys', () => {
    fc.assert(
      fc.property(files, fc.infiniteStream(fc.nat(1000)), (tree, numbers) => {
        const order = inOrderOf(numbers);
        const cells = cellsOf(stringify(tree));
        expect(cellsOf(stringify(tree))).toEqual(cells);
        expect(essence(cellsOf(stringify(shuffled(tree, order))))).toEqual(essence(cells));
      }),
      { numRuns: 60 },
    );
  });

  it('keeps its cells under comments and another format', () => {
    fc.assert(
      fc.property(files, fc.integer({ min: 1, max: 6 }), fc.boolean(), (tree, indent, flow) => {
        const plain = cellsOf(stringify(tree));
        const quoted = stringify(tree, { indent, defaultStringType: flow ? 'QUOTE_DOUBLE' : 'QUOTE_SINGLE' });
        const commented = quoted.replaceAll(/^(.*[^,{[])$/gm, '$1 # a comment');
        const json = JSON.stringify(tree, undefined, flow ? indent : 0);
        expect(essence(cellsOf(`# first\n\n${commented}\n`))).toEqual(essence(plain));
        expect(essence(cellsOf(json))).toEqual(essence(plain));
      }),
      { numRuns: 60 },
    );
  });

  it('differs between any two cells of a stage on an axis that both have', () => {
    fc.assert(
      fc.property(files, (tree) => {
        const cells = cellsOf(stringify(tree));
        for (const [index, a] of cells.entries())
          for (const b of cells.slice(index + 1)) {
            if (a.stage !== b.stage) continue;
            const both = Object.keys(a.coordinates).filter((axis) => axis in b.coordinates);
            expect(both.some((axis) => a.coordinates[axis] !== b.coordinates[axis])).toBe(true);
          }
        expect(new Set(cells.map((cell) => cell.id.toLowerCase())).size).toBe(cells.length);
      }),
      { numRuns: 60 },
    );
  });

  it('renames no cell when an axis gains a value', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const text = stringify(pipelineOf(shape));
        const more = text.replaceAll(
          /^( +)- "?10"?$/gm,
          (line, indent: string) => `${line}\n${indent}- eleven`,
        );
        const ids = new Set(cellsOf(more).map((cell) => cell.id));
        expect(cellsOf(text).filter((cell) => !ids.has(cell.id))).toEqual([]);
        expect(ids.size > cellsOf(text).length).toBe(more !== text);
      }),
      { numRuns: 60 },
    );
  });

  it('puts parents before their children wherever ids are asked for', () => {
    fc.assert(
      fc.property(files, (tree) => {
        const cells = cellsOf(stringify(tree));
        const ids = new Set<string>(cells.map((cell) => cell.id));
        for (const cell of cells) {
          expect(matchCells(cells, cell.id)).toEqual([cell]);
          expect(cell.needs.filter((need) => !ids.has(need))).toEqual([]);
        }
      }),
      { numRuns: 30 },
    );
  });
});

const folder = join(import.meta.dirname, '../golden');
const texts = readdirSync(folder).map((name) => {
  const text = readFileSync(join(folder, name), 'utf8');
  return text.slice(0, text.lastIndexOf('\n---\n') + 1);
});
describe('printing', () => {
  const good = texts.filter((text) => !text.startsWith('# options') && check(text).pipeline !== undefined);

  it('and parsing again is the identity, in block and flow style and with other quotes', () => {
    expect(good.length).toBeGreaterThan(10);
    for (const text of good) {
      const cells = essence(check(text).pipeline?.cells ?? []);
      for (const options of [
        {},
        { collectionStyle: 'block' },
        { collectionStyle: 'flow' },
        { indent: 4 },
      ] as const) {
        const printed = parseDocument(text).toString(options);
        const again = check(printed);
        expect(essence(again.pipeline?.cells ?? []), printed).toEqual(cells);
        expect(parseDocument(printed).toString(options)).toBe(printed);
      }
    }
  });
});

const fragments = [
  '{',
  '}',
  '[',
  ']',
  ': ',
  '- ',
  '\n',
  '  ',
  '\t',
  '$',
  '$$',
  '(',
  ')',
  '"',
  "'",
  '&a ',
  '*a ',
  '!!x ',
  '? ',
  '|',
  '>',
  '#',
  ',',
  '%',
  '---\n',
  '\u0000',
  '\ud800',
  'é',
  '1e999',
  '~',
  '<<: ',
  'constructor',
  '__proto__: ',
  '$news(*).train',
  '$matrix.x',
  '=*',
  '\r',
  '\u2028',
  '@',
  '`',
];

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}
const edits = fc.array(
  fc.record({ at: fc.nat(1_000_000), remove: fc.nat(12), insert: fc.constantFrom('', ...fragments) }),
  { minLength: 1, maxLength: 5 },
);

const mutated = (text: string, changes: readonly Edit[]): string =>
  changes.reduce((now, { at, remove, insert }) => {
    const from = at % (now.length + 1);
    return now.slice(0, from) + insert + now.slice(from + remove);
  }, text);

/** Whatever the text: a pipeline or located errors, never an exception. */
function survives(text: string): void {
  const { pipeline, diagnostics } = check(text);
  expect(pipeline === undefined).toBe(diagnostics.length > 0);
  const lines = text.split(/\r\n|\n|\r/).length + text.split('\u2028').length;
  for (const diagnostic of diagnostics) {
    expect(diagnostic.file).toBe(file);
    expect(diagnostic.line).toBeGreaterThanOrEqual(1);
    expect(diagnostic.line).toBeLessThanOrEqual(lines);
    expect(diagnostic.column).toBeGreaterThanOrEqual(1);
    expect(formatDiagnostic(diagnostic, text)).not.toMatch(/internal error|undefined|\[object|NaN\b/);
  }
}

describe('any text', () => {
  it('is answered without an exception when it is nearly a pipeline', () => {
    fc.assert(
      fc.property(fc.constantFrom(...texts), edits, (text, changes) => survives(mutated(text, changes))),
      { numRuns: 400 },
    );
  });

  it('is answered without an exception when it is anything', () => {
    const fragment = fc.oneof(fc.constantFrom(...fragments), fc.string({ maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 40 }), (parts) => survives(parts.join(''))),
      { numRuns: 600 },
    );
  });

  it.each([
    ['nested lists', `a: ${'['.repeat(50_000)}`],
    ['nested maps', `a: ${'{a: '.repeat(50_000)}`],
    ['nested items', '- '.repeat(50_000)],
    ['a staircase', Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['a long line', `name: ${'x'.repeat(2_000_000)}`],
  ])('is answered without an exception when it is %s', (_, text) => survives(text));
});
