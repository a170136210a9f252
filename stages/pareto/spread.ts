/** How a set of points is laid out, whatever its quality. */
import { extent, standardDeviation, sum } from 'simple-statistics';
import { at, type Point } from './dominance.js';

/**
 * Spacing: population standard deviation of each point's distance to its nearest neighbour (Schott 1995, who
 * takes the L1 distance). 0 for an even layout; NaN with fewer than two points.
 */
export function spacing(points: readonly Point[], norm: 'L1' | 'L2'): number {
  if (points.length < 2) return NaN;
  const nearest = points.map((point, i) =>
    Math.min(...points.filter((_, j) => j !== i).map((other) => distance(point, other, norm))),
  );
  return standardDeviation(nearest);
}

/**
 * Sparsity: mean over consecutive pairs of squared gaps, summed over objectives, each sorted by itself (Xu et
 * al., "Prediction-Guided Multi-Objective Reinforcement Learning", 2020); give it non-dominated points.
 */
export function sparsity(points: readonly Point[]): number {
  if (points.length < 2) return 0;
  const gaps = objectives(points).map((values) => {
    const sorted = [...values].sort((a, b) => a - b);
    return sum(sorted.slice(1).map((x, i) => (x - at(sorted, i)) ** 2));
  });
  return sum(gaps) / (points.length - 1);
}

/** Maximum spread: diagonal of the points' bounding box (Zitzler et al. 2000). */
export function maximumSpread(points: readonly Point[]): number {
  return Math.hypot(
    ...objectives(points).map((values) => {
      const [low, high] = extent(values);
      return high - low;
    }),
  );
}

function objectives(points: readonly Point[]): number[][] {
  return (points[0] ?? []).map((_, k) => points.map((point) => at(point, k)));
}

function distance(a: Point, b: Point, norm: 'L1' | 'L2'): number {
  const gaps = a.map((x, k) => Math.abs(x - at(b, k)));
  return norm === 'L1' ? sum(gaps) : Math.hypot(...gaps);
}
