import type { Fix } from '../pipeline.js';
import { type Editor, writing } from './edits.js';
import type { Entry, ListNode, Node } from './nodes.js';
import { valueName } from './reference.js';

/**
 * A list of values as a map that names them: `[$soup.policy, {rank: 4}]` becomes `{soup: $soup.policy, value-2: {rank: 4}}`,
 * and `[policy: x]`, which YAML reads as a list of maps, `{policy: x}`. Undefined where it isn't one in brackets, on
 * a line of its own file, or two would have one name.
 */
export function unlisted({ items, place, uses }: ListNode, edit: Editor): Fix | undefined {
  const text = edit.textOf(place);
  if (uses.length > 0 || !text.startsWith('[') || text.includes('\n')) return undefined;
  const named = items.map((item, index) => nameOf(item, index, edit));
  const names = new Set(named.map(([name]) => name.toLowerCase()));
  if (names.size < named.length || !named.every(([name]) => valueName.test(name))) return undefined;
  const map = named.map(([name, value]) => `${name}: ${value}`).join(', ');
  return writing(place, `{${map}}`, 'name the values');
}

/** The one key of an item that YAML reads as a map of its own: of `[policy: x]` or `- policy: x`. */
export function pairOf(item: Node | undefined, edit: Editor): Entry | undefined {
  if (item?.kind !== 'map' || item.uses.length > 0 || item.entries.length !== 1) return undefined;
  return edit.textOf(edit.placeOf(item)).startsWith('{') ? undefined : item.entries[0];
}

/** `[a: 1, b: 2]` as the map that was meant, `{a: 1, b: 2}`; undefined where it is anything else. */
export function mapMeant(node: Node, edit: Editor): string | undefined {
  if (node.kind !== 'list' || node.uses.length > 0) return undefined;
  const pairs = node.items.flatMap((item) => pairOf(item, edit) ?? []);
  const text = edit.textOf(node.place);
  const keys = new Set(pairs.map(({ key }) => key));
  if (pairs.length === 0 || keys.size < node.items.length || !/^\[[^\n]*\]$/.test(text)) return undefined;
  return `{${text.slice(1, -1)}}`;
}

function nameOf(item: Node, index: number, edit: Editor): readonly [string, string] {
  const text = edit.textOf(edit.placeOf(item));
  if (item.kind === 'scalar') return [String(item.value), text];
  if (item.kind === 'reference') return [item.reference.stage, text];
  const pair = pairOf(item, edit);
  if (pair !== undefined) return [pair.key, edit.textOf(edit.placeOf(pair.value))];
  return [`value-${String(index + 1)}`, text];
}
