/** How many seeds of each curve locked in, compared by Fisher's exact test: means over seeds hide two modes. */
import { fisherExact } from '../statistics/fisher-exact.js';
import { wilsonInterval } from '../statistics/interval.js';
import { type LowSpan, lowSpan } from '../statistics/low-span.js';
import type { CurveSummary, LockIn, LockInRate } from './types.js';

/** Of the seeds whose span is known; empty of curves that have none. */
export function lockInOf(curves: readonly CurveSummary[]): LockIn {
  const rates = curves.map(rateOf).filter(({ seeds }) => seeds > 0);
  const counts = (one: LockInRate) => ({ successes: one.lockedIn, n: one.seeds });
  return {
    rates,
    pairs: rates.flatMap((a, i) =>
      rates.slice(i + 1).map((b) => ({ a: a.curve, b: b.curve, p: fisherExact(counts(a), counts(b)) })),
    ),
  };
}

function rateOf(curve: CurveSummary): LockInRate {
  const known = curve.seeds.filter(({ figures }) => (figures.span ?? null) !== null);
  const count = (cause: LowSpan): number =>
    known.filter(({ figures, spanInReach }) => lowSpan(figures.span ?? null, spanInReach) === cause).length;
  const lockedIn = count('locked-in');
  return {
    curve: curve.name,
    lockedIn,
    outOfReach: count('out-of-reach'),
    seeds: known.length,
    ...(known.length === 0 ? { low: 0, high: 1 } : wilsonInterval(lockedIn, known.length)),
  };
}
