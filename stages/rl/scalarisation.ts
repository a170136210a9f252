/**
 * One number of several rewards. `linear` is what V is made of. The others are not linear in the rewards, so
 * the expectation of the scalarised reward of a sample (ESR) and the scalarisation of expected rewards (SER)
 * are different objectives: a policy gradient on `scalarise(sample's rewards)` optimises ESR.
 * Sources: Steuer and Choo 1983 (augmented Chebyshev); Roijers et al. 2013, section 2 (ESR and SER);
 * Lin et al., "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", 2024 (soft-min).
 */
import { unreachable } from '../../schemas/result.js';
import { weightedSum } from '../vector.js';

export type Scalarisation =
  | { readonly kind: 'linear' }
  /** `ideal` z*: what each reward could reach at best; `rho` > 0 small keeps weakly dominated points out. */
  | { readonly kind: 'chebyshev'; readonly ideal: readonly number[]; readonly rho: number }
  /** `tau` > 0: the larger, the closer to the minimum. */
  | { readonly kind: 'soft-min'; readonly tau: number };

/** The scalar reward to be maximised; `rewards` and `weights` have one number an objective. */
export function scalarise(
  rule: Scalarisation,
  rewards: readonly number[],
  weights: readonly number[],
): number {
  switch (rule.kind) {
    case 'linear':
      return weightedSum(weights, rewards);
    case 'chebyshev': {
      const shortfalls = rewards.map((r, j) => (weights[j] ?? 0) * ((rule.ideal[j] ?? 0) - r));
      return -Math.max(...shortfalls) + rule.rho * weightedSum(weights, rewards);
    }
    case 'soft-min':
      return softMin(rule.tau, rewards, weights);
    default:
      return unreachable(rule);
  }
}

/** -(1/tau) log sum_j w_j exp(-tau r_j), with the least reward taken out of the exponentials. */
function softMin(tau: number, rewards: readonly number[], weights: readonly number[]): number {
  const least = Math.min(...rewards.filter((_, j) => (weights[j] ?? 0) > 0));
  const mass = rewards.reduce((total, r, j) => {
    const weight = weights[j] ?? 0;
    return weight > 0 ? total + weight * Math.exp(-tau * (r - least)) : total;
  }, 0);
  return least - Math.log(mass) / tau;
}
