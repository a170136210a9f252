/** Verdicts on differences paired by seed: by a margin, from intervals that Holm's correction has widened. */
import { Random } from '../random.js';
import { holm } from '../statistics/holm.js';
import type { Interval } from '../statistics/interval.js';
import { signFlipInterval, signFlipTest } from '../statistics/sign-flip.js';
import { verdictBelow } from '../statistics/verdict.js';
import { estimate } from './estimate.js';
import type { Judged, Paired, SeedDifference } from './types.js';

/** A verdict on methods asks for this many seeds. */
export const pairsForVerdict = 10;
const level = 0.05;

const luck = () => ({ random: new Random(0, 'report/sign-flip') });

/** Mean of the differences, and p that it is 0: by enumeration up to `enumeratedPairs`, else by random flips. */
export function pairedBy(seeds: readonly SeedDifference[]): Paired {
  const gaps = seeds.map(({ difference }) => difference);
  return { difference: estimate(gaps), p: signFlipTest(gaps, luck()).p, seeds };
}

export interface Judging {
  /** Id of the measure that has verdicts. */
  readonly judgedBy: string;
  readonly margin: number;
  /** What verdicts hold of, in words; empty where there is nothing to say. */
  readonly holdsOf: string;
}

/**
 * Verdicts on rows that are one family of tests. Holm's steps give each row the level that its interval has; the
 * verdict is where that interval lies: below the margin, above it, within it, or undecided.
 */
export function judgedTogether<Row extends Paired>(
  rows: readonly Row[],
  { margin, holdsOf }: Omit<Judging, 'judgedBy'>,
): (Row & Judged)[] {
  const raw = rows.map((row) => beyond(row, margin));
  const adjusted = holm(raw);
  const least = holm(rows.map((row) => leastP(row.seeds.length)));
  const rejected = adjusted.filter((p) => p <= level).length;
  return rows.map((row, i) => {
    const p = raw[i] ?? 1;
    // Not by the adjusted ones: as they never fall, rows of different steps have the same.
    const smaller = raw.filter((other, j) => other < p || (other === p && j < i)).length;
    const range = intervalOf(row, 1 - level / (rows.length - Math.min(smaller, rejected)));
    const family = { rows: rows.length, least: least[i] ?? 1, margin, holdsOf };
    return { ...row, adjusted: adjusted[i] ?? 1, range, ...judge(row, range, family) };
  });
}

/** A row that is shown and not judged. */
export function described<Row extends Paired>(row: Row): Row & Judged {
  return { ...row, adjusted: null, range: null, verdict: null, why: '' };
}

/** A row on the judged measure on which no verdict may rest. */
export function unjudged<Row extends Paired>(row: Row, why: string): Row & Judged {
  return { ...row, adjusted: null, range: null, verdict: 'undecided', why };
}

/** p that the mean difference is no larger than the margin. */
function beyond({ difference, seeds }: Paired, margin: number): number {
  const center = difference.mean ?? 0;
  if (Math.abs(center) <= margin) return 1;
  const edge = Math.sign(center) * margin;
  return signFlipTest(
    seeds.map((one) => one.difference - edge),
    luck(),
  ).p;
}

/** The smallest p that so many pairs can give; that of random flips is far under the level. */
const leastP = (n: number): number => 2 ** (1 - n);

function intervalOf({ seeds }: Paired, confidence: number): Interval | null {
  if (seeds.length < pairsForVerdict) return null;
  return signFlipInterval(
    seeds.map((one) => one.difference),
    confidence,
    luck(),
  );
}

interface Family {
  readonly rows: number;
  /** The smallest p (Holm) that the row can have. */
  readonly least: number;
  readonly margin: number;
  readonly holdsOf: string;
}

function judge(
  { seeds }: Paired,
  range: Interval | null,
  { rows, least, margin, holdsOf }: Family,
): Pick<Judged, 'verdict' | 'why'> {
  if (seeds.length < pairsForVerdict) return { verdict: 'undecided', why: tooFew(seeds.length) };
  if (least > level)
    return { verdict: 'undecided', why: `with ${rows} comparisons p (Holm) is at least ${least.toFixed(3)}` };
  const [under, over] = [verdictBelow(range, -margin), verdictBelow(range, margin)];
  const given = (size: string): string => [size, holdsOf].filter((text) => text !== '').join(', ');
  const by = given(margin === 0 ? '' : `by more than ${margin}`);
  if (under === 'holds') return { verdict: 'lower', why: by };
  if (over === 'does not hold') return { verdict: 'higher', why: by };
  if (under === 'does not hold' && over === 'holds')
    return { verdict: 'alike', why: given(`within ${margin}`) };
  return { verdict: 'undecided', why: `the interval is not clear of ${margin === 0 ? 0 : `±${margin}`}` };
}

function tooFew(n: number): string {
  const least = leastP(n);
  const pairs = n === 1 ? '1 pair' : `${n} pairs`;
  return least > level ? `with ${pairs} p is at least ${least}` : `${pairs}, fewer than ${pairsForVerdict}`;
}
