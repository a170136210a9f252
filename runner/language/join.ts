import { byCodeUnit } from '../../schemas/json.js';
import type { Coordinates } from './cell-id.js';
import { once } from './once.js';

/** A row of a table whose rows need not have the same axes. */
export interface Tuple {
  readonly coordinates: Coordinates;
}

/** A joined row: its coordinates, and the row of each table that it is made of. */
export interface Joined<T extends Tuple> extends Tuple {
  readonly parts: readonly T[];
}

/**
 * Joins a table to rows already joined: two rows match where they have the same value on every axis that both have;
 * an axis that one lacks is broadcast. Keeps the order of the left rows, then of the right ones
 * (those with the same axes together). Undefined beyond `most`.
 */
export function join<T extends Tuple>(
  left: readonly Joined<T>[],
  right: readonly T[],
  most: number,
): readonly Joined<T>[] | undefined {
  const tables = tablesOf(right) as readonly Table<T>[];
  const joined: Joined<T>[] = [];
  for (const row of left) {
    const axes = Object.keys(row.coordinates);
    for (const table of tables)
      for (const match of table.matching(row.coordinates, axes)) {
        if (joined.length >= most) return undefined;
        const coordinates = { ...row.coordinates, ...match.coordinates };
        joined.push({ coordinates, parts: [...row.parts, match] });
      }
  }
  return joined;
}

/** Rows with the same axes, found by their values on any of these. */
class Table<T extends Tuple> {
  readonly #indexes = new Map<string, Map<string, T[]>>();

  constructor(
    private readonly axes: readonly string[],
    private readonly rows: readonly T[],
  ) {}

  matching(coordinates: Coordinates, axes: readonly string[]): readonly T[] {
    const shared = this.axes.filter((axis) => axes.includes(axis));
    const name = JSON.stringify(shared);
    const index = this.#indexes.get(name) ?? this.#index(shared);
    this.#indexes.set(name, index);
    return index.get(valuesOn(shared, coordinates)) ?? [];
  }

  #index(axes: readonly string[]): Map<string, T[]> {
    const index = new Map<string, T[]>();
    for (const row of this.rows) {
      const key = valuesOn(axes, row.coordinates);
      const rows = index.get(key);
      if (rows === undefined) index.set(key, [row]);
      else rows.push(row);
    }
    return index;
  }
}

const valuesOn = (axes: readonly string[], coordinates: Coordinates): string =>
  JSON.stringify(axes.map((axis) => coordinates[axis] ?? ''));

/** Rows with the same axes together. Every cell of a stage joins the same rows: their tables are kept. */
const tablesOf = once((rows: readonly Tuple[]): readonly Table<Tuple>[] => {
  const groups = new Map<string, { axes: string[]; rows: Tuple[] }>();
  for (const row of rows) {
    const axes = Object.keys(row.coordinates).sort(byCodeUnit);
    const key = JSON.stringify(axes);
    const group = groups.get(key) ?? { axes, rows: [] };
    group.rows.push(row);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => new Table(group.axes, group.rows));
});
