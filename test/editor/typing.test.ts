/** A file as it is being typed: whatever stands there, an editor's questions are answered. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { completeAt } from '../../runner/editor/complete.js';
import { hoverAt } from '../../runner/editor/hover.js';
import { definitionsAt, referencesAt, rename } from '../../runner/editor/symbols.js';
import { analyze, type Outline } from '../../runner/language/index.js';

const folder = join(import.meta.dirname, '../../pipelines');
const pipelines = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

const outlineOf = (text: string): Outline | undefined =>
  analyze({ file: join(folder, 'typed.yaml'), text }, { registry: kinds, workingFolder: folder }).outline();

interface Asked {
  readonly stages: readonly string[];
  /** How much is offered to go on with. */
  readonly offers: number;
}

/** Asks everything at the end of a text. */
function askAll(text: string): Asked {
  const outline = outlineOf(text);
  if (outline === undefined) return { stages: [], offers: 0 };
  const lines = text.split('\n');
  const at = { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
  hoverAt(outline, kinds, at);
  definitionsAt(outline, at);
  referencesAt(outline, at, { definitions: true });
  rename(outline, at, 'another');
  return {
    stages: outline.stages.map((stage) => stage.name),
    offers: completeAt(outline, text, at).length,
  };
}

/** Lines that stand in an earlier pipeline are typed there. */
const typedBefore = new Set<string>();

/** Every seventh length at which a text ends in a line that no earlier pipeline has. */
function cutsOf(text: string): readonly number[] {
  const cuts: number[] = [];
  let begin = 0;
  for (const line of text.split('\n')) {
    if (!typedBefore.has(line) && !line.startsWith('#'))
      for (let at = begin + ((7 - (begin % 7)) % 7); at <= begin + line.length; at += 7) cuts.push(at);
    typedBefore.add(line);
    begin += line.length + 1;
  }
  return cuts;
}

describe.each(pipelines.map((name) => ({ name, cuts: cutsOf(readFileSync(join(folder, name), 'utf8')) })))(
  '$name',
  ({ name, cuts }) => {
    const text = readFileSync(join(folder, name), 'utf8');

    it('cut at every seventh letter is answered, with the stages that are written by then', () => {
      expect(cuts.length).toBeGreaterThan(10);
      for (const cut of cuts) {
        const before = text.slice(0, cut);
        const written = [...before.matchAll(/^ {2}([a-z-]+):\n {4}uses: .+\n/gm)].map(([, stage]) => stage);
        expect(askAll(before).stages, before).toEqual(expect.arrayContaining(written));
      }
    });

    it('cut after each `$` offers something, though the rest of the line is missing', () => {
      const bare = text.replaceAll(/^#.*$/gm, '');
      const cuts = [...bare.matchAll(/(?<=[:[] |\[)\$(?=[a-z])/g)].map(({ index }) =>
        bare.slice(0, index + 1),
      );
      expect(cuts.length).toBeGreaterThan(3);
      expect(cuts.filter((cut) => askAll(cut).offers === 0)).toEqual([]);
    });

    it('has the same stages with a broken line in its middle', () => {
      const stages = outlineOf(text)?.stages.map((stage) => stage.name) ?? [];
      expect(stages.length).toBeGreaterThan(2);
      const middle = text.indexOf(
        '\n',
        Math.max(text.search(/uses: (soft|shell)/), text.search(/uses: sft/)),
      );
      for (const typed of ['\n    m', '\n    with: {', '\n    matrix: [', '\n    timeout: "'])
        expect(
          outlineOf(text.slice(0, middle) + typed + text.slice(middle))?.stages.length,
          typed,
        ).toBeGreaterThan(0);
      const half = outlineOf(`${text.slice(0, middle)}\n    m${text.slice(middle)}`);
      expect(half?.stages.map((stage) => stage.name)).toEqual(stages);
    });
  },
);
