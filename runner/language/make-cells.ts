import type { ArtifactType } from '../../schemas/artifact.js';
import type { InputPort } from '../contract.js';
import type { InputBinding } from '../pipeline.js';
import type { Assignment } from './assign.js';
import type { ExpandContext } from './expand-context.js';
import { cellId, type Coordinates } from './cell-id.js';
import type { DraftCell, View } from './cells.js';
import { isExcluded } from './combinations.js';
import type { StageDraft } from './draft.js';
import { join, type Joined } from './join.js';
import { withLineage } from './lineage.js';
import { once } from './once.js';
import { outputsOf, type PortItem } from './outputs.js';
import { type CellFace, inOrder, type Row } from './select.js';

export interface MakeContext extends ExpandContext {
  /** In a variant: the base, whose cells are the variant's wherever it changes nothing of them. */
  readonly share?: { readonly base: View; readonly patched: boolean };
}

type Items = ReadonlyMap<string, readonly PortItem[]>;

/** The cells of assignments; or the references of one with more rows than there is room for. */
export function makeView(
  draft: StageDraft,
  assignments: readonly Assignment[],
  context: MakeContext,
): View | { readonly tooMany: Assignment['occurrences'] } {
  const cells: DraftCell[] = [];
  let own = 0;
  const leftOut: CellFace[] = [];
  const shared = context.share?.base.cells ?? [];
  const known = new Map(shared.map((cell) => [cell.id, cell]));
  const spare = draft.exclude.length > 0 || assignments.some(readsLeftOut) ? context.maxCells : 0;
  for (const assignment of assignments) {
    const rows = joinAll(draft, assignment, context.room + shared.length + spare - cells.length);
    if (rows === undefined) return { tooMany: assignment.occurrences };
    for (const row of rows) {
      const by = leftOutBy(draft, assignment, row);
      const id = cellId(draft.name, row.coordinates);
      if (by !== undefined) {
        leftOut.push({ id, stage: draft.name, coordinates: row.coordinates, leftOutBy: by });
        continue;
      }
      const cell = makeCell(draft, { assignment, row, twin: known.get(id) }, context);
      cells.push(cell);
      own += cell.variant === context.variant ? 1 : 0;
    }
    if (own > context.room) return { tooMany: assignment.occurrences };
  }
  return { cells, leftOut };
}

const anyLeftOut = once((rows: readonly Row[]) => rows.some(({ items }) => items.length === 0));

const readsLeftOut = ({ occurrences }: Assignment): boolean =>
  occurrences.some(({ rows }) => anyLeftOut(rows));

/** Own coordinates joined with the rows of every reference; undefined beyond `most`. */
function joinAll(
  draft: StageDraft,
  assignment: Assignment,
  most: number,
): readonly Joined<Row>[] | undefined {
  let rows: readonly Joined<Row>[] | undefined = ownRows(draft, assignment).map((coordinates) => ({
    coordinates,
    parts: [],
  }));
  for (const occurrence of assignment.occurrences) rows = rows && join(rows, occurrence.rows, most);
  return rows && rows.length <= most ? rows : undefined;
}

export const ownRows = (draft: StageDraft, { coordinates }: Assignment): readonly Coordinates[] =>
  draft.seeds === undefined
    ? [coordinates]
    : draft.seeds.map((seed) => ({ ...coordinates, seed: String(seed) }));

/** The stage whose `exclude` leaves out a row: this one, or the one that made nothing to read. */
function leftOutBy(draft: StageDraft, { leftOut }: Assignment, row: Joined<Row>): string | undefined {
  if (leftOut || isExcluded(draft.exclude, row.coordinates)) return draft.name;
  return row.parts.find(({ items }) => items.length === 0)?.leftOutBy[0];
}

interface Making {
  readonly assignment: Assignment;
  readonly row: Joined<Row>;
  /** The cell of the base with these coordinates. */
  readonly twin: DraftCell | undefined;
}

/** A cell; in a variant that changes nothing of it, the base's. */
function makeCell(draft: StageDraft, { assignment, row, twin }: Making, context: MakeContext): DraftCell {
  if (assignment.crosses && twin !== undefined) return twin;
  const items = itemsByPort(assignment, row);
  const inputs = bindings(assignment, items);
  const { variant, share } = context;
  if (twin !== undefined && share?.patched === false && isSame(inputs, twin.inputs)) return twin;
  const { kind } = draft;
  const seed = seedOf(draft, row.coordinates);
  const own = variant === undefined ? row.coordinates : { ...row.coordinates, ablation: variant };
  const made = kind && outputsOf(kind, { assignment, items }, context.diagnostics);
  const outputs =
    made &&
    withLineage(made, {
      ...{ kind, stage: draft.name, coordinates: own, items },
      ...(assignment.wrong.size > 0 ? {} : { values: assignment.values }),
      ...(seed === undefined ? {} : { seed }),
    });
  return {
    id: cellId(draft.name, own),
    stage: draft.name,
    coordinates: row.coordinates,
    draft,
    with: assignment.with,
    ...(variant === undefined ? {} : { variant }),
    ...(assignment.wrong.size > 0 ? {} : { values: assignment.values }),
    ...(seed === undefined ? {} : { seed }),
    ...(outputs === undefined ? {} : { outputs }),
    inputs,
  };
}

const isSame = (a: DraftCell['inputs'], b: DraftCell['inputs']): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

function seedOf({ kind, seeds }: StageDraft, coordinates: Coordinates): number | undefined {
  if (seeds !== undefined) return Number(coordinates.seed);
  return kind?.randomness === 'training' ? 0 : undefined;
}

/** What each input reads, in the order of the language. */
function itemsByPort({ occurrences }: Assignment, row: Joined<Row>): Items {
  const ports = new Map<string, readonly PortItem[]>();
  for (const [index, { port, node }] of occurrences.entries()) {
    const read = (row.parts[index]?.items ?? []).map((item) => ({ ...item, output: node.reference.output }));
    ports.set(port, [...(ports.get(port) ?? []), ...read]);
  }
  return new Map([...ports].map(([port, items]) => [port, inOrder(items)]));
}

function bindings({ ports }: Assignment, items: Items): Readonly<Record<string, InputBinding>> {
  const bound = ports.flatMap((use): (readonly [string, InputBinding])[] => {
    if (use.kind === 'path') return [[use.name, use.binding]];
    const read = items.get(use.name) ?? [];
    const [first] = read;
    const type = first === undefined ? undefined : typeOf(use.port, first);
    if (first === undefined || type === undefined) return [];
    if (!use.gathered)
      return [[use.name, { kind: 'artifact', type, cell: first.cell.id, output: first.output }]];
    const gathered = read.map((item) => ({
      stage: item.cell.stage,
      coordinates: item.coordinates,
      cell: item.cell.id,
      output: item.output,
      ...(use.port.type === 'any' ? { type: typeOf(use.port, item) } : {}),
    }));
    return [[use.name, { kind: 'gathered', type, items: gathered }]];
  });
  return Object.fromEntries(bound);
}

/** Of what an input reads; where the cell has errors its outputs are unknown, and nothing runs. */
const typeOf = ({ type }: InputPort, { cell, output }: PortItem): ArtifactType =>
  type === 'any' ? (cell.outputs?.[output]?.type ?? 'file') : type;
