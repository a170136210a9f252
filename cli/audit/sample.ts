/** Which hits are audited: so many of them, or such a share, drawn by a seed. */
import { randomInt } from 'node:crypto';
import { sha256 } from '../../schemas/json.js';
import type { Options } from '../command.js';
import { UsageError } from '../exit.js';
import { text } from '../options.js';

/** So many of `total`; at least one where there are any. */
export type SampleSize = (total: number) => number;

/** `--sample 10`, `--sample 0.2`, `--sample 20%`, `--sample all`; ten where it isn't given. */
export function sampleSize(options: Options): SampleSize {
  const value = text(options, 'sample') ?? '10';
  if (value === 'all') return (total) => total;
  const [, number = '', percent] = /^(\d+(?:\.\d+)?)(%)?$/.exec(value) ?? [];
  const amount = Number(number);
  const share = percent === undefined ? amount : amount / 100;
  if (number !== '' && amount > 0) {
    if (percent === undefined && Number.isInteger(amount)) return (total) => Math.min(total, amount);
    if (share <= 1) return (total) => Math.ceil(total * share);
  }
  throw new UsageError(
    `--sample expects a number of cells or a share of them, found ${JSON.stringify(value)}`,
    'write it like 10, 0.2, 20% or all',
  );
}

/** The seed that was given, or a fresh one. */
export function sampleSeed(options: Options): number {
  const value = text(options, 'seed');
  if (value === undefined) return randomInt(1_000_000);
  const seed = Number(value);
  if (value !== '' && Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new UsageError(`--seed expects a whole number of at least 0, found ${JSON.stringify(value)}`);
}

/** Draws without regard to order: each item has a rank of its own under the seed, so that more of them include fewer. */
export function draw<T>(
  items: readonly T[],
  size: SampleSize,
  seed: number,
  nameOf: (item: T) => string,
): readonly T[] {
  const rank = (item: T): string => sha256(`moft-audit-1\0${seed}\0${nameOf(item)}`);
  const ranked = items.map((item) => ({ item, rank: rank(item) })).sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return ranked.slice(0, size(items.length)).map(({ item }) => item);
}
