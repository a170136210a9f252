/** Means over seeds with their intervals, which describe and decide nothing. */
import { mean } from 'simple-statistics';
import { tInterval } from '../statistics/interval.js';
import type { Estimate } from './types.js';

/** An interval asks for this many seeds: with two it is 12.7 standard errors wide and leaves the measure's range. */
export const seedsForInterval = 3;

/** Mean of the known values with its 95% t interval, which needs three. */
export function estimate(values: readonly (number | null | undefined)[]): Estimate {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.length === 0) return { mean: null, low: null, high: null, n: 0 };
  const range = known.length < seedsForInterval ? null : tInterval(known);
  return { mean: mean(known), low: range?.low ?? null, high: range?.high ?? null, n: known.length };
}
