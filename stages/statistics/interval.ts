/**
 * Confidence intervals. Those of Student's t describe: where seeds fall into two modes (some lock in) their
 * coverage is far below nominal, so no verdict rests on them alone.
 */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { normalQuantile, studentQuantile, studentTwoSided } from './distributions.js';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Two-sided t interval of a mean; null with fewer than two values. `level` such as 0.95. */
export function tInterval(values: readonly number[], level = 0.95): Interval | null {
  if (values.length < 2) return null;
  const center = mean([...values]);
  const half = studentQuantile((1 + level) / 2, values.length - 1) * standardError(values);
  return { low: center - half, high: center + half };
}

/** t interval of the mean difference a - b of pairs (same seed). */
export function pairedTInterval(a: readonly number[], b: readonly number[], level = 0.95): Interval | null {
  return tInterval(differences(a, b), level);
}

/** Two-sided p-value of the paired t test; 1 where all differences are 0, NaN with fewer than two pairs. */
export function pairedTTest(a: readonly number[], b: readonly number[]): number {
  const gaps = differences(a, b);
  if (gaps.length < 2) return NaN;
  const center = mean(gaps);
  return center === 0 ? 1 : studentTwoSided(center / standardError(gaps), gaps.length - 1);
}

/** Standard error of a mean of independent values: sd / sqrt(n), with n - 1 in the variance. */
export function standardError(values: readonly number[]): number {
  return sampleStandardDeviation([...values]) / Math.sqrt(values.length);
}

/** a - b, pair by pair. */
export function differences(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length)
    throw new Error(`internal error: ${a.length} values paired with ${b.length}; please report it`);
  return a.map((x, i) => x - (b[i] ?? NaN));
}

/**
 * Wilson's score interval of a proportion, which stays in [0,1] and works for 0 and n successes (Wilson 1927).
 */
export function wilsonInterval(successes: number, n: number, level = 0.95): Interval {
  const z2 = normalQuantile((1 + level) / 2) ** 2;
  const p = successes / n;
  const center = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n)) * (Math.sqrt(z2) / (1 + z2 / n));
  // exact at the ends, where rounding leaves a trace
  return { low: successes === 0 ? 0 : center - half, high: successes === n ? 1 : center + half };
}
