/** Fisher's exact test of a 2 x 2 table, for rates of lock-in. */
import { gammaln } from 'simple-statistics';

/** Successes out of n. */
export interface Rate {
  readonly successes: number;
  readonly n: number;
}

/**
 * Two-sided p-value of two rates being equal: the summed probability of all tables with the same margins that are
 * at most as likely as the observed one.
 */
export function fisherExact(a: Rate, b: Rate): number {
  const successes = a.successes + b.successes;
  const least = Math.max(0, successes - b.n);
  const most = Math.min(a.n, successes);
  const logP = (k: number): number =>
    logChoose(a.n, k) + logChoose(b.n, successes - k) - logChoose(a.n + b.n, successes);
  const observed = logP(a.successes) + 1e-7;
  let p = 0;
  for (let k = least; k <= most; k++) if (logP(k) <= observed) p += Math.exp(logP(k));
  return Math.min(1, p);
}

function logChoose(n: number, k: number): number {
  return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1);
}
