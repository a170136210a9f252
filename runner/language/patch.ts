import type { Place } from '../pipeline.js';
import type { Entry, MapNode, Node } from './nodes.js';
import { formsOf, type JsonSchema, propertySchema } from './schema.js';

/**
 * Settings with a patch put over them. Maps merge key by key; a map that chooses one of several forms is replaced
 * whole, as is everything else.
 */
export function applyPatch(settings: MapNode, patch: MapNode, schema: JsonSchema | undefined): MapNode {
  const changed = settings.entries.map((entry): Entry => {
    const change = patch.entries.find(({ key }) => key === entry.key);
    if (change === undefined) return entry;
    const inner = propertySchema(schema, entry.key);
    return merges(entry.value, change.value, inner)
      ? { ...entry, value: applyPatch(entry.value as MapNode, change.value as MapNode, inner) }
      : change;
  });
  const added = patch.entries.filter(({ key }) => !settings.entries.some((entry) => entry.key === key));
  return { ...settings, entries: [...changed, ...added] };
}

const merges = (before: Node, after: Node, schema: JsonSchema | undefined): boolean =>
  before.kind === 'map' && after.kind === 'map' && !choosesForm(schema);

/** Whether a map here says which of several forms is meant. */
const choosesForm = (schema: JsonSchema | undefined): boolean =>
  schema !== undefined && formsOf(schema).length > 1;

/** The settings that a patch changes, as paths under `with`. */
export function patchedPaths(
  patch: MapNode,
  schema: JsonSchema | undefined,
  above = '',
): readonly { readonly path: string; readonly place: Place }[] {
  return patch.entries.flatMap(({ key, value }) => {
    const inner = propertySchema(schema, key);
    const deeper = value.kind === 'map' && value.entries.length > 0 && !choosesForm(inner);
    return deeper
      ? patchedPaths(value, inner, `${above}${key}.`)
      : [{ path: `${above}${key}`, place: value.place }];
  });
}
