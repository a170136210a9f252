/** The fronts that answer one alpha, curve by curve. */
import type { Curve, Replicate } from './fronts.js';
import { inReachAt, optimumAt, pointsAt } from './points.js';
import type { SteeredPoint } from '../statistics/steering.js';
import type { SeedPoint } from './types.js';

/** One front at one alpha. */
export interface Answer extends Replicate {
  readonly points: readonly SeedPoint[];
  /** The exact optimum at the same trade-offs; empty where it is not known. */
  readonly optimum: readonly SeedPoint[];
  /** The optimum among what the reference writes. */
  readonly inReach: readonly SteeredPoint[];
}

/** The fronts of a curve that answer an alpha. */
export interface Answered {
  readonly curve: Curve;
  readonly index: number;
  readonly answers: readonly Answer[];
}

/** Objectives of a curve, in the order of its weights. */
export function objectivesOf({ curve }: Answered): readonly string[] {
  return curve.replicates[0]?.front.objectives ?? [];
}

/** The curves that have points at an alpha, with those points; `index` counts from `first`. */
export function answersTo(curves: readonly Curve[], alpha: number, first = 0): Answered[] {
  return curves
    .map((curve, i) => ({ curve, index: first + i, answers: answersAt(curve, alpha) }))
    .filter(({ answers }) => answers.length > 0);
}

function answersAt(curve: Curve, alpha: number): Answer[] {
  return curve.replicates
    .map(({ seed, front }) => ({
      seed,
      front,
      points: pointsAt(front, alpha),
      optimum: optimumAt(front, alpha),
      inReach: inReachAt(front, alpha),
    }))
    .filter(({ points }) => points.length > 0);
}
