/** What an editor with the YAML extension makes of the published schema: its real server, over its protocol. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { Client } from './client.js';

const folder = join(import.meta.dirname, '../../pipelines');
const manifest = createRequire(import.meta.url).resolve('yaml-language-server/package.json');
const server = join(dirname(manifest), 'bin', 'yaml-language-server');
const modeline = '# yaml-language-server: $schema=../schemas/pipeline.schema.json\n';

const start = (schemas: Readonly<Record<string, string>>): Client =>
  new Client({
    command: [process.execPath, server, '--stdio'],
    settings: {
      yaml: { validate: true, hover: true, completion: true, schemaStore: { enable: false }, schemas },
    },
    folder: join(folder, '..'),
  });
const client = start({});
beforeAll(() => client.initialize());
afterAll(() => client.close());

let count = 0;
/** Opens a text as a file beside the pipelines, with the line that names the schema. */
const open = (text: string): Promise<string> =>
  client.open(join(folder, `unsaved-${count++}.yaml`), modeline + text);

/** Words offered where `|` stands. */
async function offered(text: string): Promise<string[]> {
  const at = text.indexOf('|');
  const uri = await open(text.slice(0, at) + text.slice(at + 1));
  const items = await client.completions(uri, client.position(uri, text.slice(0, at), { after: true }));
  return items.map(({ label }) => label);
}

/** `line: message`, lines as the text without the first one counts them. */
async function marks(text: string): Promise<string[]> {
  const uri = await open(text);
  return (await client.diagnostics(uri)).map(
    ({ range, message }) => `${range.start.line}: ${message as string}`,
  );
}

const stage = (uses: string, ...lines: string[]): string =>
  ['name: x', 'stages:', '  it:', `    uses: ${uses}`, ...lines.map((line) => `    ${line}`), ''].join('\n');

describe('completion', () => {
  it('of `uses` offers every kind', async () => {
    expect((await offered(stage('|'))).sort()).toEqual([...kinds.keys()].sort());
  });

  it.each([...kinds.values()].filter(({ name }) => name !== 'rewarded-soup'))(
    'of a key under `with` of $name offers its settings and no others',
    async (kind) => {
      const [last] = Object.keys(kind.with.properties).slice(-1);
      const labels = await offered(stage(kind.name, 'with:', `  ${(last ?? '').slice(0, 1)}|`));
      const own = [...Object.keys(kind.inputs), ...Object.keys(kind.with.properties)];
      expect(labels).toEqual(expect.arrayContaining(own));
      const others = [...kinds.values()].flatMap(({ with: { properties } }) => Object.keys(properties));
      expect(labels.filter((label) => others.includes(label) && !own.includes(label))).toEqual([]);
    },
  );

  it('of a value offers the words that the setting takes', async () => {
    expect(await offered(stage('clp', 'with:', '  conditioning: |'))).toEqual(
      expect.arrayContaining(['full', 'attention', 'logits', 'lora', 'prompt']),
    );
    expect(await offered(stage('sft', 'with:', '  schedule: |'))).toEqual(
      expect.arrayContaining(['constant', 'linear', 'cosine']),
    );
  });

  it('of a key inside a setting offers what belongs there', async () => {
    expect(await offered(stage('sft', 'with:', '  model:', '    w|'))).toEqual(
      expect.arrayContaining(['width', 'layers', 'heads', 'context', 'dropout']),
    );
  });

  it('of a key of the file and of a stage offers the keys of the language', async () => {
    expect(await offered('name: x\nm|')).toEqual(
      expect.arrayContaining(['params', 'stages', 'max_cells', 'on_failure']),
    );
    expect(await offered(stage('sft', 'm|'))).toEqual(
      expect.arrayContaining(['with', 'matrix', 'needs', 'timeout']),
    );
  });
});

describe('hover', () => {
  const hovered = async (text: string, piece: string, offset = 0): Promise<string> => {
    const uri = await open(text);
    return client.hover(uri, client.position(uri, piece, { offset }));
  };

  it('on a setting shows its description and its default', async () => {
    const shown = await hovered(stage('sft', 'with:', '  learning_rate: 0.1'), 'learning_rate');
    expect(shown).toContain('Peak rate of AdamW.');
    expect(shown).toContain('Default: `0.003`');
  });

  it('on a setting whose value is a reference shows the same', async () => {
    const shown = await hovered(stage('clp', 'with:', '  conditioning: $matrix.how'), 'conditioning');
    expect(shown).toContain('How a trade-off enters the policy.');
    expect(shown).toContain('Default: `"full"`');
  });

  it('on an input shows what it is and its type', async () => {
    const shown = await hovered(stage('clp', 'with:', '  prompts: $news.train'), 'prompts');
    expect(shown).toContain('Prompts to answer');
    expect(shown).toContain('Takes a reference to a dataset');
  });

  it('on a kind shows what it does', async () => {
    expect(await hovered(stage('clp'), 'clp')).toContain('Conditional Language Policy');
  });

  it('on a key of the language shows its description', async () => {
    expect(await hovered(stage('clp', 'timeout: 2h'), 'timeout')).toContain('Longest time a cell may run');
    expect(await hovered('name: x\nseeds: 3\n', 'seeds')).toContain('Replicates');
  });
});

describe('red marks', () => {
  const right = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

  it.each(right)('there is none in %s', async (name) => {
    const file = join(folder, name);
    const uri = await client.open(file, readFileSync(file, 'utf8'));
    expect(await client.diagnostics(uri)).toEqual([]);
  });

  it('stand where a value is wrong, and say what is taken', async () => {
    const found = await marks(
      stage(
        'sft',
        'with:',
        '  data: news.train',
        '  steps: many',
        '  batch: 0',
        '  schedule: circular',
        '  model: { hights: 2 }',
        '  warmup: $news.train',
        '  setps: 3',
        'timeout: 90',
        'retries: { user: [1] }',
      ),
    );
    expect(found.sort()).toEqual([
      '10: Property hights is not allowed.',
      '11: Expected an integer of at least 0, or a reference: `$params.name` or `$matrix.axis`.',
      '12: Property setps is not allowed.',
      '13: Expected a duration such as `90s`, `15m`, `2h` or `1h30m` or a map with `wall` and `silent`, or a reference: `$params.name`.',
      '14: Expected an integer of at least 0, or a reference: `$params.name`.',
      '6: Expected a reference to a dataset: `$stage.output`.',
      '7: Expected an integer of at least 1, or a reference: `$params.name` or `$matrix.axis`.',
      '8: Value is below the minimum of 1.',
      '9: Value is not accepted. Valid values: "constant", "linear", "cosine".',
    ]);
  });

  it('stand at an unknown kind, which is told the kinds', async () => {
    expect(await marks(stage('clip'))).toEqual([
      expect.stringContaining('4: Expected the name of a kind: `data/news`'),
    ]);
  });

  it('stand at a missing input', async () => {
    expect(await marks(stage('soft', 'with: { rewards: nli, prompts: $news.train }'))).toEqual([
      '5: Missing property "reference".',
    ]);
  });
});

it('settings that name the schema for a folder do as well as a line in each file', async () => {
  const other = start({ './schemas/pipeline.schema.json': 'pipelines/*.yaml' });
  await other.initialize();
  const uri = await other.open(join(folder, 'unsaved.yaml'), stage('clp', 'timeout: 2h'));
  const found = await other.diagnostics(uri, ({ diagnostics }) => diagnostics.length > 0);
  expect(found.map(({ message }) => message)).toEqual(['Missing property "with".']);
  expect(await other.hover(uri, other.position(uri, 'timeout'))).toContain('Longest time a cell may run');
  await other.close();
});
