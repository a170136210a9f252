/** The published schema says what the checker says, as far as a schema can. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { kinds } from '../../cli/kinds.js';
import { pipelineSchema, schemaText } from '../../cli/pipeline-schema/assemble.js';
import type { KindRegistry } from '../../runner/contract.js';
import { analyze } from '../../runner/language/index.js';
import { fileKeys } from '../../runner/language/read-draft.js';
import { stageKeys } from '../../runner/language/read-stage.js';
import type { Json } from '../../schemas/json.js';
import { registry } from '../language/kinds.js';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

type Tree = Readonly<Record<string, Json>>;
const at = (tree: Json, ...path: string[]): Tree =>
  path.reduce<Json>((node, key) => (node as Tree)[key] ?? {}, tree) as Tree;

const compiled = (registry: KindRegistry): ValidateFunction =>
  new Ajv({ strict: false, allErrors: true }).compile(pipelineSchema(registry));
const ofKinds = compiled(kinds);

/** What the schema refuses in a text, as `place: message`. */
function refusals(text: string, validate = ofKinds): string[] {
  const good = validate(parse(text));
  return good
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message ?? ''}`);
}

describe('the published schema', () => {
  const schema = pipelineSchema(kinds);
  const followed = (field: Tree = {}): Tree =>
    typeof field.$ref === 'string' ? at(schema, ...field.$ref.split('/').slice(1)) : field;

  it('is what the declarations say (else: `npm run docs`)', () => {
    expect(read('schemas/pipeline.schema.json')).toBe(schemaText(kinds));
  });

  it('has every key that the reader knows, and no other', () => {
    expect(Object.keys(at(schema, 'properties')).sort()).toEqual([...fileKeys].sort());
    expect(Object.keys(at(schema, 'definitions', 'stage', 'properties')).sort()).toEqual(
      [...stageKeys].sort(),
    );
  });

  it('has every input and setting of every kind, described', () => {
    for (const kind of kinds.values()) {
      const fields = at(schema, 'definitions', `with-${kind.name.replace('/', '-')}`, 'properties') as Record<
        string,
        Tree
      >;
      const names = [...Object.keys(kind.inputs), ...Object.keys(kind.with.properties)];
      expect(Object.keys(fields)).toEqual(names);
      for (const name of names)
        expect(followed(fields[name]).description, `${kind.name} ${name}`).toBeTypeOf('string');
    }
  });

  it('points only to definitions that are there', () => {
    const pointers = [...schemaText(kinds).matchAll(/"\$ref": "#\/([^"]+)"/g)].map(([, path = '']) => path);
    expect(pointers.length).toBeGreaterThan(20);
    for (const pointer of new Set(pointers))
      expect(at(schema, ...pointer.split('/')), pointer).not.toEqual({});
  });

  it('is small enough to be read at each key: under 1.25 KiB a setting', () => {
    const settings = [...kinds.values()].flatMap((kind) => [
      ...Object.keys(kind.inputs),
      ...Object.keys(kind.with.properties),
    ]);
    expect(JSON.stringify(schema).length / settings.length).toBeLessThan(1280);
  });
});

describe('files that the checker takes', () => {
  const pipelines = readdirSync(join(root, 'pipelines')).filter((name) => name.endsWith('.yaml'));

  it.each(pipelines)('pipelines/%s names the schema and holds under it', (name) => {
    const text = read(`pipelines/${name}`);
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=../schemas/pipeline.schema.json');
    expect(refusals(text)).toEqual([]);
  });

  const golden = readdirSync(join(root, 'test/golden'))
    .map((name) => [name, read(`test/golden/${name}`)] as const)
    .filter(([, text]) => !text.slice(text.lastIndexOf('\n---\n')).includes('error['))
    // Shown with what `check --fix` makes of it: wrong as it is written.
    .filter(([, text]) => !/^# options: .*"fix"/m.test(text));

  const ofTestKinds = compiled(registry);

  it('there are some', () => expect(golden.length).toBeGreaterThanOrEqual(9));

  it.each(golden)('%s holds under the schema of its kinds', (_, text) => {
    const builtIn = /^# options: .*"kinds"/m.test(text);
    const yaml = text.slice(0, text.lastIndexOf('\n---\n'));
    expect(refusals(yaml, builtIn ? ofKinds : ofTestKinds)).toEqual([]);
  });
});

describe('files that the checker refuses', () => {
  const good = `
name: x
seeds: 2
params: {alpha: 0.1, none: null}
defaults: {timeout: 2h, retries: {infrastructure: 2}}
stages:
  news: {uses: data/news}
  reference: {uses: sft, with: {data: $news.train, steps: $params.alpha, model: {width: 32}}}
  clp:
    uses: clp
    matrix: {how: [full, logits]}
    with: {reference: $reference.model, prompts: $news.train, rewards: [nli, rouge], conditioning: $matrix.how}
  soup: {uses: rewarded-soup, with: {experts: $clp(how=*).policy}}
`;

  it('begin with one that it takes', () => expect(refusals(good)).toEqual([]));

  const clp = ['stages', 'clp'] as const;
  const wrong: readonly (readonly [string, readonly string[], unknown, string])[] = [
    ['an unknown key of the file', ['stage'], {}, ': must NOT have additional properties'],
    ['no stages', ['stages'], {}, '/stages: must NOT have fewer than 1 properties'],
    ['a name of a stage', ['stages', 'Clp'], { uses: 'sft' }, '/stages: must NOT have additional properties'],
    [
      'an unknown kind',
      [...clp, 'uses'],
      'clip',
      '/stages/clp/uses: must be equal to one of the allowed values',
    ],
    ['no `uses`', [...clp, 'uses'], undefined, "/stages/clp: must have required property 'uses'"],
    ['an unknown key of a stage', [...clp, 'steps'], 3, '/stages/clp: must NOT have additional properties'],
    [
      'an unknown setting',
      [...clp, 'with', 'step'],
      3,
      '/stages/clp/with: must NOT have additional properties',
    ],
    ['text for a number', [...clp, 'with', 'steps'], 'many', '/stages/clp/with/steps: must be integer'],
    ['a number out of bounds', [...clp, 'with', 'steps'], 0, '/stages/clp/with/steps: must be >= 1'],
    [
      'an artifact for a setting',
      [...clp, 'with', 'steps'],
      '$news.train',
      '/stages/clp/with/steps: must match pattern "^\\$(params|matrix)\\.[a-z][a-z0-9_-]*$"',
    ],
    [
      'another word',
      [...clp, 'with', 'kl'],
      'k9',
      '/stages/clp/with/kl: must be equal to one of the allowed values',
    ],
    [
      'a missing input',
      [...clp, 'with', 'prompts'],
      undefined,
      "/stages/clp/with: must have required property 'prompts'",
    ],
    [
      'a missing setting',
      [...clp, 'with', 'rewards'],
      undefined,
      "/stages/clp/with: must have required property 'rewards'",
    ],
    ['a number for an input', [...clp, 'with', 'prompts'], 3, '/stages/clp/with/prompts: must be string'],
    [
      'a stage without its output',
      [...clp, 'with', 'prompts'],
      '$news',
      '/stages/clp/with/prompts: must match pattern',
    ],
    [
      'selectors with a comma',
      [...clp, 'with', 'prompts'],
      '$news(a=b,c=d).train',
      '/stages/clp/with/prompts: must match pattern',
    ],
    [
      'a param for an input',
      [...clp, 'with', 'prompts'],
      '$params.alpha',
      '/stages/clp/with/prompts: must match pattern',
    ],
    [
      'an unknown key of a map',
      ['stages', 'reference', 'with', 'model', 'hights'],
      2,
      '/stages/reference/with/model: must NOT have additional properties',
    ],
    ['a matrix that is a list', [...clp, 'matrix'], ['full'], '/stages/clp/matrix: must be object'],
    [
      'a reserved axis',
      [...clp, 'matrix', 'seed'],
      [1],
      '/stages/clp/matrix: must NOT have additional properties',
    ],
    [
      'an axis without values',
      [...clp, 'matrix', 'how'],
      [],
      '/stages/clp/matrix/how: must NOT have fewer than 1 items',
    ],
    ['a timeout without a unit', [...clp, 'timeout'], 90, '/stages/clp/timeout: must be string'],
    [
      'a size without a unit',
      [...clp, 'resources'],
      { memory: '2' },
      '/stages/clp/resources/memory: must match pattern',
    ],
    ['seeds below 1', ['seeds'], 0, '/seeds: must be >= 1'],
    ['`seeds: false` on the file', ['seeds'], false, '/seeds: must be integer'],
    ['a name of a variable', [...clp, 'env'], ['a-b'], '/stages/clp/env/0: must match pattern'],
    [
      'an unknown class of retries',
      ['defaults', 'retries', 'users'],
      1,
      '/defaults/retries: must NOT have additional properties',
    ],
    [
      'another `on_failure`',
      ['on_failure'],
      'stop',
      '/on_failure: must be equal to one of the allowed values',
    ],
    ['a name of a param', ['params', 'Alpha'], 1, '/params: must NOT have additional properties'],
  ];

  it.each(wrong)('%s', (_, path, value, expected) => {
    const text = stringify(changed(parse(good) as Tree, path, value));
    expect(
      refusals(text).some((refusal) => refusal.startsWith(expected)),
      refusals(text).join('\n'),
    ).toBe(true);
    const { diagnostics } = analyze({ file: '/p/x.yaml', text }, { registry: kinds, workingFolder: '/p' });
    expect(diagnostics).not.toEqual([]);
  });
});

/** A tree with one value put in, or taken out where it is undefined. */
function changed(tree: Tree, [key = '', ...rest]: readonly string[], value: unknown): Tree {
  const inner = rest.length === 0 ? value : changed(at(tree, key), rest, value);
  const others = Object.fromEntries(Object.entries(tree).filter(([name]) => name !== key));
  return inner === undefined ? others : { ...others, [key]: inner as Json };
}
