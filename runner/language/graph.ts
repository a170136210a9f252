import type { Place } from '../pipeline.js';
import { reportUnknownStage } from './assign.js';
import type { Context } from './context.js';
import type { StageDraft } from './draft.js';
import { everyNode, type Node, type ReferenceNode } from './nodes.js';
import { suggest } from './nearest.js';
import { parseReference } from './reference.js';
import { itemSchema, type JsonSchema, propertySchema } from './schema.js';

/** Stages in an order in which each follows all it refers to; those on a cycle have the handle of its error. */
export interface Order {
  readonly sorted: readonly StageDraft[];
  readonly cyclic: ReadonlyMap<string, string>;
}

interface Edge {
  readonly to: string;
  readonly place: Place;
}
type Edges = ReadonlyMap<string, readonly Edge[]>;

/** Orders stages by references and `needs`; reports unknown stages, and each cycle with its whole path. */
export function orderStages(drafts: readonly StageDraft[], context: Context): Order {
  const stages = new Map(drafts.map((draft) => [draft.name, draft]));
  const edges: Edges = new Map(
    drafts.map((draft) => [draft.name, edgesOf(draft, [...stages.keys()], context)]),
  );
  const sorted = new Set<string>();
  const cyclic = new Map<string, string>();
  sortReady(edges, sorted);
  while (sorted.size < stages.size) {
    const cycle = findCycle(edges, sorted);
    const id = reportCycle(cycle, context);
    for (const { to } of cycle) {
      cyclic.set(to, id);
      sorted.add(to);
    }
    sortReady(edges, sorted);
  }
  return { sorted: [...sorted].flatMap((name) => stages.get(name) ?? []), cyclic };
}

/**
 * Adds every stage all of whose parents are sorted, until none is left; of several, the first of the file. A stage
 * that says nothing of what it reads so comes after those that it may have meant.
 */
function sortReady(edges: Edges, sorted: Set<string>): void {
  const children = new Map<string, string[]>();
  const missing = new Map<string, number>();
  for (const [name, parents] of edges) {
    if (sorted.has(name)) continue;
    const open = new Set(parents.map(({ to }) => to).filter((to) => !sorted.has(to)));
    missing.set(name, open.size);
    for (const parent of open) children.set(parent, [...(children.get(parent) ?? []), name]);
  }
  const places = [...edges.keys()];
  const order = new Map(places.map((name, index) => [name, index]));
  const ready = [...missing].filter(([, count]) => count === 0).map(([name]) => order.get(name) ?? 0);
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
    const name = places[next] ?? '';
    sorted.add(name);
    for (const child of children.get(name) ?? []) {
      const left = (missing.get(child) ?? 0) - 1;
      missing.set(child, left);
      if (left === 0) insertSorted(ready, order.get(child) ?? 0);
    }
  }
}

function insertSorted(numbers: number[], number: number): void {
  let low = 0;
  for (let high = numbers.length; low < high;) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  numbers.splice(low, 0, number);
}

/** The edges of one cycle among the stages that are left: each of them has a parent that is left, too. */
function findCycle(edges: Edges, sorted: ReadonlySet<string>): readonly Edge[] {
  const start = [...edges.keys()].find((name) => !sorted.has(name)) ?? '';
  const walked: Edge[] = [];
  const at = new Map([[start, 0]]);
  for (let name = start; ;) {
    const edge = edges.get(name)?.find(({ to }) => !sorted.has(to));
    if (edge === undefined) return walked;
    walked.push(edge);
    const before = at.get(edge.to);
    if (before !== undefined) return walked.slice(before);
    at.set(edge.to, walked.length);
    name = edge.to;
  }
}

function reportCycle(cycle: readonly Edge[], { diagnostics }: Context): string {
  const names = [cycle.at(-1)?.to ?? '', ...cycle.map(({ to }) => to)];
  const [first, ...others] = cycle;
  if (first === undefined) throw new Error('internal error: a cycle without stages; please report it');
  return diagnostics.report(first.place, {
    code: 'cycle',
    message: `stages read each other in a cycle: ${names.map((name) => `\`${name}\``).join(' -> ')}`,
    hint: 'one of these references must go',
    related: others.map(({ to, place }) => ({ ...place, message: `\`${to}\` is read here` })),
  });
}

function edgesOf(draft: StageDraft, stages: readonly string[], context: Context): readonly Edge[] {
  const schema = draft.kind?.with as JsonSchema | undefined;
  const inValues = draft.axes.flatMap(({ values }) => values.flatMap(({ node }) => [...everyNode(node)]));
  const patches = [...draft.patches.values()].flatMap(({ settings }) => [
    ...stageReferences(settings, schema),
  ]);
  const references = [
    ...stageReferences(draft.with, schema),
    ...patches,
    ...inValues.filter((node) => node.kind === 'reference'),
  ];
  const read = references.flatMap((node): Edge[] => {
    if (stages.includes(node.reference.stage)) return [{ to: node.reference.stage, place: node.place }];
    reportUnknownStage(node, { ...context, stages });
    return [];
  });
  return [...read, ...draft.needs.flatMap((need) => neededEdge(need, stages, context))];
}

function neededEdge(
  need: StageDraft['needs'][number],
  stages: readonly string[],
  { diagnostics }: Context,
): Edge[] {
  if (stages.includes(need.name)) return [{ to: need.name, place: need.place }];
  diagnostics.report(need.place, {
    code: 'unknown-stage',
    message: `no stage is named \`${need.name}\``,
    ...suggest(need.name, stages, 'stages are'),
  });
  return [];
}

/** References to stages in a tree, but for what the schema marks `raw`; malformed ones are left to `resolve`. */
function* stageReferences(node: Node, schema: JsonSchema | undefined): Generator<ReferenceNode> {
  if (schema?.raw === true) return;
  if (node.kind === 'list')
    for (const [index, item] of node.items.entries()) yield* stageReferences(item, itemSchema(schema, index));
  if (node.kind === 'map')
    for (const { key, value } of node.entries) yield* stageReferences(value, propertySchema(schema, key));
  if (node.kind !== 'scalar' || typeof node.value !== 'string' || !node.value.startsWith('$')) return;
  const parsed = parseReference(node.value);
  if (parsed.ok && parsed.value.kind === 'stage')
    yield { kind: 'reference', place: node.place, uses: node.uses, reference: parsed.value };
}
