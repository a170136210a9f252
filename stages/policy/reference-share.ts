/** How much of the reference is merged in where alpha is conditioned: s as a function of alpha. */
import { unreachable } from '../../schemas/result.js';

/** `none`: alpha is fixed, the reference term is dropped. */
export type ReferenceShareRule = 'none' | 'literal' | 'log' | 'beta';

/** The share that `log` reaches at the greatest alpha: at 1 the policy would be pinned to the reference there. */
const logCap = 0.9;

/**
 * s in [0,1) at an alpha of the range.
 * `literal`: s = alpha (hardly moves over small ranges). `log`: log-linear from 0 at the least alpha to 0.9 at the
 * greatest. `beta`: 1 - s = beta_min / beta, the rule of DeRa (Liu et al. 2024), beta = alpha / (1 - alpha).
 */
export function referenceShare(
  rule: ReferenceShareRule,
  alpha: number,
  [least, greatest]: readonly [number, number],
): number {
  switch (rule) {
    case 'none':
      return 0;
    case 'literal':
      return alpha;
    case 'log':
      return (logCap * Math.log(alpha / least)) / Math.log(greatest / least);
    case 'beta':
      return 1 - beta(least) / beta(alpha);
    default:
      return unreachable(rule);
  }
}

function beta(alpha: number): number {
  return alpha / (1 - alpha);
}
