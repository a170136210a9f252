/** Writes docs/kinds.md, the reference of the stage kinds, from their declarations. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Value } from 'typebox/value';
import { kinds } from '../cli/kinds.js';
import type { InputPort, InputTraits, KindRegistry, StageKind } from '../runner/contract.js';

/** The parts of a JSON Schema that the page shows. */
interface Field {
  readonly type?: string;
  readonly const?: string | number | boolean;
  readonly enum?: readonly (string | number)[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Field>>;
  readonly items?: Field | readonly Field[];
  readonly anyOf?: readonly Field[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** Outputs may depend on values that have no default, and on inputs: an example of each, where needed. */
const examples: Readonly<Record<string, { values?: Record<string, unknown>; inputs?: InputTraits }>> = {
  soft: { values: { rewards: 'nli' } },
  clp: { values: { rewards: ['nli', 'rouge'], conditioning: 'full' } },
  shell: { values: { run: 'true', outputs: {} } },
  'data/jsonl': { inputs: { train: {}, validation: {}, test: {} } },
};

/** The page as Markdown, kinds in the order of the registry. */
export function kindsReference(registry: KindRegistry): string {
  const all = [...registry.values()];
  const contents = all.map((kind) => `- [\`${kind.name}\`](#${kind.name.replace(/[^a-z0-9-]/g, '')})`);
  return [
    '# Stage kinds',
    '',
    'What `uses:` may name. This page is written by `npm run docs` from the declarations in `stages/kinds`.',
    'Inputs and settings stand side by side under `with:`. A setting without a default must be given.',
    '',
    ...contents,
    '',
    ...all.flatMap((kind) => section(kind)),
  ].join('\n');
}

function section(kind: StageKind): string[] {
  const fields = rowsOf(kind.with, []);
  const inputs = Object.entries(kind.inputs);
  return [
    `## ${kind.name}`,
    '',
    kind.description,
    '',
    facts(kind),
    '',
    ...(inputs.length === 0
      ? []
      : [
          ...table(
            ['input', 'type', 'what it is'],
            inputs.map(([name, port]) => inputRow(name, port)),
          ),
          '',
        ]),
    ...(fields.length === 0 ? [] : [...table(['setting', 'takes', 'default', 'what it does'], fields), '']),
  ];
}

function facts(kind: StageKind): string {
  const outputs = Object.entries(outputsOf(kind)).map(([name, { type }]) => `\`${name}\` (${type})`);
  const seeds = {
    training: 'Trains: `seeds` gives it replicates.',
    evaluation: 'Draws from its own `sampling_seed`.',
    declared: 'A stage that says `seeds` gets replicates; another one gets no seed.',
    none: 'Draws nothing that a seed could change.',
  }[kind.randomness];
  const inert = kind.inert ?? [];
  const same = inert.length === 0 ? '' : ` Changing ${inert.map(code).join(', ')} re-runs nothing.`;
  const written = outputs.length === 0 ? 'those that `outputs` names' : outputs.join(', ');
  return `Outputs: ${written}. ${seeds}${same}`;
}

function outputsOf(kind: StageKind): ReturnType<StageKind['outputs']> {
  const { values = {}, inputs = {} } = examples[kind.name] ?? {};
  return kind.outputs(Value.Default(kind.with, values) as Record<string, unknown>, inputs);
}

function inputType(port: InputPort): string {
  const type = port.type === 'any' ? 'any artifact' : port.type;
  if (port.many === 'list') return 'a list of paths';
  if (port.path === 'only') return 'a path';
  const one = `${type}${port.list === true ? ', a list' : port.list === 'either' ? ' or a list of them' : ''}`;
  const takes = `${one}${port.path === true ? ', or a path' : ''}`;
  return port.many === 'map' ? `a map of names to: ${takes}` : takes;
}

function inputRow(name: string, port: InputPort): string[] {
  const type = inputType(port);
  return [code(name), type, `${port.optional === true ? 'Optional. ' : ''}${port.description}`];
}

/** One row a setting, the fields of a map below it under dotted names. */
function rowsOf(schema: Field, path: readonly string[]): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = [...path, name];
    const optional = !(schema.required ?? []).includes(name) && field.default === undefined;
    const fallback =
      field.default === undefined ? (optional ? 'none' : '') : code(JSON.stringify(field.default));
    const row = [code(here.join('.')), takes(field), fallback, field.description ?? ''];
    return [row, ...rowsOf(field, here), ...formRows(field, here)];
  });
}

/** Fields of the maps among the forms that a setting may take. */
function formRows(field: Field, path: readonly string[]): string[][] {
  return (field.anyOf ?? []).flatMap((form) => rowsOf(form, path));
}

function takes(field: Field): string {
  if (field.anyOf) return [...new Set(field.anyOf.map(takes))].join(' or ');
  if (field.const !== undefined) return code(String(field.const));
  if (field.enum) return field.enum.map((value) => code(String(value))).join(', ');
  if (field.type === 'array') return listOf(field.items);
  if (field.properties) return `a map of ${Object.keys(field.properties).map(code).join(', ')}`;
  if (field.type === 'object') return 'a map';
  if (field.type === 'string') return 'text';
  return `${field.type ?? 'anything'}${bounds(field)}`;
}

function listOf(items: Field['items']): string {
  if (items === undefined) return 'a list';
  return Array.isArray(items) ? `a list of ${items.length}` : `a list of: ${takes(items as Field)}`;
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Field): string {
  const parts = [
    minimum === undefined ? [] : [`≥ ${minimum}`],
    exclusiveMinimum === undefined ? [] : [`> ${exclusiveMinimum}`],
    maximum === undefined ? [] : [`≤ ${maximum}`],
    exclusiveMaximum === undefined ? [] : [`< ${exclusiveMaximum}`],
  ].flat();
  return parts.length === 0 ? '' : ` ${parts.join(', ')}`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)];
}

function code(text: string): string {
  return `\`${text}\``;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'kinds.md'), kindsReference(kinds));
}
