import type { ArtifactType } from '../../schemas/artifact.js';
import type { InputPort } from '../contract.js';
import type { Place } from '../pipeline.js';
import { reportUnknownStage } from './assign.js';
import type { Context } from './context.js';
import type { StageDraft } from './draft.js';
import { everyNode, listed, type Node, type ReferenceNode } from './nodes.js';
import { suggest } from './nearest.js';
import { takes } from './port-use.js';
import { parseReference } from './reference.js';
import { itemSchema, type JsonSchema, propertySchema } from './schema.js';
import { usualOutputs } from './usual-outputs.js';

/** Stages in an order in which each follows all it refers to; those on a cycle have the handle of its error. */
export interface Order {
  readonly sorted: readonly StageDraft[];
  readonly cyclic: ReadonlyMap<string, string>;
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly place: Place;
  /** By `needs`, which reads nothing. */
  readonly waits?: true;
  /** The reference that it is, where it stands under `with`. */
  readonly node?: ReferenceNode;
}

type Drafts = ReadonlyMap<string, StageDraft>;
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
    const id = reportCycle(cycle, stages, context);
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

function reportCycle(cycle: readonly Edge[], drafts: Drafts, context: Context): string {
  const { diagnostics } = context;
  const [first, ...others] = cycle;
  if (first === undefined) throw new Error('internal error: a cycle without stages; please report it');
  for (const edge of cycle) {
    const unfit = unfitting(edge, drafts);
    if (unfit) return reportUnfit(edge.place, unfit, drafts, context);
  }
  const path = cycle.map(({ from, waits }) => `\`${from}\` ${waits ? 'needs' : 'reads'} `).join('');
  const waits = cycle.some((edge) => edge.waits);
  return diagnostics.report(first.place, {
    code: 'cycle',
    message: `stages ${waits ? 'wait for' : 'read'} each other in a cycle: ${path}\`${cycle.at(-1)?.to ?? ''}\``,
    hint: waits ? 'one of them must go: nothing could run first' : 'one of these references must go',
    related: others.map(({ to, place, ...edge }) => ({
      ...place,
      message: `\`${to}\` is ${edge.waits ? 'waited for' : 'read'} here`,
    })),
  });
}

/** A reference that closes a cycle, and reads what its input can't take: that is the mistake. */
function reportUnfit(
  place: Place,
  { input, port, text, found }: Unfit,
  drafts: Drafts,
  { diagnostics }: Context,
): string {
  const fitting = [...drafts.values()].flatMap(({ name, kind }) =>
    Object.entries(kind ? usualOutputs(kind) : {}).flatMap(([output, type]) =>
      type === port.type ? [`\`$${name}.${output}\``] : [],
    ),
  );
  return diagnostics.report(place, {
    code: 'wrong-artifact',
    message: `\`${input}\` takes ${takes(port)}, and \`${text}\` is a ${found}`,
    hint: fitting.length === 0 ? port.description : `${port.type} artifacts are ${listed(fitting, 'and', 4)}`,
  });
}

interface Unfit {
  readonly input: string;
  readonly port: InputPort;
  readonly text: string;
  readonly found: ArtifactType;
}

/** What an input takes and a reference reads, where these are of two types whatever the settings are. */
function unfitting({ from, node }: Edge, drafts: Drafts): Unfit | undefined {
  const { kind, with: settings } = drafts.get(from) ?? {};
  if (node === undefined || settings?.kind !== 'map') return undefined;
  const entry = settings.entries.find(({ value }) => placesIn(value).includes(node.place));
  const port = entry && kind?.inputs[entry.key];
  const { stage, output, text } = node.reference;
  const maker = drafts.get(stage)?.kind;
  const found = maker && usualOutputs(maker)[output];
  if (entry === undefined || port === undefined || found === undefined) return undefined;
  return port.type === 'any' || port.type === found ? undefined : { input: entry.key, port, text, found };
}

const placesIn = (node: Node): readonly Place[] => [...everyNode(node)].map(({ place }) => place);

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
    const { reference, place } = node;
    if (stages.includes(reference.stage)) return [{ from: draft.name, to: reference.stage, place, node }];
    reportUnknownStage(node, { ...context, stages });
    return [];
  });
  return [...read, ...draft.needs.flatMap((need) => neededEdge(draft.name, need, stages, context))];
}

function neededEdge(
  from: string,
  need: StageDraft['needs'][number],
  stages: readonly string[],
  { diagnostics }: Context,
): Edge[] {
  if (stages.includes(need.name)) return [{ from, to: need.name, place: need.place, waits: true }];
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
