/**
 * Hypervolume of a set of points: the volume that they dominate above a reference point (Zitzler and Thiele
 * 1998). Exact, by slicing along the last objective (While et al., "A Faster Algorithm for Calculating
 * Hypervolume", 2006); meant for at most 4 objectives and some hundred points.
 *
 * On a grid of trade-offs it rewards filling rather than steering: quote it beside regret, and prefer
 * `hullHypervolume`.
 */
import { at, paretoFront, type Point } from './dominance.js';

/** @param reference the corner that volume is measured from; points not above it in every objective add nothing */
export function hypervolume(points: readonly Point[], reference: Point): number {
  const above = points.filter((point) => reference.every((z, k) => at(point, k) > z));
  return sliced(paretoFront(above), reference);
}

function sliced(points: readonly Point[], reference: Point): number {
  const last = reference.length - 1;
  const floor = at(reference, last);
  if (points.length === 0) return 0;
  if (last === 0) return Math.max(...points.map((point) => at(point, 0))) - floor;
  const sorted = [...points].sort((a, b) => at(b, last) - at(a, last));
  let volume = 0;
  sorted.forEach((point, i) => {
    const next = sorted[i + 1];
    const height = at(point, last) - (next ? at(next, last) : floor);
    if (height > 0) volume += height * slice(sorted.slice(0, i + 1), reference);
  });
  return volume;
}

/** Area (one objective fewer) that the points above a slice dominate in it. */
function slice(points: readonly Point[], reference: Point): number {
  const flat = points.map((point) => point.slice(0, -1));
  return sliced(paretoFront(flat), reference.slice(0, -1));
}
