/** Q, the distribution of trade-offs in training, and the course of alpha over the steps. */
import type { AlphaSampling, Sampling, WeightSampling } from '../policy/options.js';
import type { TradeOff } from '../policy/types.js';
import type { Random } from '../random.js';
import { oneHot } from '../vector.js';
import type { AlphaSchedule } from './options.js';

/**
 * Draws (alpha, w) ~ Q for m objectives. Policies of one Q meet the same draws; one alpha takes no number of `random` and a
 * range takes one, so that of several draws in a row only the first has the same w under both.
 */
export function drawTradeOff(sampling: Sampling, m: number, random: Random): TradeOff {
  const corner = random.uniform() < sampling.corners;
  const weights = corner ? oneHot(random.integer(m), m) : drawWeights(sampling.weights, m, random);
  return { weights, alpha: drawAlpha(sampling.alpha, random) };
}

function drawWeights(weights: WeightSampling, m: number, random: Random): readonly number[] {
  if (weights === 'corners') return oneHot(random.integer(m), m);
  if ('dirichlet' in weights) return random.dirichlet(m, weights.dirichlet);
  const grid = simplexGrid(m, weights.simplex);
  return grid[random.integer(grid.length)] ?? oneHot(0, m);
}

function drawAlpha(alpha: AlphaSampling, random: Random): number {
  if (typeof alpha === 'number') return alpha;
  const [least, greatest] = alpha.range;
  const u = random.uniform();
  return alpha.scale === 'log' ? least * (greatest / least) ** u : least + (greatest - least) * u;
}

/** All points of the simplex of m corners whose weights are multiples of 1/(n-1), in ascending order. */
export function simplexGrid(m: number, n: number): number[][] {
  const extend = (left: number, corners: number): number[][] => {
    if (corners === 1) return [[left]];
    return Array.from({ length: left + 1 }, (_, k) => k).flatMap((k) =>
      extend(left - k, corners - 1).map((rest) => [k, ...rest]),
    );
  };
  return extend(n - 1, m).map((point) => point.map((k) => k / (n - 1)));
}

/**
 * The KL weight that a step trains with where `alpha` is asked for: annealing comes down from `from` geometrically
 * and has arrived after `share` of the steps. Never below what is asked for.
 */
export function trainingAlpha(
  schedule: AlphaSchedule,
  alpha: number,
  at: { readonly step: number; readonly steps: number },
): number {
  if (schedule === 'constant' || schedule.from <= alpha) return alpha;
  const progress = Math.min(1, at.step / (schedule.share * at.steps));
  return schedule.from ** (1 - progress) * alpha ** progress;
}
