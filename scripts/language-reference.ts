/** Writes docs/language.md: a written template, tables of keys from the schema, and the golden files as examples. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  AblationSchema,
  DefaultsSchema,
  matrixShape,
  PipelineSchema,
  ResourcesSchema,
  RetriesSchema,
  StageSchema,
} from '../schemas/pipeline.js';
import { example } from './language-reference/example.js';
import { goldenFiles, type Golden } from './language-reference/golden.js';
import { flatRowsOf, table, type Field } from './schema-table.js';

const tables: Readonly<Record<string, unknown>> = {
  pipeline: PipelineSchema,
  defaults: DefaultsSchema,
  stage: StageSchema,
  matrix: { properties: matrixShape },
  resources: ResourcesSchema,
  retries: RetriesSchema,
  ablation: AblationSchema,
};

const mark = /^<!-- (keys|rules) of ([a-z-]+) -->$/gm;

/** Topics that the template gives a place. */
export const topicsOf = (template: string): readonly string[] =>
  [...template.matchAll(mark)].filter(([, what]) => what === 'rules').map(([, , topic = '']) => topic);

/** The page: the template with its marks filled, and a table of contents after its first heading. */
export function languageReference(template: string, examples: readonly Golden[]): string {
  const filled = template.replace(mark, (_, what: string, name: string) =>
    (what === 'keys' ? keys(name) : rules(name, examples)).join('\n').trimEnd(),
  );
  return filled.replace('<!-- contents -->', contents(template).join('\n'));
}

function keys(name: string): string[] {
  const schema = tables[name] as Field | undefined;
  if (schema === undefined) throw new Error(`internal error: no keys of ${name}; please report it`);
  const heads = ['key', 'takes', 'default', 'what it does'];
  return table(heads, flatRowsOf(schema));
}

function rules(topic: string, examples: readonly Golden[]): string[] {
  return examples
    .filter(({ doc }) => doc?.topic === topic)
    .sort((a, b) => (a.doc?.order ?? 0) - (b.doc?.order ?? 0))
    .flatMap(example);
}

const contents = (template: string): string[] =>
  [...template.matchAll(/^## (.*)$/gm)].map(
    ([, title = '']) =>
      `- [${title}](#${title
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-')})`,
  );

const up = join(import.meta.dirname, '..');
/** The project, from its sources or from what is built of them. */
const root = basename(up) === 'dist' ? join(up, '..') : up;

export const templatePath = 'scripts/language-reference/template.md';

/** The page as the files of the project make it. */
export const currentLanguageReference = (): string =>
  languageReference(readFileSync(join(root, templatePath), 'utf8'), goldenFiles(join(root, 'test/golden')));

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(root, 'docs', 'language.md'), currentLanguageReference());
}
