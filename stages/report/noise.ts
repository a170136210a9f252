/**
 * Whether sampled rewards lie beyond their noise, so that a ranking is not read as more than it is. All from the changes
 * against the reference that the page shows, at the ends and in the middle of the weights.
 */
import { mean } from 'simple-statistics';
import { fixed } from '../statistics/fixed.js';
import { estimate } from './estimate.js';
import type { Change, CurveSummary, Slice } from './types.js';

/** Mean change of w.r against the reference. */
interface Gain {
  readonly name: string;
  readonly mean: number;
  /**
   * Half of its 95% interval at most: the standard error of a mean is at most the mean of the standard errors, however the
   * weights, rewards and seeds hang together that were asked on the same prompts.
   */
  readonly most: number;
  /** The seeds themselves agree that it is above 0, be the noise of each what it may. */
  readonly isAbove: boolean;
}

export interface Caveat {
  readonly text: string;
  /** It holds of every curve: there is nothing to rank. */
  readonly ofAll: boolean;
}

/** What a ranking by sampled figures must say of itself; null where it stands, or the noise is not known. */
export function caveatOf(slice: Slice): Caveat | null {
  if (slice.exact) return null;
  const gains = slice.curves.flatMap((curve) => gainOf(curve, slice.changes) ?? []);
  if (gains.length < slice.curves.length) return null;
  const idle = gains.filter(({ mean, most, isAbove }) => mean <= most && !isAbove);
  const shown = (list: readonly Gain[]): string =>
    `mean change of w·r at the ends and in the middle: ${list.map(gainText).join(', ')}`;
  const ofAll = idle.length === gains.length;
  if (gains.length > 1 && ofAll)
    return {
      ofAll,
      text: `None of them earns more than the reference model beyond the noise (${shown(idle)}), so their order says nothing.`,
    };
  if (gains.length > 1 && idle.length === 0 && areAlike(gains, slice))
    return {
      ofAll: true,
      text: `No two of them differ beyond the noise (${shown(gains)}), so their order says nothing.`,
    };
  const [only] = idle;
  if (only === undefined) return null;
  const names = idle.map(({ name }) => name).join(', ');
  const earn = idle.length === 1 ? 'earns' : 'earn';
  return {
    ofAll,
    text: `${names} ${earn} no more than the reference model beyond the noise (${shown(idle)}).`,
  };
}

/** Null where a standard error is not known, or nothing was asked at an end or in the middle. */
function gainOf({ name, seeds }: CurveSummary, changes: readonly Change[]): Gain | null {
  const own = changes.filter(({ curve }) => curve === name);
  const points = new Map<string, Change[]>();
  for (const row of own) {
    const point = JSON.stringify([row.seed, row.weights]);
    points.set(point, [...(points.get(point) ?? []), row]);
  }
  const asked = [...points.values()].map((rows) => ({
    seed: rows[0]?.seed,
    change: weighted(rows, ({ change }) => change),
    half: weighted(rows, ({ change, high }) => (high === null ? NaN : high - change)),
  }));
  if (asked.length === 0 || asked.some(({ half }) => Number.isNaN(half))) return null;
  const bySeed = seeds.map(({ seed }) => asked.filter((one) => one.seed === seed).map((one) => one.change));
  const { low } = estimate(bySeed.flatMap((list) => (list.length === 0 ? [] : [mean(list)])));
  return {
    name,
    mean: mean(asked.map(({ change }) => change)),
    most: mean(asked.map(({ half }) => half)),
    isAbove: low !== null && low > 0,
  };
}

/** Over the rewards of one trade-off, which stand in the order of its weights. */
const weighted = (rows: readonly Change[], of: (row: Change) => number): number =>
  rows.reduce((sum, row, k) => sum + (row.weights[k] ?? 0) * of(row), 0);

/** No pair is told apart, neither by the noise of its rewards nor by the seeds that it shares. */
function areAlike(gains: readonly Gain[], { differences, judgedBy }: Slice): boolean {
  const isTold = differences.some(
    ({ measure, difference: { low, high } }) =>
      measure === judgedBy && low !== null && high !== null && (low > 0 || high < 0),
  );
  const differ = gains.some((a) => gains.some((b) => a.mean - b.mean > a.most + b.most));
  return !isTold && !differ;
}

function gainText({ name, mean: gain, most }: Gain): string {
  const value = `${gain > 0 ? '+' : ''}${fixed(gain, 3)}`.replace('-', '−');
  return `${name} ${value} ± ${fixed(most, 3)}`;
}
