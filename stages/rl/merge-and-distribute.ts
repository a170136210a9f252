/**
 * The heart of CLP, in plain arrays: theta_S(alpha,w) = s theta_S^ref + (1-s) sum_i w_i theta_S^(i), and back:
 * the gradient of copy i is (1-s) w_i times the gradient of the merged parameters. One forward and one backward
 * pass on the merged weights therefore serve every copy, whatever their number.
 * Source: Wang et al., "Conditional Language Policy", EMNLP Findings 2024, section 3.
 */

/** Parameters of one set S, flattened: P numbers. */
export type Parameters = ArrayLike<number>;

export interface Mixture {
  /** One weight a copy. */
  readonly weights: readonly number[];
  /** s in [0,1): the frozen reference's share; 0 where alpha is fixed. */
  readonly referenceShare: number;
}

/** The merged parameters (P). `reference` is needed where `referenceShare` > 0. */
export function merge(copies: readonly Parameters[], mixture: Mixture, reference?: Parameters): Float64Array {
  const { weights, referenceShare } = mixture;
  const merged = Float64Array.from(copies[0] ?? [], (_, p) => referenceShare * (reference?.[p] ?? 0));
  copies.forEach((copy, i) => {
    const share = (1 - referenceShare) * (weights[i] ?? 0);
    for (let p = 0; p < merged.length; p++) merged[p] = (merged[p] ?? 0) + share * (copy[p] ?? 0);
  });
  return merged;
}

/** The gradient of each copy, from the gradient of the merged parameters (P). */
export function distribute(merged: Parameters, mixture: Mixture): Float64Array[] {
  return mixture.weights.map((weight) =>
    Float64Array.from(merged, (g) => (1 - mixture.referenceShare) * weight * g),
  );
}
