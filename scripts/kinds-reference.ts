/** Writes docs/kinds.md, the reference of the stage kinds, from their declarations. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Value } from 'typebox/value';
import { kinds } from '../cli/kinds.js';
import type { InputPort, InputTraits, KindRegistry, StageKind } from '../runner/contract.js';
import { code, rowsOf, table } from './schema-table.js';

/** Outputs may depend on values that have no default, and on inputs: an example of each, where needed. */
const examples: Readonly<Record<string, { values?: Record<string, unknown>; inputs?: InputTraits }>> = {
  soft: { values: { rewards: 'nli' } },
  clp: { values: { rewards: ['nli', 'rouge'], conditioning: 'full' } },
  shell: { values: { run: 'true', outputs: {} } },
  'data/jsonl': { inputs: { train: {}, validation: {}, test: {} } },
  'data/csv': { inputs: { train: {}, validation: {}, test: {} } },
  'data/parquet': { inputs: { train: {}, validation: {}, test: {} } },
};

/** Outputs that only some settings give: with which. */
const onlyWith: Readonly<Record<string, { values: Record<string, unknown>; which: string }>> = {
  sft: { values: { lora: { rank: 8 } }, which: '`lora` or `adapter`' },
  soft: { values: { rewards: 'nli', lora: { rank: 8 } }, which: '`lora`' },
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
  const fields = rowsOf(kind.with);
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
  const usual = outputsOf(kind, examples[kind.name]);
  const more = onlyWith[kind.name];
  const all = more === undefined ? usual : outputsOf(kind, more);
  const outputs = Object.entries(all).map(
    ([name, { type }]) => `\`${name}\` (${type}${name in usual ? '' : `, with ${more?.which ?? ''}`})`,
  );
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

function outputsOf(
  kind: StageKind,
  { values = {}, inputs = {} }: { values?: Record<string, unknown>; inputs?: InputTraits } = {},
): ReturnType<StageKind['outputs']> {
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

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'kinds.md'), kindsReference(kinds));
}
