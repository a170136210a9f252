import type { ArtifactType } from '../../schemas/artifact.js';
import type { InputPort } from '../contract.js';
import type { InputBinding, Place } from '../pipeline.js';
import { assign, type Assignment, type ExpandContext, matrixNames, type Occurrence } from './assign.js';
import type { DraftCell, Expanded } from './cells.js';
import { cellId, type Coordinates } from './cell-id.js';
import type { AxisValue, StageDraft } from './draft.js';
import { join, type Joined } from './join.js';
import { listed } from './nodes.js';
import { withLineage } from './lineage.js';
import { outputsOf, plain, type PortItem } from './outputs.js';
import { type Side, unfitting } from './partners.js';
import { axesOf, inOrder, type Row } from './select.js';

/** Expands one stage whose parents are expanded; its cells follow the order of its axes. */
export function expandStage(draft: StageDraft, context: ExpandContext): Expanded {
  const errors = [...draft.errors];
  const size = draft.axes.reduce((product, axis) => product * axis.values.length, draft.seeds?.length ?? 1);
  if (size > context.room) return block([...errors, reportExplosion(draft, [], context)]);
  const assignments = combinations(draft).map((chosen) => assign(chosen, draft, context, errors));
  if (errors.length === 0) reportMismatches(draft, assignments, context, errors);
  const cells = errors.length === 0 ? makeCells(draft, assignments, context, errors) : [];
  if (errors.length === 0) reportLost(draft, assignments, cells, context, errors);
  if (errors.length > 0) return block(errors);
  remarkAxes(draft, assignments, context);
  remarkKind(draft, assignments, context);
  return { kind: 'cells', cells };
}

function block(errors: readonly string[]): Expanded {
  const known = [...new Set(errors.filter((error) => error !== ''))];
  return { kind: 'blocked', errors: known.length === 0 ? [''] : known };
}

/** The product of the own axes, the first one slowest. */
function combinations(draft: StageDraft): readonly (readonly AxisValue[])[] {
  return draft.axes.reduce<readonly (readonly AxisValue[])[]>(
    (chosen, axis) => chosen.flatMap((values) => axis.values.map((value) => [...values, value])),
    [[]],
  );
}

function makeCells(
  draft: StageDraft,
  assignments: readonly Assignment[],
  context: ExpandContext,
  errors: string[],
): readonly DraftCell[] {
  const cells: DraftCell[] = [];
  for (const assignment of assignments) {
    const rows = joinAll(draft, assignment, context.room - cells.length);
    if (rows === undefined) {
      errors.push(reportExplosion(draft, assignment.occurrences, context));
      return [];
    }
    for (const row of rows) cells.push(makeCell(draft, assignment, row, context));
  }
  return cells;
}

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

const ownRows = (draft: StageDraft, { coordinates }: Assignment): readonly Coordinates[] =>
  draft.seeds === undefined
    ? [coordinates]
    : draft.seeds.map((seed) => ({ ...coordinates, seed: String(seed) }));

function makeCell(
  draft: StageDraft,
  assignment: Assignment,
  row: Joined<Row>,
  context: ExpandContext,
): DraftCell {
  const items = itemsByPort(assignment, row);
  const { kind } = draft;
  const seed =
    draft.seeds === undefined
      ? kind?.randomness === 'training'
        ? 0
        : undefined
      : Number(row.coordinates.seed);
  const made = kind && outputsOf(kind, { assignment, items }, context.diagnostics);
  const outputs =
    made &&
    withLineage(made, {
      ...{ kind, stage: draft.name, coordinates: row.coordinates, items },
      ...(assignment.wrong.size > 0 ? {} : { values: assignment.values }),
      ...(seed === undefined ? {} : { seed }),
    });
  return {
    id: cellId(draft.name, row.coordinates),
    stage: draft.name,
    coordinates: row.coordinates,
    draft,
    with: assignment.with,
    ...(assignment.wrong.size > 0 ? {} : { values: assignment.values }),
    ...(seed === undefined ? {} : { seed }),
    ...(outputs === undefined ? {} : { outputs }),
    inputs: bindings(assignment, items),
  };
}

/** What each input reads, in the order of the language. */
function itemsByPort(
  { occurrences }: Assignment,
  row: Joined<Row>,
): ReadonlyMap<string, readonly PortItem[]> {
  const ports = new Map<string, readonly PortItem[]>();
  for (const [index, { port, node }] of occurrences.entries()) {
    const read = (row.parts[index]?.items ?? []).map((item) => ({ ...item, output: node.reference.output }));
    ports.set(port, [...(ports.get(port) ?? []), ...read]);
  }
  return new Map([...ports].map(([port, items]) => [port, inOrder(items)]));
}

function bindings(
  { ports }: Assignment,
  items: ReadonlyMap<string, readonly PortItem[]>,
): Readonly<Record<string, InputBinding>> {
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

/** Sides of the join that don't fit: own axes against each reference, and references against each other. */
function reportMismatches(
  draft: StageDraft,
  assignments: readonly Assignment[],
  context: ExpandContext,
  errors: string[],
): void {
  for (const [left, right] of sidePairs(draft, assignments)) {
    const found = unfitting(left, right);
    if (found !== undefined) errors.push(context.diagnostics.report(found.place, found.finding));
  }
}

/** Each pair of sides that meet in a cell, once; places tell references apart. */
function sidePairs(
  draft: StageDraft,
  assignments: readonly Assignment[],
): readonly (readonly [Side, Side])[] {
  const pairs = new Map<string, readonly [Side, Side]>();
  const key = ({ node }: Occurrence): string => JSON.stringify([node.place, node.uses]);
  const references = new Set(assignments.flatMap(({ occurrences }) => occurrences.map(key)));
  for (const reference of references) {
    const meeting = assignments.filter(({ occurrences }) =>
      occurrences.some((one) => key(one) === reference),
    );
    const own = ownSide(draft, meeting);
    const one = meeting[0]?.occurrences.find((occurrence) => key(occurrence) === reference);
    if (one !== undefined) pairs.set(reference, [own, sideOf(one)]);
  }
  for (const { occurrences } of assignments)
    for (const [index, left] of occurrences.entries())
      for (const right of occurrences.slice(index + 1)) {
        const pair = `${key(left)} ${key(right)}`;
        if (!pairs.has(pair)) pairs.set(pair, [sideOf(left), sideOf(right)]);
      }
  return [...pairs.values()];
}

const sideOf = ({ node, rows }: Occurrence): Side => ({
  text: node.reference.text,
  placeOf: () => node.place,
  rows,
});

function ownSide(draft: StageDraft, assignments: readonly Assignment[]): Side {
  const placeOf = (name: string): Place =>
    draft.axes.find((axis) => axis.name === name)?.place ?? draft.place;
  return {
    placeOf,
    rows: assignments.flatMap((assignment) =>
      ownRows(draft, assignment).map((coordinates) => ({ coordinates })),
    ),
  };
}

/** Values that a join lost though each had a partner: the axes only go together in other combinations. */
function reportLost(
  draft: StageDraft,
  assignments: readonly Assignment[],
  cells: readonly DraftCell[],
  { diagnostics }: ExpandContext,
  errors: string[],
): void {
  const pairs = (rows: readonly { readonly coordinates: Coordinates }[]): readonly string[] =>
    rows.flatMap(({ coordinates }) => Object.entries(coordinates).map(([axis, value]) => `${axis}=${value}`));
  const kept = new Set(pairs(cells));
  const rows = assignments.flatMap(({ occurrences }) => occurrences.flatMap((occurrence) => occurrence.rows));
  const own = ownSide(draft, assignments).rows;
  const lost = [...new Set(pairs([...own, ...(cells.length === 0 ? rows : [])]))].filter(
    (pair) => !kept.has(pair),
  );
  if (lost.length === 0) return;
  errors.push(
    diagnostics.report(draft.place, {
      code: 'no-cells',
      message: `\`${draft.name}\` has no cell for ${listed(lost.map((pair) => `\`${pair}\``))}`,
      hint: 'its references carry these values in combinations that never meet; pick or gather an axis',
    }),
  );
}

function reportExplosion(
  draft: StageDraft,
  occurrences: readonly Occurrence[],
  context: ExpandContext,
): string {
  const sizes = new Map<string, number>(draft.axes.map((axis) => [axis.name, axis.values.length]));
  if (draft.seeds !== undefined) sizes.set('seed', draft.seeds.length);
  for (const { rows } of occurrences)
    for (const axis of axesOf(rows))
      if (!sizes.has(axis)) sizes.set(axis, new Set(rows.map((row) => row.coordinates[axis])).size);
  const axes = [...sizes].map(([axis, size]) => `\`${axis}\` (${size})`).join(' x ');
  const why = axes === '' ? cellsSoFar(context) : `: its axes are ${axes}`;
  return context.diagnostics.report(draft.place, {
    code: 'too-many-cells',
    message: `with \`${draft.name}\` the file has more than ${context.maxCells} cells${why}`,
    hint: 'leave out values, gather or pick an axis, or raise `max_cells`',
  });
}

/** The stages before one without axes that have more than one cell. */
function cellsSoFar({ expanded }: ExpandContext): string {
  const counts = [...expanded].flatMap(([stage, result]) =>
    result.kind === 'cells' && result.cells.length > 1
      ? [`\`${stage}\` has ${String(result.cells.length)}`]
      : [],
  );
  return counts.length === 0 ? '' : `: ${listed(counts)}`;
}

function remarkAxes(draft: StageDraft, assignments: readonly Assignment[], { remark }: ExpandContext): void {
  const used = matrixNames(draft.with);
  for (const { name } of draft.axes) {
    const carriers = assignments.flatMap(({ occurrences }) =>
      occurrences.filter(({ rows }) => axesOf(rows).includes(name)).map(({ node }) => node.reference.stage),
    );
    const stages = listed([...new Set(carriers)].map((stage) => `${stage}'s`));
    if (stages !== '') remark(`${draft.name}: own axis \`${name}\` is aligned with ${stages}`);
    else if (!used.has(name))
      remark(`${draft.name}: own axis \`${name}\` is not read, so its cells are copies of each other`);
  }
}

function remarkKind(
  { name, kind }: StageDraft,
  assignments: readonly Assignment[],
  { remark }: ExpandContext,
): void {
  const told = assignments.flatMap(({ values, ports, wrong }) =>
    wrong.size > 0 ? [] : (kind?.remarks?.(plain(values), new Set(ports.map((use) => use.name))) ?? []),
  );
  for (const text of new Set(told)) remark(`${name}: ${text}`);
}
