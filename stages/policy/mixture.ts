/** What parameters are merged with at a trade-off. */
export interface Mixture {
  /** w: one weight an objective. */
  readonly weights: readonly number[];
  /** s in [0,1): the reference's share; 0 where alpha is fixed. */
  readonly referenceShare: number;
}

/** (1-s) w_i. */
export function shareOf({ weights, referenceShare }: Mixture, i: number): number {
  return (1 - referenceShare) * (weights[i] ?? 0);
}
