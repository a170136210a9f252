/**
 * Puts rewards of different units on one scale: the reference model at 0, each objective's expert at 1. Frozen:
 * made once from the reference and the experts, then used for every front that is compared.
 */
import { at, type Point } from './dominance.js';

export interface Calibration {
  /** Value that becomes 0, an objective. */
  readonly zero: Point;
  /** Value that becomes 1, an objective. */
  readonly one: Point;
}

/**
 * @param reference rewards of the reference model
 * @param experts one expert an objective, in their order: expert k's rewards
 * @returns null where an expert gains nothing on its own objective: there is no scale then
 */
export function calibration(reference: Point, experts: readonly Point[]): Calibration | null {
  const one = reference.map((_, k) => at(experts[k] ?? [], k));
  return reference.every((zero, k) => at(one, k) - zero > 0) ? { zero: reference, one } : null;
}

/** The point on the calibrated scale. */
export function calibrated(point: Point, scale: Calibration): number[] {
  return point.map((x, k) => (x - at(scale.zero, k)) / (at(scale.one, k) - at(scale.zero, k)));
}
