/** Pareto dominance; every objective is maximised. */

/** A point of objective space: one number an objective. */
export type Point = readonly number[];

/** a is nowhere below b and somewhere above it. */
export function dominates(a: Point, b: Point): boolean {
  return a.every((x, k) => x >= at(b, k)) && a.some((x, k) => x > at(b, k));
}

/** Indices of the points that no other dominates, in order; duplicates of one are all kept. */
export function nonDominated(points: readonly Point[]): number[] {
  return points.flatMap((point, i) => (points.some((other) => dominates(other, point)) ? [] : [i]));
}

/** The non-dominated points themselves, each value once. */
export function paretoFront(points: readonly Point[]): Point[] {
  const kept = nonDominated(points).map((i) => points[i] ?? []);
  return kept.filter((point, i) => kept.findIndex((other) => other.every((x, k) => x === point[k])) === i);
}

/** Coordinate k; -Infinity where the point has none. */
export function at(point: Point, k: number): number {
  return point[k] ?? -Infinity;
}
