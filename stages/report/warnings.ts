/** What a reader must know before trusting the figures. */
import { byCodeUnit } from '../../schemas/json.js';
import { lockInSpan } from '../statistics/steering.js';
import type { CurveSummary, Slice } from './types.js';

/** Sentences, in the order of the slices; empty where nothing is amiss. */
export function warningsOf(slices: readonly Slice[]): string[] {
  const several = slices.length > 1;
  return slices.flatMap((slice) => {
    const at = several ? ` (alpha ${slice.alpha})` : '';
    return [
      ...slice.curves.flatMap((curve) => [...lockIn(curve), ...invalid(curve), ...belowZero(curve)]),
      ...mixedExactness(slice),
      ...unequalSeeds(slice),
      ...unequalGrids(slice),
    ].map((text) => text + at);
  });
}

function lockIn(curve: CurveSummary): string[] {
  const locked = curve.seeds.filter((seed) => (seed.figures.span ?? 1) < lockInSpan);
  if (locked.length === 0) return [];
  const list = locked.map((seed) => `${(seed.figures.span ?? 0).toFixed(2)}${ofSeed(seed.seed)}`).join(', ');
  return [
    `${curve.name} is not steered to the ends: span ${list}, under ${lockInSpan}. It locked in, or trained too little; annealing alpha, more corners or more samples a prompt help.`,
  ];
}

const ofSeed = (seed: string): string => (seed === '-' ? '' : ` at seed ${seed}`);

/** Above this the bound on the regret is no longer a detail. */
const muchMass = 0.02;

function invalid(curve: CurveSummary): string[] {
  const largest = Math.max(...curve.seeds.map((seed) => seed.figures['invalid-mass'] ?? 0));
  if (largest <= muchMass) return [];
  return [
    `${curve.name} leaves the listed responses with probability up to ${largest.toFixed(3)}: its KL is a lower bound there, and its regret too.`,
  ];
}

function belowZero(curve: CurveSummary): string[] {
  const least = Math.min(...curve.seeds.flatMap((seed) => seed.points.map((point) => point.regret ?? 0)));
  if (least >= -1e-6) return [];
  return [
    `${curve.name} has a regret of ${least.toPrecision(2)}: no policy can beat the optimum, so its exact figures do not belong together.`,
  ];
}

function mixedExactness(slice: Slice): string[] {
  const exact = slice.curves.filter((curve) => (curve.figures['regret-mean']?.n ?? 0) > 0);
  if (exact.length === 0 || slice.exact) return [];
  return ['Only some of the fronts have exact figures; the others are sampled, so compare them with care.'];
}

function unequalSeeds(slice: Slice): string[] {
  const lists = new Set(slice.curves.map((curve) => curve.seeds.map((seed) => seed.seed).join(', ')));
  if (lists.size < 2) return [];
  return ['The curves do not have the same seeds; differences use the seeds that two curves share.'];
}

function unequalGrids(slice: Slice): string[] {
  const grids = new Set(
    slice.curves.flatMap((curve) =>
      curve.seeds.map((seed) =>
        seed.points
          .map((point) => JSON.stringify(point.weights))
          .sort(byCodeUnit)
          .join(' '),
      ),
    ),
  );
  if (grids.size < 2) return [];
  return ['The fronts were not asked for the same weights; means over the weights are not like for like.'];
}
