/** `<<: *shared` is no part of the language: what it stands for is read all the same, and offered in its place. */
import { isScalar, type YAMLMap } from 'yaml';
import type { Fix, Place } from '../pipeline.js';
import type { Finding } from './diagnostics.js';
import { type Editor, writing } from './edits.js';
import type { Entry, Node } from './nodes.js';

export const mergeFinding: Finding = {
  code: 'merge-key',
  message: 'merge keys (`<<`) are not part of the language',
  hint: 'write the keys out, or use `params` and `defaults` for what is shared',
};

export const isMergeKey = (key: unknown): boolean =>
  isScalar(key) && key.type === 'PLAIN' && key.source === '<<' && key.tag === undefined;

/** The keys that a map or a list of maps would bring; undefined where that isn't known. */
export function sharedEntries(node: Node): readonly Entry[] | undefined {
  if (node.kind === 'map') return node.entries;
  if (node.kind !== 'list') return undefined;
  const all = node.items.map(sharedEntries);
  return all.includes(undefined) ? undefined : all.flatMap((entries) => entries ?? []);
}

/** Entries as they stand at an alias. */
export const usedBy = (entries: readonly Entry[], place: Place): readonly Entry[] =>
  entries.map((entry) => ({ ...entry, value: { ...entry.value, uses: [place, ...entry.value.uses] } }));

/** Own keys win over merged ones, and the first of these over the others. */
export function withMerged(
  own: readonly Entry[],
  merged: readonly (readonly Entry[] | undefined)[],
): readonly Entry[] {
  const keys = new Set(own.map(({ key }) => key));
  const added = merged.flatMap((entries) => entries ?? []);
  return [...own, ...added.filter(({ key }) => !keys.has(key) && keys.add(key))];
}

/** The merge key as the keys that it brings, where their values stand on one line each; `nothing` where all are own keys. */
export function writtenOut(
  map: YAMLMap,
  merge: Entry,
  shared: readonly Entry[],
  edit: Editor,
): Fix | 'nothing' | undefined {
  const own = map.items.map(({ key }) => (isScalar(key) ? String(key.value) : ''));
  const lines = shared
    .filter(({ key }) => !own.includes(key))
    .map(({ key, value }) => `${key}: ${edit.textOf(edit.placeOf(value))}`);
  if (lines.length === 0) return 'nothing';
  if (lines.some((line) => line.includes('\n'))) return undefined;
  const separator = map.flow === true ? ', ' : `\n${' '.repeat(merge.keyPlace.column - 1)}`;
  const { endLine, endColumn } = merge.value.place;
  return writing({ ...merge.keyPlace, endLine, endColumn }, lines.join(separator), 'write the keys out');
}
