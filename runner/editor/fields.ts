/** The key under the pointer, and what its schema says. */
import { PipelineSchema, StageSchema } from '../../schemas/pipeline.js';
import type { KindRegistry, StageKind } from '../contract.js';
import { describePort } from '../language/describe-port.js';
import { entryOf, type Node } from '../language/nodes.js';
import { formsOf, type JsonSchema, propertySchema } from '../language/schema.js';
import type { Place } from '../pipeline.js';
import { covers, type Point } from './places.js';

export interface Field {
  readonly key: string;
  readonly place: Place;
  readonly description?: string;
  /** What it takes, where no schema says it. */
  readonly takes?: string;
  readonly schema?: JsonSchema;
}

/** The key at a point that the language or a kind knows. */
export function fieldAt(root: Node, registry: KindRegistry, at: Point): Field | undefined {
  const path = pathTo(root, at);
  return path && fieldOf(root, registry, path.keys, path.place);
}

/** Keys from the root to the one at a point. */
function pathTo(
  node: Node,
  at: Point,
): { readonly keys: readonly string[]; readonly place: Place } | undefined {
  if (node.kind === 'list')
    for (const item of node.items) {
      const found = pathTo(item, at);
      if (found !== undefined) return found;
    }
  if (node.kind !== 'map') return undefined;
  for (const { key, keyPlace, value } of node.entries) {
    if (covers(keyPlace, at)) return { keys: [key], place: keyPlace };
    const found = pathTo(value, at);
    if (found !== undefined) return { ...found, keys: [key, ...found.keys] };
  }
  return undefined;
}

function fieldOf(
  root: Node,
  registry: KindRegistry,
  keys: readonly string[],
  place: Place,
): Field | undefined {
  const [top, stage = '', part, ...below] = keys;
  const key = keys.at(-1) ?? '';
  const kind = kindOf(root, registry, stage);
  if (top === 'stages' && part === 'with' && below.length > 0) return kind && inKind(kind, below, place);
  if (top === 'stages' && part !== undefined) return inSchema(StageSchema, keys.slice(2), place);
  if (top === 'ablations' && part === 'one_at_a_time' && below.length > 1)
    return kind && inKind(kind, below.slice(1), place);
  return inSchema(PipelineSchema, keys, place) ?? { key, place };
}

function kindOf(root: Node, registry: KindRegistry, stage: string): StageKind | undefined {
  const uses = entryOf(entryOf(entryOf(root, 'stages')?.value, stage)?.value, 'uses')?.value;
  return uses?.kind === 'scalar' && typeof uses.value === 'string' ? registry.get(uses.value) : undefined;
}

function inKind(kind: StageKind, path: readonly string[], place: Place): Field | undefined {
  const [key = ''] = path;
  const port = path.length === 1 && Object.hasOwn(kind.inputs, key) ? kind.inputs[key] : undefined;
  if (port === undefined) return inSchema(kind.with, path, place);
  return {
    key,
    place,
    description: port.description,
    takes: `${describePort(port)}${port.optional === true ? '; optional' : ''}`,
  };
}

function inSchema(schema: unknown, path: readonly string[], place: Place): Field | undefined {
  let at = schema as JsonSchema | undefined;
  for (const key of path) {
    const forms: readonly JsonSchema[] = at === undefined ? [] : formsOf(at);
    at = forms.map((form) => propertySchema(form, key)).find((found) => found !== undefined);
  }
  if (at === undefined) return undefined;
  const { description } = at;
  return { key: path.at(-1) ?? '', place, schema: at, ...(description === undefined ? {} : { description }) };
}
