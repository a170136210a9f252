import type { Place } from '../pipeline.js';
import type { Coordinates } from './cell-id.js';
import type { Finding } from './diagnostics.js';
import { listed } from './nodes.js';

/** One side of a join: the own axes of a stage, or a reference. */
export interface Side {
  /** `$expert.policy`; undefined for own axes. */
  readonly text?: string;
  /** Where an axis of this side is written. */
  readonly placeOf: (axis: string) => Place;
  readonly rows: readonly { readonly coordinates: Coordinates; readonly leftOut?: boolean }[];
}

/**
 * Where two sides share an axis, each value of either must find a partner; a side with cells that lack the axis has
 * a partner for all. What `exclude` left out is a partner, and needs none. Finds the first axis on which they don't fit, with the place to report it at.
 */
export function unfitting(
  left: Side,
  right: Side,
): { readonly place: Place; readonly finding: Finding } | undefined {
  for (const axis of sharedAxes(left, right)) {
    const lost = [...lostOn(axis, left, right), ...lostOn(axis, right, left)];
    if (lost.length > 0) return describe(axis, lost, left, right);
  }
  return undefined;
}

function sharedAxes(left: Side, right: Side): readonly string[] {
  const axes = (side: Side): Set<string> => new Set(side.rows.flatMap((row) => Object.keys(row.coordinates)));
  const other = axes(right);
  return [...axes(left)].filter((axis) => other.has(axis)).sort();
}

const valuesOn = (axis: string, side: Side): readonly string[] => [
  ...new Set(side.rows.flatMap((row) => row.coordinates[axis] ?? [])),
];

function lostOn(axis: string, from: Side, other: Side): readonly string[] {
  if (other.rows.some((row) => row.leftOut !== true && !(axis in row.coordinates))) return [];
  const partners = new Set(valuesOn(axis, other));
  const made = { ...from, rows: from.rows.filter(({ leftOut }) => leftOut !== true) };
  return valuesOn(axis, made).filter((value) => !partners.has(value));
}

function describe(
  axis: string,
  lost: readonly string[],
  left: Side,
  right: Side,
): { readonly place: Place; readonly finding: Finding } {
  const name = (side: Side): string =>
    side.text === undefined ? `the own axis \`${axis}\`` : `\`${side.text}\``;
  const [pick = ''] = valuesOn(axis, right.text === undefined ? left : right);
  const list = (side: Side): string => `${name(side)} has ${listed(valuesOn(axis, side))}`;
  return {
    place: right.placeOf(axis),
    finding: {
      code: 'axis-mismatch',
      message: `the axis \`${axis}\` doesn't fit: ${list(left)}, ${list(right)}; ${listed(lost.map((value) => `\`${value}\``))} ${lost.length === 1 ? 'has' : 'have'} no partner`,
      hint: `give both the same values, or pick one: \`(${axis}=${pick})\``,
      related: [{ ...left.placeOf(axis), message: `${name(left)} stands here` }],
    },
  };
}
