/** The few sums and points that rewards, weights and preferences share. */

/**
 * sum_i w_i x_i over the terms with w_i != 0: what has no weight is skipped, since 0 times -Infinity (a token that an
 * expert excludes) is NaN.
 */
export function weightedSum(weights: readonly number[], values: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const w = weights[i] ?? 0;
    if (w !== 0) sum += w * (values[i] ?? 0);
  }
  return sum;
}

/** The corner of the simplex over m objectives that asks for objective k alone. */
export function oneHot(k: number, m: number): number[] {
  return Array.from({ length: m }, (_, i) => (i === k ? 1 : 0));
}
