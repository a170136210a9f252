/**
 * Paired sign-flip permutation test: if a pair's two methods do not differ, its difference is as likely to have
 * the other sign. Exact by enumeration for few pairs, else by random flips. No assumption of normality, but with
 * n pairs the p-value is at least 2^(1-n): with n = 3 nothing can be decided.
 * Source: Fisher, "The Design of Experiments", 1935; Phipson and Smyth 2010 for the random version's + 1.
 */
import { sum } from 'simple-statistics';
import type { Random } from '../random.js';
import type { Interval } from './interval.js';

export interface SignFlip {
  /** Two-sided p-value of the mean difference being 0. */
  readonly p: number;
  readonly exact: boolean;
}

export interface SignFlipOptions {
  /** Flips drawn where enumeration is too much; the stream makes the test repeatable. */
  readonly random: Random;
  /** Default 100,000. */
  readonly draws?: number;
  /** Pairs up to which all 2^n sign patterns are tried. Default `enumeratedPairs`. */
  readonly exactUpTo?: number;
}

/** Pairs up to which all sign patterns are tried: a million of them. */
export const enumeratedPairs = 20;

/** @param differences a - b of each pair; NaN with no pairs */
export function signFlipTest(differences: readonly number[], options: SignFlipOptions): SignFlip {
  if (differences.length === 0) return { p: NaN, exact: true };
  return differences.length <= (options.exactUpTo ?? enumeratedPairs)
    ? { p: exactP(differences), exact: true }
    : { p: sampledP(differences, options), exact: false };
}

function exactP(differences: readonly number[]): number {
  const observed = threshold(differences);
  const middle = differences.length >> 1;
  const [left, right] = [signedSums(differences.slice(0, middle)), signedSums(differences.slice(middle))];
  let extreme = 0;
  for (const a of left) for (const b of right) if (Math.abs(a + b) >= observed) extreme += 1;
  return extreme / (left.length * right.length);
}

/** The sum under each pattern of signs. */
function signedSums(values: readonly number[]): Float64Array {
  return Float64Array.from({ length: 2 ** values.length }, (_, pattern) =>
    values.reduce((total, value, i) => total + ((pattern >> i) & 1 ? -value : value), 0),
  );
}

function sampledP(differences: readonly number[], options: SignFlipOptions): number {
  const observed = threshold(differences);
  const draws = options.draws ?? 100_000;
  let extreme = 0;
  for (let draw = 0; draw < draws; draw++) {
    const flipped = differences.reduce((total, d) => total + (options.random.uniform() < 0.5 ? -d : d), 0);
    if (Math.abs(flipped) >= observed) extreme += 1;
  }
  return (extreme + 1) / (draws + 1);
}

/** |sum|, less what rounding may take from a pattern that is just as extreme. */
function threshold(differences: readonly number[]): number {
  const scale = sum(differences.map(Math.abs));
  return Math.abs(sum([...differences])) - 1e-12 * scale;
}

/**
 * Interval of a mean difference by the same test: the shifts that it does not reject. Its ends are order statistics
 * of the means of all subsets of the differences. Source: Hartigan, "Using Subsample Values as Typical Values", 1969.
 *
 * @param level such as 0.95
 * @returns null with too few pairs: no shift is rejected then
 */
export function signFlipInterval(
  differences: readonly number[],
  level: number,
  options: SignFlipOptions,
): Interval | null {
  const few = differences.length <= (options.exactUpTo ?? enumeratedPairs);
  const means = (few ? subsetMeans(differences) : sampledSubsetMeans(differences, options)).sort();
  const outside = Math.floor(((1 - level) * (means.length + 1)) / 2 + 1e-9);
  const [low, high] = [means[outside - 1], means[means.length - outside]];
  return low === undefined || high === undefined ? null : { low, high };
}

/** Of every subset but the empty one. */
function subsetMeans(values: readonly number[]): Float64Array {
  const sums = new Float64Array(2 ** values.length);
  const sizes = new Uint8Array(sums.length);
  for (let subset = 1; subset < sums.length; subset++) {
    const first = 31 - Math.clz32(subset & -subset);
    const others = subset & (subset - 1);
    sums[subset] = (sums[others] ?? 0) + (values[first] ?? 0);
    sizes[subset] = (sizes[others] ?? 0) + 1;
  }
  return sums.subarray(1).map((total, i) => total / (sizes[i + 1] ?? 1));
}

function sampledSubsetMeans(
  values: readonly number[],
  { random, draws = 100_000 }: SignFlipOptions,
): Float64Array {
  const draw = (): number => {
    const subset = values.filter(() => random.uniform() < 0.5);
    return subset.length === 0 ? draw() : sum(subset) / subset.length;
  };
  return Float64Array.from({ length: draws }, draw);
}
