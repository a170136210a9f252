import type { Fix } from '../pipeline.js';
import { type Editor, writing } from './edits.js';
import type { ListNode, Node } from './nodes.js';
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

function nameOf(item: Node, index: number, edit: Editor): readonly [string, string] {
  const text = edit.textOf(edit.placeOf(item));
  if (item.kind === 'scalar') return [String(item.value), text];
  if (item.kind === 'reference') return [item.reference.stage, text];
  const pair = item.kind === 'map' && !text.startsWith('{') ? item.entries[0] : undefined;
  if (pair !== undefined) return [pair.key, edit.textOf(edit.placeOf(pair.value))];
  return [`value-${String(index + 1)}`, text];
}
