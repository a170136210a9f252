import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  currentLanguageReference,
  languageReference,
  templatePath,
  topicsOf,
} from '../../scripts/language-reference.js';
import { goldenFiles, parseGolden } from '../../scripts/language-reference/golden.js';
import { keysOf, PipelineSchema, StageSchema } from '../../schemas/pipeline.js';
import { root } from './imports.js';

const file = join(root, 'docs', 'language.md');
const examples = goldenFiles(join(root, 'test/golden'));
const topics = topicsOf(readFileSync(join(root, templatePath), 'utf8'));
const placed = examples.flatMap(({ doc, name }) => (doc === undefined ? [] : [{ name, ...doc }]));

describe('docs/language.md', () => {
  it('says what its template, the schema and the golden files say (else: `npm run docs`)', () => {
    const expected = currentLanguageReference();
    if (process.env.UPDATE_DOCS === '1') writeFileSync(file, expected);
    expect(readFileSync(file, 'utf8')).toBe(expected);
  });

  it('has a place for each golden file that names one, and an example in each place', () => {
    expect(placed.length).toBeGreaterThan(80);
    expect([...new Set(placed.map(({ topic }) => topic))].sort()).toEqual([...topics].sort());
    const page = readFileSync(file, 'utf8');
    for (const { name, rule } of placed) expect(page).toContain(`**${rule}** ([${name}](`);
  });

  it('gives each example of a topic a place of its own', () => {
    const places = placed.map(({ topic, order }) => `${topic} ${String(order)}`);
    expect(places.filter((place, at) => places.indexOf(place) !== at)).toEqual([]);
  });

  it('has a row for every key of a file and of a stage', () => {
    const page = readFileSync(file, 'utf8');
    for (const key of [...keysOf(PipelineSchema), ...keysOf(StageSchema)])
      expect(page).toContain(`| \`${key}\` |`);
  });

  it('takes no line of a head that it cannot read', () => {
    const heads = examples.filter(({ head, doc }) => head !== '' && doc === undefined);
    expect(heads.map(({ name }) => name)).toEqual([]);
  });

  it('shows an answer in full and a file without its head', () => {
    const golden = parseGolden(
      'x',
      '# doc: a 1: Rule\n# shows: one\nname: x\n---\none seed 0\n  with {}\ntwo\n',
    );
    const page = languageReference('<!-- rules of a -->', [golden]);
    expect(page).toContain('**Rule** ([x](../test/golden/x.golden))\n\n```yaml\nname: x\n```');
    expect(page).toContain('```text\none seed 0\n```');
  });
});
