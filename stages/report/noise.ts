/**
 * Whether the sampled gains in V that a ranking is made of lie beyond their noise, so that it is not read as more than it
 * is.
 */
import { mean } from 'simple-statistics';
import { fixed } from '../statistics/fixed.js';
import { hasOwnPrompts } from './standing.js';
import type { CurveSummary, Slice } from './types.js';

/** Mean gain in V over the reference. */
interface Gain {
  readonly name: string;
  readonly mean: number;
  /**
   * Half of its 95% interval at most: the standard error of a mean is at most the mean of the standard errors, however the
   * weights and seeds hang together that were asked on the same prompts.
   */
  readonly most: number;
  /** Seeds that each have prompts of their own agree that it is above 0, be the noise of each what it may. */
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
  const gains = slice.curves.flatMap((curve) => gainOf(curve) ?? []);
  if (gains.length === 0 || gains.length < slice.curves.length) return null;
  const idle = gains.filter(({ mean, most, isAbove }) => mean <= most && !isAbove);
  const alike = gains.length > 1 && areAlike(gains, slice);
  const noOrder = alike ? ', so their order says nothing' : '';
  if (gains.length > 1 && idle.length === gains.length)
    return {
      ofAll: alike,
      text: `None of them gains more than the reference model beyond the noise (${shown(idle)})${noOrder}.`,
    };
  if (idle.length === 0)
    return alike
      ? { ofAll: true, text: `No two of them differ beyond the noise (${shown(gains)})${noOrder}.` }
      : null;
  const names = idle.map(({ name }) => name).join(', ');
  const gain = idle.length === 1 ? 'gains' : 'gain';
  return {
    ofAll: false,
    text: `${names} ${gain} no more than the reference model beyond the noise (${shown(idle)}).`,
  };
}

/** Null where its noise at a weight is not known. */
function gainOf(curve: CurveSummary): Gain | null {
  const points = curve.seeds.flatMap((seed) => seed.points);
  const halves = points.flatMap(({ gainHalf }) => gainHalf ?? []);
  const { mean: gain = null, low = null } = curve.figures['gain-mean'] ?? {};
  if (gain === null || halves.length < points.length) return null;
  return {
    name: curve.name,
    mean: gain,
    most: mean(halves),
    isAbove: low !== null && low > 0 && hasOwnPrompts(curve),
  };
}

/** No pair is told apart, neither by the noise over prompts nor by the seeds that it shares. */
function areAlike(gains: readonly Gain[], { curves, differences, judgedBy }: Slice): boolean {
  const own = curves.filter(hasOwnPrompts).map(({ name }) => name);
  const isTold = differences.some(
    ({ measure, a, b, difference: { low, high } }) =>
      measure === judgedBy &&
      own.includes(a) &&
      own.includes(b) &&
      low !== null &&
      high !== null &&
      (low > 0 || high < 0),
  );
  const differ = gains.some((a) => gains.some((b) => a.mean - b.mean > a.most + b.most));
  return !isTold && !differ;
}

function shown(gains: readonly Gain[]): string {
  return `gain in V with its 95% interval over prompts: ${gains.map(gainText).join(', ')}`;
}

function gainText({ name, mean: gain, most }: Gain): string {
  const value = `${gain > 0 ? '+' : ''}${fixed(gain, 3)}`.replace('-', '−');
  return `${name} ${value} ± ${fixed(most, 3)}`;
}
