import type { ExpandContext } from './expand-context.js';
import { outputsSeen } from './cells.js';
import type { AxisValue, StageDraft } from './draft.js';
import { brokenAt, chosenBy, type Entry, everyNode, type MapNode, type Node } from './nodes.js';
import { once } from './once.js';
import { applyPatch } from './patch.js';
import { parseReference } from './reference.js';
import { resolve, type Scope } from './resolve.js';
import { type JsonSchema, propertySchema } from './schema.js';

type Matrix = NonNullable<Scope['matrix']>;

/**
 * What `with` is at a choice of own matrix values. An entry that reads none of them is resolved once and is the same
 * object at every choice, so that whoever looks at it need do so only once.
 */
export function settingsAt(
  draft: StageDraft,
  context: ExpandContext,
): (chosen: readonly AxisValue[]) => MapNode {
  const schema = draft.kind?.with as JsonSchema | undefined;
  const outputs = (stage: string): readonly string[] =>
    Object.keys(outputsSeen(context.expanded.get(stage), context.variant) ?? {});
  const scope = { ...context, outputs };
  const written = resolver(draft.with, scope, schema);
  const { variant = '' } = context;
  const patch = context.variant === undefined ? undefined : draft.patches.get(variant);
  const patched = patch && resolver(patch.settings, scope, schema);
  const broken = draft.axesKnown ? new Set<string>() : matrixNames(draft.with);
  return (chosen) => {
    const matrix = new Map<string, Node>(
      draft.axes.map((axis, index) => [axis.name, chosen[index]?.node ?? brokenAt(axis.place)]),
    );
    for (const axis of broken) matrix.set(axis, brokenAt(draft.place));
    const values = written(matrix);
    return patched === undefined
      ? values
      : applyPatch(values, chosenBy(patched(matrix), `ablation ${variant}`), schema);
  };
}

function resolver(map: MapNode, scope: Scope, schema: JsonSchema | undefined): (matrix: Matrix) => MapNode {
  const varies = once(({ value }: Entry) => matrixNames(value).size > 0);
  const resolved = (entry: Entry, matrix: Matrix): Entry => ({
    ...entry,
    value: resolve(entry.value, { ...scope, matrix }, propertySchema(schema, entry.key)),
  });
  const fixed = once((entry: Entry) => resolved(entry, new Map()));
  return (matrix) => ({
    ...map,
    entries: map.entries.map((entry) => (varies(entry) ? resolved(entry, matrix) : fixed(entry))),
  });
}

/** Names of own axes that a tree reads. */
export function matrixNames(node: Node): ReadonlySet<string> {
  const names = new Set<string>();
  for (const child of everyNode(node)) {
    if (child.kind !== 'scalar' || typeof child.value !== 'string' || !child.value.startsWith('$')) continue;
    const reference = parseReference(child.value);
    if (reference.ok && reference.value.kind === 'matrix') names.add(reference.value.name);
  }
  return names;
}
