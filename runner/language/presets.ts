import { keysOf, PipelineSchema } from '../../schemas/pipeline.js';
import { optionPlace, presetFile } from './command-line.js';
import type { Diagnostics } from './diagnostics.js';
import { brokenAt, chosenBy, describeNode, type Entry, entryOf, type Node } from './nodes.js';
import { suggest } from './nearest.js';
import { paramValue, sameType, typeOf } from './params.js';
import { valueName } from './reference.js';

/** Checks all `presets` of a file, and gives the values of the one that `--preset` names. */
export function readPresets(
  root: Node,
  chosen: string | undefined,
  diagnostics: Diagnostics,
): ReadonlyMap<string, Node> {
  const node = entryOf(root, 'presets')?.value;
  if (node !== undefined && node.kind !== 'map' && node.kind !== 'broken')
    diagnostics.report(node, {
      code: 'wrong-type',
      message: `\`presets\` takes a map of named sets of params, found ${describeNode(node)}`,
      hint: 'write `presets: {small: {param: value}}`',
    });
  const presets = node?.kind === 'map' ? node.entries : [];
  const params = entryOf(root, 'params')?.value;
  const known = params?.kind === 'map' ? params.entries : [];
  checkNames(presets, diagnostics);
  const values = new Map(presets.map((preset) => [preset.key, readPreset(preset, known, diagnostics)]));
  if (chosen === undefined) return new Map();
  if (!values.has(chosen) && node?.kind !== 'broken') reportUnknown(chosen, values, diagnostics);
  return values.get(chosen) ?? new Map<string, Node>();
}

function checkNames(presets: readonly Entry[], diagnostics: Diagnostics): void {
  const seen = new Map<string, Entry>();
  for (const preset of presets) {
    if (!valueName.test(preset.key))
      diagnostics.report(preset.keyPlace, {
        code: 'bad-name',
        message: `${JSON.stringify(preset.key)} can't be the name of a preset`,
        hint: 'names are letters, digits and `._+-`, at most 64',
      });
    const before = seen.get(preset.key.toLowerCase());
    if (before !== undefined)
      diagnostics.report(preset.keyPlace, {
        code: 'duplicate-name',
        message: `\`${preset.key}\` and \`${before.key}\` differ in case only`,
        hint: 'give one of them another name',
        related: [{ ...before.keyPlace, message: 'first written here' }],
      });
    seen.set(preset.key.toLowerCase(), preset);
  }
}

function readPreset(
  { key: name, value: node }: Entry,
  params: readonly Entry[],
  diagnostics: Diagnostics,
): ReadonlyMap<string, Node> {
  if (node.kind === 'broken') return new Map();
  if (node.kind !== 'map') {
    diagnostics.report(node, {
      code: 'wrong-type',
      message: `the preset \`${name}\` takes a map of params, found ${describeNode(node)}`,
      hint: `write \`${name}: {param: value}\``,
    });
    return new Map();
  }
  return new Map(
    node.entries.flatMap((entry) => {
      const param = params.find(({ key }) => key === entry.key);
      if (param === undefined) reportParam(entry, params, diagnostics);
      return param === undefined
        ? []
        : [[entry.key, chosenBy(readValue(entry, param, diagnostics), `preset ${name}`)] as const];
    }),
  );
}

/** A value of the type of the param's default. */
function readValue({ key, value: node }: Entry, param: Entry, diagnostics: Diagnostics): Node {
  const value = paramValue(node, diagnostics);
  const standard = paramValue(param.value, diagnostics);
  if (sameType(standard, value)) return value;
  diagnostics.report(value, {
    code: 'wrong-type',
    message: `the param \`${key}\` takes ${typeOf(standard)}, found ${describeNode(value)}`,
    related: [{ ...standard.place, message: `its default is ${describeNode(standard)}` }],
  });
  return brokenAt(value.place);
}

function reportParam({ key, keyPlace }: Entry, params: readonly Entry[], diagnostics: Diagnostics): void {
  const names = params.map((param) => param.key);
  const isKey = (keysOf(PipelineSchema) as readonly string[]).includes(key);
  diagnostics.report(keyPlace, {
    code: 'unknown-param',
    message: `the file has no param \`${key}\``,
    ...(isKey
      ? { hint: `a preset holds values of params; write a param, and \`${key}: $params.name\` at the top` }
      : { hint: `add it: \`params: {${key}: ...}\``, ...suggest(key, names, 'params are') }),
  });
}

function reportUnknown(
  chosen: string,
  presets: ReadonlyMap<string, unknown>,
  diagnostics: Diagnostics,
): void {
  diagnostics.report(optionPlace(presetFile(chosen), chosen), {
    code: 'unknown-preset',
    message: `the file has no preset \`${chosen}\``,
    hint: suggest(chosen, presets.keys(), 'presets are').hint ?? 'the file has no `presets`',
  });
}
