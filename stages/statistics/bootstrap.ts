/** Bootstrap intervals, drawn from our own seeded stream so that a report can be recomputed to the last digit. */
import { quantileSorted } from 'simple-statistics';
import type { Random } from '../random.js';
import type { Interval } from './interval.js';

export interface BootstrapOptions {
  readonly random: Random;
  /** Default 2,000. */
  readonly draws?: number;
  /** Default 0.95. */
  readonly level?: number;
}

/**
 * Percentile interval of a statistic of independent items (Efron 1979). Resample the unit that is independent:
 * seeds, or prompts with all of their responses, never single responses.
 * @returns null with fewer than two items
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  statistic: (sample: readonly T[]) => number,
  options: BootstrapOptions,
): Interval | null {
  if (items.length < 2) return null;
  const { random, draws = 2_000, level = 0.95 } = options;
  const values = Array.from({ length: draws }, () =>
    statistic(items.map(() => items[random.integer(items.length)] as T)),
  ).sort((a, b) => a - b);
  const tail = (1 - level) / 2;
  return { low: quantileSorted(values, tail), high: quantileSorted(values, 1 - tail) };
}
