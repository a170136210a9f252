/**
 * What a set of policies reaches if a policy may be drawn by chance for each response: every mixture of their
 * points, and all that lies below one.
 */
import { weightedSum } from '../vector.js';
import { at, paretoFront, type Point } from './dominance.js';
import { type HalfSpace, polytopeVolume } from './polytope.js';

/**
 * Hypervolume of all mixtures of the points, above `reference`; it does not reward a method for filling in
 * points that a coin flip reaches anyhow. For calibrated points (`calibration.ts`) the reference is usually 0.
 * Points below the reference count where their mixtures rise above it. For at most 4 objectives.
 */
export function hullHypervolume(points: readonly Point[], reference: Point): number {
  const front = paretoFront(points).map((point) => point.map((x, k) => x - at(reference, k)));
  if (front.length === 0) return 0;
  const floors = reference.map((_, k) => ({
    normal: reference.map((_, j) => (j === k ? -1 : 0)),
    offset: 0,
  }));
  return polytopeVolume([...upperFacets(front), ...floors], reference.length);
}

/**
 * Half-spaces n.x <= b, n >= 0, whose intersection is {x : x <= a mixture of the points}. Each facet is spanned
 * by k points and parallel to the axes on which its normal is zero, so it is a facet of the points projected to
 * the other k axes: all k-subsets are tried.
 */
export function upperFacets(points: readonly Point[]): HalfSpace[] {
  const dimension = points[0]?.length ?? 0;
  const axes = Array.from({ length: dimension }, (_, k) => k);
  return subsets(axes)
    .filter((chosen) => chosen.length > 0)
    .flatMap((chosen) => facetsOn(points, chosen, dimension));
}

function facetsOn(points: readonly Point[], axes: readonly number[], dimension: number): HalfSpace[] {
  const flat = paretoFront(points.map((point) => axes.map((k) => at(point, k))));
  return combinations(flat, axes.length).flatMap((corner) => {
    const normal = positiveNormal(corner);
    if (normal === null) return [];
    const offset = weightedSum(normal, corner[0] ?? []);
    if (flat.some((point) => weightedSum(normal, point) > offset + 1e-12)) return [];
    const full = new Array<number>(dimension).fill(0);
    axes.forEach((axis, k) => (full[axis] = normal[k] ?? 0));
    return [{ normal: full, offset }];
  });
}

/** The normal of sum 1 of the hyperplane through k points of R^k; null unless all of it is positive. */
function positiveNormal(points: readonly Point[]): number[] | null {
  const solution = solve(points);
  const sum = solution?.reduce((a, b) => a + b, 0) ?? 0;
  const normal = solution?.map((x) => x / sum) ?? null;
  return normal?.every((x) => x > 1e-12) ? normal : null;
}

/**
 * n with n.(p_i - c) = 1 for all i: solved after moving the points so that the hyperplane of a
 * positive normal cannot pass through the origin.
 */
function solve(points: readonly Point[]): number[] | null {
  const size = points.length;
  const low = Array.from({ length: size }, (_, k) => Math.min(...points.map((point) => at(point, k))) - 1);
  const rows = points.map((point) => [...point.map((x, k) => x - at(low, k)), 1]);
  for (let column = 0; column < size; column++) {
    const pivot = pivotRow(rows, column);
    if (Math.abs(rows[pivot]?.[column] ?? 0) < 1e-12) return null;
    swap(rows, pivot, column);
    rows.forEach((row, i) => {
      if (i !== column) subtract(row, rows[column] ?? [], column);
    });
  }
  return rows.map((row, i) => (row[size] ?? 0) / (row[i] ?? 1));
}

function pivotRow(rows: readonly (readonly number[])[], column: number): number {
  let best = column;
  for (let i = column + 1; i < rows.length; i++)
    if (Math.abs(rows[i]?.[column] ?? 0) > Math.abs(rows[best]?.[column] ?? 0)) best = i;
  return best;
}

function swap(rows: number[][], i: number, j: number): void {
  const [a, b] = [rows[i] ?? [], rows[j] ?? []];
  rows[i] = b;
  rows[j] = a;
}

function subtract(row: number[], pivot: readonly number[], column: number): void {
  const factor = (row[column] ?? 0) / (pivot[column] ?? 1);
  for (let k = 0; k < row.length; k++) row[k] = (row[k] ?? 0) - factor * (pivot[k] ?? 0);
}

function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
}

function combinations<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, i) =>
    combinations(items.slice(i + 1), size - 1).map((rest) => [item, ...rest]),
  );
}
