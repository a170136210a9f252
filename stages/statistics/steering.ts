/** Does a policy go where it is sent? Measures over a front: weights asked for, rewards reached. */

/** What was asked for and what was reached, one number an objective. */
export interface SteeredPoint {
  readonly weights: readonly number[];
  readonly rewards: readonly number[];
}

/** With the standard errors of sampled rewards; 0 where they are exact. */
export interface NoisyPoint extends SteeredPoint {
  readonly stderr: readonly number[] | null;
}

/** What a change must exceed: two of its standard errors, or 1e-3 where it has none. */
export function toleranceOf(standardError: number): number {
  return standardError === 0 ? 1e-3 : 2 * standardError;
}

/**
 * Steering order: the share of pairs of trade-offs with (w - w').(r(w) - r(w')) > tolerance; pairs within the
 * tolerance count one half. V* is convex in w, so that no pair of the exact optimum goes the wrong way for any number
 * of rewards: it scores 1 with no tolerance, and less where some of its pairs are within it.
 * @param tolerance 1e-3, or two standard errors of that product where rewards are sampled
 * @returns null with fewer than two different trade-offs
 */
export function steeringOrder(points: readonly SteeredPoint[], tolerance = 1e-3): number | null {
  let pairs = 0;
  let score = 0;
  points.forEach((a, i) => {
    for (const b of points.slice(0, i)) {
      if (a.weights.every((w, k) => w === b.weights[k])) continue;
      const product = a.weights.reduce((sum, w, k) => sum + (w - at(b.weights, k)) * gain(a, b, k), 0);
      pairs += 1;
      score += product > tolerance ? 1 : product >= -tolerance ? 0.5 : 0;
    }
  });
  return pairs === 0 ? null : score / pairs;
}

/** Below this the optimum itself hardly moves: a span relative to it says nothing. */
export const leastSpan = 0.05;
/** A span under this is lock-in: an end of the weights axis never came back. */
export const lockInSpan = 0.75;

/**
 * Span of objective k: r_k(e_k) - r_k(e_j), the least over the other corners e_j, relative to that of a reference
 * front (the exact optimum where known, else one policy trained a corner).
 * @returns null where a corner is missing or the reference's own span is under `leastSpan`
 */
export function span(
  points: readonly SteeredPoint[],
  reference: readonly SteeredPoint[],
  objective: number,
): number | null {
  const objectives = points[0]?.weights.length ?? 0;
  const ratios: number[] = [];
  for (let other = 0; other < objectives; other++) {
    if (other === objective) continue;
    const reached = cornerGap(points, objective, other);
    const possible = cornerGap(reference, objective, other);
    if (reached === null || possible === null || possible < leastSpan) continue;
    ratios.push(reached / possible);
  }
  return ratios.length === 0 ? null : Math.min(...ratios);
}

/** The least span over all objectives; null where none is defined. */
export function leastSpanOf(
  points: readonly SteeredPoint[],
  reference: readonly SteeredPoint[],
): number | null {
  const spans = (points[0]?.weights ?? []).flatMap((_, k) => span(points, reference, k) ?? []);
  return spans.length === 0 ? null : Math.min(...spans);
}

function cornerGap(points: readonly SteeredPoint[], own: number, other: number): number | null {
  const [a, b] = [corner(points, own), corner(points, other)];
  return a && b ? at(a.rewards, own) - at(b.rewards, own) : null;
}

/** The point that asks for objective k alone. */
export function corner<P extends Pick<SteeredPoint, 'weights'>>(
  points: readonly P[],
  k: number,
): P | undefined {
  return points.find((point) => point.weights.every((w, i) => w === (i === k ? 1 : 0)));
}

/**
 * Monotonicity violations of objective k: the share of steps between neighbouring values of w_k on which the
 * mean r_k falls by more than the tolerance. Points that share w_k are averaged (with more than two objectives).
 * @returns null with fewer than two values of w_k, or where a standard error is not known
 */
export function monotonicityViolations(points: readonly NoisyPoint[], objective: number): number | null {
  const levels = [...new Set(points.map((point) => at(point.weights, objective)))].sort((a, b) => a - b);
  if (levels.length < 2 || points.some(({ stderr }) => stderr === null)) return null;
  const means = levels.map((level) => meanReward(points, objective, level));
  const falls = means.slice(1).filter((mean, i) => {
    const before = means[i] ?? mean;
    return mean.value < before.value - toleranceOf(Math.hypot(mean.error, before.error));
  });
  return falls.length / (levels.length - 1);
}

function meanReward(
  points: readonly NoisyPoint[],
  objective: number,
  level: number,
): { readonly value: number; readonly error: number } {
  const here = points.filter((point) => at(point.weights, objective) === level);
  const total = here.reduce((sum, point) => sum + at(point.rewards, objective), 0);
  const error = Math.hypot(...here.map(({ stderr }) => at(stderr ?? [], objective)));
  return { value: total / here.length, error: error / here.length };
}

function gain(a: SteeredPoint, b: SteeredPoint, k: number): number {
  return at(a.rewards, k) - at(b.rewards, k);
}

function at(values: readonly number[], k: number): number {
  return values[k] ?? NaN;
}
