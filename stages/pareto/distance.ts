/** How far a set of points is from a known front; both in objective space, maximised. */
import { mean } from 'simple-statistics';
import { at, type Point } from './dominance.js';

/** Generational distance: mean distance of a point to the nearest of the front (Van Veldhuizen 1999). */
export function generationalDistance(points: readonly Point[], front: readonly Point[]): number {
  return mean(points.map((point) => Math.min(...front.map((target) => euclidean(point, target)))));
}

/** Inverted generational distance: mean distance of a point of the front to the nearest of the set. */
export function invertedGenerationalDistance(points: readonly Point[], front: readonly Point[]): number {
  return generationalDistance(front, points);
}

/**
 * IGD+: as IGD, but only shortfalls count, so that it agrees with dominance (Ishibuchi et al., "Modified
 * Distance Calculation in Generational Distance and Inverted Generational Distance", 2015).
 */
export function invertedGenerationalDistancePlus(points: readonly Point[], front: readonly Point[]): number {
  return mean(front.map((target) => Math.min(...points.map((point) => shortfall(point, target)))));
}

/**
 * Additive epsilon: the least amount that, added to every objective of every point, makes the set weakly
 * dominate the front (Zitzler et al. 2003). At most 0 where it does already.
 */
export function additiveEpsilon(points: readonly Point[], front: readonly Point[]): number {
  return Math.max(
    ...front.map((target) =>
      Math.min(...points.map((point) => Math.max(...target.map((x, k) => x - at(point, k))))),
    ),
  );
}

function euclidean(a: Point, b: Point): number {
  return Math.hypot(...a.map((x, k) => x - at(b, k)));
}

function shortfall(point: Point, target: Point): number {
  return Math.hypot(...target.map((x, k) => Math.max(0, x - at(point, k))));
}
