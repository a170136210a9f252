/** Exact fronts made by hand, and what a report says of their differences. */
import type { Front, FrontPoint } from '../../schemas/artifact.js';
import type { Difference, Slice } from '../../stages/report/types.js';
import { type Fronts, summaryOf } from './make.js';

export const grid = (n: number): number[][] =>
  Array.from({ length: n }, (_, i) => [1 - i / (n - 1), i / (n - 1)]);

interface Made {
  readonly regret: (w: readonly number[]) => number;
  readonly weights?: readonly number[][];
  readonly invalid?: (i: number) => number;
  readonly rewards?: (w: readonly number[]) => number[];
  readonly optimum?: (w: readonly number[]) => number[];
  readonly method?: string;
  readonly alpha?: number;
}

/** An exact front whose optimum earns each reward by its weight. */
export function front({
  regret,
  weights = grid(11),
  invalid = () => 0,
  optimum = (w) => [...w],
  rewards = optimum,
  method = 'clp',
  alpha = 0.1,
}: Made): Front {
  return {
    v: 1,
    method,
    objectives: ['nli', 'rouge'],
    points: weights.map((w, i): FrontPoint => {
      const exact = {
        value: 0.5 - regret(w),
        optimum: 0.5,
        reference: 0.1,
        regret: regret(w),
        rewards: rewards(w),
        optimumRewards: optimum(w),
        kl: 1,
        invalidMass: invalid(i),
      };
      return {
        ...{ alpha, weights: [...w], rewards: rewards(w), stderr: w.map(() => 0.01), kl: 1 },
        ...{ n: 64, length: 9, entropy: 0.5, exact },
      };
    }),
    reference: { rewards: [0.2, 0.2], stderr: [0.01, 0.01], n: 64 },
    samples: [],
  };
}

export const ten = Array.from({ length: 10 }, (_, i) => i);
export const curve = (name: string, of: (seed: number) => Front, seeds: readonly number[] = ten): Fronts =>
  seeds.map((seed) => ({ coordinates: { method: name, seed: String(seed) }, front: of(seed) }));

export async function sliceOf(
  fronts: Fronts,
  text: { margin?: number } = {},
): Promise<Slice & { html: string }> {
  const { summary, html } = await summaryOf(fronts, text);
  const [slice] = summary.slices;
  if (!slice) throw new Error('no slice');
  return { ...slice, html };
}
export const judged = ({ differences, judgedBy }: Slice): Difference[] =>
  differences.filter(({ measure }) => measure === judgedBy);
export const given = (slice: Slice): string[] =>
  judged(slice).map(({ a, b, verdict, why }) => `${a} - ${b}: ${verdict ?? ''}${why && `, ${why}`}`);
export const withoutExact = ({ exact, ...point }: FrontPoint): FrontPoint => (exact ? point : { ...point });
/** Differences between 1 and 1.9 times a size, a seed each. */
export const spread = (size: number) => (seed: number) => size * (1 + seed / 10);
