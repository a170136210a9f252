/** The fronts that answer one alpha, curve by curve. */
import type { Curve, Replicate } from './fronts.js';
import { optimumAt, pointsAt } from './points.js';
import type { SeedPoint } from './types.js';

/** One front at one alpha. */
export interface Answer {
  readonly seed: string;
  readonly front: Replicate['front'];
  readonly points: readonly SeedPoint[];
  /** The exact optimum at the same trade-offs; empty where it is not known. */
  readonly optimum: readonly SeedPoint[];
}

/** The fronts of a curve that answer an alpha. */
export interface Answered {
  readonly curve: Curve;
  readonly index: number;
  readonly answers: readonly Answer[];
}

/** The curves that have points at an alpha, with those points. */
export function answersTo(curves: readonly Curve[], alpha: number): Answered[] {
  return curves
    .map((curve, index) => ({ curve, index, answers: answersAt(curve, alpha) }))
    .filter(({ answers }) => answers.length > 0);
}

function answersAt(curve: Curve, alpha: number): Answer[] {
  return curve.replicates
    .map(({ seed, front }) => ({
      seed,
      front,
      points: pointsAt(front, alpha),
      optimum: optimumAt(front, alpha),
    }))
    .filter(({ points }) => points.length > 0);
}
