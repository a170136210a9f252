/** Means over seeds, and differences between curves paired by seed. */
import { mean } from 'simple-statistics';
import { Random } from '../random.js';
import { holm } from '../statistics/holm.js';
import { tInterval } from '../statistics/interval.js';
import { signFlipTest } from '../statistics/sign-flip.js';
import type { CurveSummary, Difference, Estimate } from './types.js';

/** An interval asks for this many seeds: with two it is 12.7 standard errors wide and leaves the measure's range. */
export const seedsForInterval = 3;

/** Mean of the known values with its 95% t interval, which needs three. */
export function estimate(values: readonly (number | null | undefined)[]): Estimate {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.length === 0) return { mean: null, low: null, high: null, n: 0 };
  const range = known.length < seedsForInterval ? null : tInterval(known);
  return { mean: mean(known), low: range?.low ?? null, high: range?.high ?? null, n: known.length };
}

/** A verdict on methods asks for this many seeds. */
export const pairsForVerdict = 10;
const level = 0.05;

/**
 * Every pair of curves on one measure; empty where none can be paired. Only the primary measure is judged, so that
 * Holm's correction over its pairs covers all that a slice decides; the other measures describe.
 */
export function differencesOf(
  curves: readonly CurveSummary[],
  measure: string,
  { judged }: { readonly judged: boolean },
): Difference[] {
  const rows = curves.flatMap((a, i) => curves.slice(i + 1).flatMap((b) => compare(a, b, measure)));
  return (judged ? judgedTogether(rows) : rows.map(described)).map((row) => ({ measure, ...row }));
}

type Judged = Pick<Difference, 'adjusted' | 'verdict' | 'why'>;

/** Verdicts on rows that are one family of tests: Holm's correction runs over all of them. */
export function judgedTogether<Row extends Paired>(rows: readonly Row[]): (Row & Judged)[] {
  const adjusted = holm(rows.map((row) => row.p));
  return rows.map((row, i) => {
    const p = adjusted[i] ?? 1;
    return { ...row, adjusted: p, ...judge(row, p) };
  });
}

/** A row that is shown and not judged. */
export function described<Row extends Paired>(row: Row): Row & Judged {
  return { ...row, adjusted: null, verdict: null, why: '' };
}

/** What the differences of pairs say. */
export interface Paired {
  readonly difference: Estimate;
  readonly p: number;
}
interface Compared extends Paired {
  readonly a: string;
  readonly b: string;
}

/** Mean of the differences, with a two-sided sign-flip p: by enumeration up to `enumeratedPairs`, else by random flips. */
export function pairedBy(gaps: readonly number[]): Paired {
  const { p } = signFlipTest(gaps, { random: new Random(0, 'report/sign-flip') });
  return { difference: estimate(gaps), p };
}

function compare(a: CurveSummary, b: CurveSummary, measure: string): Compared[] {
  const gaps = a.seeds.flatMap((seed) => {
    const twin = b.seeds.find((candidate) => candidate.seed === seed.seed);
    const [ours, theirs] = [seed.figures[measure] ?? null, twin?.figures[measure] ?? null];
    return ours === null || theirs === null ? [] : [ours - theirs];
  });
  if (gaps.length === 0) return [];
  return [{ a: a.name, b: b.name, ...pairedBy(gaps) }];
}

function judge({ difference }: Paired, adjusted: number): Pick<Difference, 'verdict' | 'why'> {
  const { n, mean: center } = difference;
  if (n < pairsForVerdict) return { verdict: 'undecided', why: tooFew(n) };
  if (adjusted > level) return { verdict: 'undecided', why: `p (Holm) is above ${level}` };
  return { verdict: (center ?? 0) < 0 ? 'lower' : 'higher', why: '' };
}

function tooFew(n: number): string {
  const least = 2 ** (1 - n);
  const pairs = n === 1 ? '1 pair' : `${n} pairs`;
  return least > level ? `with ${pairs} p is at least ${least}` : `${pairs}, fewer than ${pairsForVerdict}`;
}
