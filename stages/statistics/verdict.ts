/** A claim's verdict by a margin that was stated before the run. */
import type { Interval } from './interval.js';

export type Verdict = 'holds' | 'does not hold' | 'undecided';

/**
 * For a claim "the difference is below `margin`": it holds if the (adjusted) interval lies below the margin, does
 * not if it lies beyond, and is undecided where the interval contains it or there is none.
 */
export function verdictBelow(interval: Interval | null, margin: number): Verdict {
  if (interval === null) return 'undecided';
  if (interval.high < margin) return 'holds';
  return interval.low > margin ? 'does not hold' : 'undecided';
}
