import { keysOf, PipelineSchema } from '../../schemas/pipeline.js';
import { readOption, optionPlace, paramFile } from './command-line.js';
import type { Diagnostics, Finding } from './diagnostics.js';
import { brokenAt, describeNode, type Entry, type Node, type ScalarNode } from './nodes.js';
import { separated } from './meant.js';
import { suggest } from './nearest.js';
import { parseReference, plainName } from './reference.js';
import { looksLikeNumber } from './scalars.js';
import { meantEntry } from './settings.js';

/** Values for params, later ones win: a preset, `-p`, `--set params.x`. */
export interface GivenParams {
  readonly preset: ReadonlyMap<string, Node>;
  readonly options: Readonly<Record<string, string>>;
  readonly sets: ReadonlyMap<string, Node>;
}

/** The params of a file with their values; one that has none is reported and `broken`. */
export function readParams(
  root: Node,
  given: GivenParams,
  diagnostics: Diagnostics,
): ReadonlyMap<string, Node> {
  const node = meantEntry(root, 'params', fileKeys)?.value;
  if (node !== undefined && node.kind !== 'map' && node.kind !== 'broken')
    diagnostics.report(node, {
      code: 'wrong-type',
      message: `\`params\` takes a map of names and defaults, found ${describeNode(node)}`,
    });
  const entries = node?.kind === 'map' ? node.entries : [];
  const params = new Map(entries.map((entry) => [entry.key, readParam(entry, given, diagnostics)]));
  if (node?.kind !== 'broken') reportUnknown(params, given, diagnostics);
  return params;
}

const fileKeys = keysOf(PipelineSchema);

function readParam(entry: Entry, given: GivenParams, diagnostics: Diagnostics): Node {
  if (!plainName.test(entry.key))
    diagnostics.report(entry.keyPlace, {
      code: 'bad-name',
      message: `\`${entry.key}\` can't be the name of a param`,
      hint: 'names are `[a-z][a-z0-9_-]*`',
    });
  const standard = paramValue(entry.value, diagnostics);
  const value = givenValue(entry, standard, given, diagnostics);
  if (value === undefined) return isNull(standard) ? reportMissing(entry, diagnostics) : standard;
  if (value === given.preset.get(entry.key)) return value; // checked with its preset
  return sameType(standard, value) ? value : reportType(entry.key, { standard, value }, diagnostics);
}

function givenValue(
  { key }: Entry,
  standard: Node,
  { preset, options, sets }: GivenParams,
  diagnostics: Diagnostics,
): Node | undefined {
  const set = sets.get(key);
  if (set !== undefined) return paramValue(set, diagnostics);
  const text = Object.hasOwn(options, key) ? options[key] : undefined;
  if (text === undefined) return preset.get(key);
  const isText = standard.kind === 'scalar' && typeof standard.value === 'string';
  const file = paramFile(key);
  if (isText) return { kind: 'scalar', place: optionPlace(file, text), uses: [], value: text };
  return paramValue(readOption(file, text, diagnostics), diagnostics);
}

/** A value of a param: `$$` is read, references are refused, and so is text that was meant as a number. */
export function paramValue(node: Node, diagnostics: Diagnostics): Node {
  switch (node.kind) {
    case 'scalar':
      return scalarValue(node, diagnostics);
    case 'list':
      return { ...node, items: node.items.map((item) => paramValue(item, diagnostics)) };
    case 'map': {
      const entries = node.entries.map((entry) => ({
        ...entry,
        value: paramValue(entry.value, diagnostics),
      }));
      return { ...node, entries };
    }
    case 'reference':
    case 'broken':
      return node;
  }
}

function scalarValue(node: ScalarNode, diagnostics: Diagnostics): Node {
  if (node.plain !== undefined && looksLikeNumber(node.plain))
    return refuse(node, diagnostics, separators(node.plain));
  if (typeof node.value !== 'string' || !node.value.startsWith('$')) return node;
  const reference = parseReference(node.value);
  if (!reference.ok) return refuse(node, diagnostics, reference.error);
  if (reference.value.kind === 'text')
    return { kind: 'scalar', place: node.place, uses: node.uses, value: reference.value.text };
  return refuse(node, diagnostics, {
    code: 'misplaced-reference',
    message: 'a param is a value, not a reference',
    hint: `write \`$${node.value}\` if text is meant, or the reference where the param is used`,
  });
}

/** `1_000`: text for YAML, a number for its author. */
const separators = (text: string): Finding => ({
  code: 'number-text',
  message: `\`${text}\` is text, not a number`,
  ...separated(text),
});

function refuse(node: Node, diagnostics: Diagnostics, finding: Finding): Node {
  diagnostics.report(node, finding);
  return brokenAt(node.place);
}

const isNull = (node: Node): boolean => node.kind === 'scalar' && node.value === null;

export function typeOf(node: Node): string {
  if (node.kind !== 'scalar') return node.kind === 'list' ? 'a list' : 'a map';
  if (typeof node.value === 'string') return 'text';
  return typeof node.value === 'number' ? 'a number' : '`true` or `false`';
}

export function sameType(standard: Node, value: Node): boolean {
  const open = isNull(standard) || standard.kind === 'broken' || value.kind === 'broken';
  return open || typeOf(standard) === typeOf(value);
}

function reportType(
  name: string,
  { standard, value }: { standard: Node; value: Node },
  diagnostics: Diagnostics,
): Node {
  return refuse(value, diagnostics, {
    code: 'wrong-type',
    message: `the param \`${name}\` takes ${typeOf(standard)}, found ${describeNode(value)}`,
    related: [{ ...standard.place, message: `its default is ${describeNode(standard)}` }],
  });
}

function reportMissing(entry: Entry, diagnostics: Diagnostics): Node {
  diagnostics.report(entry.keyPlace, {
    code: 'missing-param',
    message: `the param \`${entry.key}\` has no value and no default`,
    hint: `give it: \`-p ${entry.key}=...\``,
  });
  return brokenAt(entry.keyPlace);
}

function reportUnknown(
  params: ReadonlyMap<string, Node>,
  { options, sets }: GivenParams,
  diagnostics: Diagnostics,
): void {
  const unknown = (name: string): Finding => ({
    code: 'unknown-param',
    message: `the file has no param \`${name}\``,
    hint: 'the file has no `params`; `--set path=value` changes any value',
    ...suggest(name, params.keys(), 'params are'),
  });
  for (const [name, text] of Object.entries(options))
    if (!params.has(name)) diagnostics.report(optionPlace(paramFile(name), text), unknown(name));
  for (const [name, node] of sets) if (!params.has(name)) diagnostics.report(node.place, unknown(name));
}
