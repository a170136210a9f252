import type { Place } from '../pipeline.js';
import type { Diagnostics, Finding } from './diagnostics.js';
import {
  brokenAt,
  describeNode,
  type Entry,
  listed,
  type ListNode,
  type MapNode,
  type Node,
} from './nodes.js';
import { suggest } from './nearest.js';
import { readDocument } from './read-document.js';

/** Values from the command line have places too: the "file" is the option. */
export const paramFile = (name: string): string => `-p ${name}`;
export const setFile = (path: string): string => `--set ${path}`;
export const presetFile = (name: string): string => `--preset ${name}`;

export function optionPlace(file: string, text: string): Place {
  return { file, line: 1, column: 1, endLine: 1, endColumn: text.length + 1 };
}

/** YAML given on the command line; what is wrong is reported at the option. */
export function readOption(file: string, text: string, diagnostics: Diagnostics): Node {
  if (text.trim() !== '')
    return readDocument({ file, text }, diagnostics) ?? brokenAt(optionPlace(file, text));
  const place = optionPlace(file, text);
  diagnostics.report(place, {
    code: 'null-value',
    message: `\`${file}\` gives no value`,
    hint: `write \`${file}=value\``,
  });
  return brokenAt(place);
}

/** The document with each `--set path=yaml` put in. The new value replaces what stood there, maps included. */
export function applySets(
  root: Node,
  sets: Readonly<Record<string, string>>,
  diagnostics: Diagnostics,
): Node {
  return Object.entries(sets).reduce((node, [path, text]) => {
    const place = optionPlace(setFile(path), text);
    const value = readOption(setFile(path), text, diagnostics);
    return put(node, path.split('.'), { value, place, path, diagnostics, depth: 0 });
  }, root);
}

interface Put {
  readonly value: Node;
  readonly place: Place;
  readonly path: string;
  readonly diagnostics: Diagnostics;
  /** Keys above this one. */
  readonly depth: number;
}

/** What a key names, where the file chooses the names: it must exist. All other keys the checker knows itself. */
function namedAt({ path, depth }: Put): string | undefined {
  const above = path
    .split('.')
    .slice(0, depth - 1)
    .join('.');
  const named: readonly (readonly [RegExp, string])[] = [
    [/^stages$/, 'stage'],
    [/^stages\.[^.]+\.matrix(\.zip)?$/, 'axis'],
    [/^presets$/, 'preset'],
    [/^ablations\.[^.]+\.one_at_a_time$/, 'variant'],
  ];
  const isKey = /\.matrix\.(zip|exclude)$/.test(path.split('.').slice(0, depth).join('.'));
  return isKey ? undefined : named.find(([where]) => where.test(above))?.[1];
}

function put(node: Node, [key, ...rest]: readonly string[], change: Put): Node {
  if (key === undefined) return change.value;
  const deeper = { ...change, depth: change.depth + 1 };
  if (node.kind === 'broken') return node;
  if (node.kind === 'list') return putItem(node, key, rest, deeper);
  if (node.kind === 'map') return putEntry(node, key, rest, deeper);
  return refuse(node, change, {
    code: 'unknown-path',
    message: `\`${change.path}\` names no place: \`${key}\` would stand inside ${describeNode(node)}`,
  });
}

function putEntry(map: MapNode, key: string, rest: readonly string[], change: Put): Node {
  const known = map.entries.find((entry) => entry.key === key);
  const what = namedAt(change);
  if (known === undefined && change.depth === 1 && stagesOf(map).includes(key))
    return refuse(map, change, {
      code: 'unknown-path',
      message: `\`${key}\` is a stage, and \`${change.path}\` does not say so`,
      hint: `write \`stages.${key}.${['with', ...rest.filter((one, at) => at > 0 || one !== 'with')].join('.')}\``,
    });
  if (key === '' || (known === undefined && what !== undefined))
    return refuse(map, change, {
      code: 'unknown-path',
      message: key === '' ? `\`${change.path}\` is no path` : `no ${what ?? ''} is named \`${key}\``,
      hint:
        key === ''
          ? 'write keys separated by dots, as in `stages.clp.with.steps`'
          : suggest(
              key,
              map.entries.map((entry) => entry.key),
              what === 'axis' ? 'axes are' : `${what ?? ''}s are`,
            ).hint,
    });
  const before = known?.value ?? emptyMap(change.place);
  const entry: Entry = {
    key,
    keyPlace: known?.keyPlace ?? change.place,
    value: put(before, rest, change),
  };
  const entries =
    known === undefined
      ? [...map.entries, entry]
      : map.entries.map((other) => (other === known ? entry : other));
  return { ...map, entries };
}

function stagesOf(root: MapNode): readonly string[] {
  const stages = root.entries.find(({ key }) => key === 'stages')?.value;
  return stages?.kind === 'map' ? stages.entries.map(({ key }) => key) : [];
}

function putItem(list: ListNode, key: string, rest: readonly string[], change: Put): Node {
  const index = /^[0-9]+$/.test(key) ? Number(key) : -1;
  const item = list.items[index];
  if (item === undefined)
    return refuse(list, change, {
      code: 'unknown-path',
      message: `\`${change.path}\` names no place: \`${key}\` is no item of ${describeNode(list)}`,
      hint:
        list.items.length === 0 ? undefined : `items are ${listed(list.items.map((_, at) => `\`${at}\``))}`,
    });
  return { ...list, items: list.items.with(index, put(item, rest, change)) };
}

const emptyMap = (place: Place): MapNode => ({ kind: 'map', place, uses: [], entries: [] });

function refuse(node: Node, change: Put, finding: Finding): Node {
  change.diagnostics.report(change.place, finding);
  return node;
}
