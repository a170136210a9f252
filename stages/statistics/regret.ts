/** V-regret: what a policy loses against the exact optimum of what it was asked for. */
import { max, mean } from 'simple-statistics';

/** V at one trade-off: of the policy, of the optimum and of the reference. */
export interface ValuedPoint {
  readonly value: number;
  readonly optimum: number;
  readonly reference: number;
}

export interface RegretSummary {
  /** Mean and maximum over the trade-offs of V* - V. */
  readonly mean: number;
  readonly max: number;
  /** 1 - mean regret / mean (V* - V_ref): 1 at the optimum, 0 at the reference; null where less than 1e-3 can be won. */
  readonly closed: number | null;
}

/** Below this the reference is as good as optimal: a share of what is left to win says nothing. */
const leastWinnable = 1e-3;

/** Over the trade-offs of one front. */
export function regretSummary(points: readonly ValuedPoint[]): RegretSummary {
  const regrets = points.map((point) => point.optimum - point.value);
  const winnable = mean(points.map((point) => point.optimum - point.reference));
  return {
    mean: mean(regrets),
    max: max(regrets),
    closed: winnable >= leastWinnable ? 1 - mean(regrets) / winnable : null,
  };
}
