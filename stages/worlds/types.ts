/**
 * A finite set of responses with known rewards and known reference probabilities, so that V* and V are exact.
 * Everything in Float64.
 */
export interface FiniteProblem {
  /** One an objective an outcome: rewards[outcome][objective]. */
  readonly rewards: readonly (readonly number[])[];
  /** log pi_ref of each outcome; they may sum to less than 1: the rest is `invalid` and earns 0 everywhere. */
  readonly logReference: Float64Array;
  /**
   * By how much the probabilities of all outcomes may miss 1, those of the reference and of a policy, where a network
   * gave them; absent where they are exact to Float64.
   */
  readonly rounding?: number;
}

export interface ExactOptimum {
  /** V* = alpha log E_ref exp(R_w / beta). */
  readonly value: number;
  readonly referenceValue: number;
  /** Expected reward an objective under pi*. */
  readonly rewards: readonly number[];
  readonly kl: number;
}
