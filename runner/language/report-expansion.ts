import type { Place } from '../pipeline.js';
import type { Assignment, Occurrence } from './assign.js';
import type { ExpandContext } from './expand-context.js';
import { everyCell, type View } from './cells.js';
import { isExcluded } from './combinations.js';
import type { StageDraft } from './draft.js';
import { ownRows } from './make-cells.js';
import { listed } from './nodes.js';
import { once } from './once.js';
import { type Side, unfitting } from './partners.js';
import { axesOf } from './select.js';

/** Sides of the join that don't fit: own axes against each reference, and references against each other. */
export function reportMismatches(
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

/** A reference, by where it is written and what brought it there: cells tell it from others by nothing else. */
const nameOf = once(({ node }: Occurrence) => JSON.stringify([node.place, node.uses]));

/** Each pair of sides that meet in a cell, once; places tell references apart. */
function sidePairs(
  draft: StageDraft,
  assignments: readonly Assignment[],
): readonly (readonly [Side, Side])[] {
  const pairs = new Map<string, readonly [Side, Side]>();
  for (const [reference, { one, meeting }] of meetingsOf(assignments))
    if (meeting.some(({ leftOut }) => !leftOut)) pairs.set(reference, [ownSide(draft, meeting), sideOf(one)]);
  for (const { occurrences, leftOut } of assignments) {
    if (leftOut) continue;
    for (const [index, left] of occurrences.entries())
      for (const right of occurrences.slice(index + 1)) {
        const pair = `${nameOf(left)} ${nameOf(right)}`;
        if (!pairs.has(pair)) pairs.set(pair, [sideOf(left), sideOf(right)]);
      }
  }
  return [...pairs.values()];
}

interface Meeting {
  readonly one: Occurrence;
  /** All that have it. */
  readonly meeting: Assignment[];
}

function meetingsOf(assignments: readonly Assignment[]): ReadonlyMap<string, Meeting> {
  const meetings = new Map<string, Meeting>();
  for (const assignment of assignments)
    for (const one of assignment.occurrences) {
      const name = nameOf(one);
      const known = meetings.get(name);
      if (known === undefined) meetings.set(name, { one, meeting: [assignment] });
      else if (known.meeting.at(-1) !== assignment) known.meeting.push(assignment);
    }
  return meetings;
}

const sideOf = ({ node, rows }: Occurrence): Side => ({
  text: node.reference.text,
  placeOf: () => node.place,
  rows: rows.map(({ coordinates, items }) => ({ coordinates, leftOut: items.length === 0 })),
});

function ownSide(draft: StageDraft, assignments: readonly Assignment[]): Side {
  const placeOf = (name: string): Place =>
    draft.axes.find((axis) => axis.name === name)?.place ?? draft.place;
  return {
    placeOf,
    rows: assignments.flatMap((assignment) =>
      ownRows(draft, assignment).map((coordinates) => ({
        coordinates,
        leftOut: assignment.leftOut || isExcluded(draft.exclude, coordinates),
      })),
    ),
  };
}

/** Values that a join lost though each had a partner: the axes only go together in other combinations. */
export function reportLost(
  draft: StageDraft,
  assignments: readonly Assignment[],
  { cells, leftOut }: View,
  { diagnostics }: ExpandContext,
  errors: string[],
): void {
  const kept = new Map<string, Set<string>>();
  for (const { coordinates } of [...cells, ...leftOut])
    for (const [axis, value] of Object.entries(coordinates)) valuesAt(kept, axis).add(value);
  const rows =
    cells.length === 0
      ? assignments.flatMap(({ occurrences }) => occurrences.flatMap((occurrence) => occurrence.rows))
      : [];
  const lost = new Set<string>();
  for (const { coordinates } of [...ownSide(draft, assignments).rows, ...rows])
    for (const [axis, value] of Object.entries(coordinates))
      if (kept.get(axis)?.has(value) !== true) lost.add(`${axis}=${value}`);
  if (lost.size === 0) return;
  errors.push(
    diagnostics.report(draft.place, {
      code: 'no-cells',
      message: `\`${draft.name}\` has no cell for ${listed([...lost].map((pair) => `\`${pair}\``))}`,
      hint: 'its references carry these values in combinations that never meet; pick or gather an axis',
    }),
  );
}

function valuesAt(values: Map<string, Set<string>>, axis: string): Set<string> {
  const known = values.get(axis) ?? new Set();
  values.set(axis, known);
  return known;
}

export function reportExplosion(
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
    everyCell(result).length > 1 ? [`\`${stage}\` has ${String(everyCell(result).length)}`] : [],
  );
  return counts.length === 0 ? '' : `: ${listed(counts)}`;
}
