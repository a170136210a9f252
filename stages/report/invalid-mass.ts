/** How far answers of a curve are from those that its world lists. */
import type { CurveSummary } from './types.js';

/** Above this, exact figures say nothing: they are of the few answers that are listed. */
const mostlyInvalid = 0.5;

/** Probability of leaving the listed responses: the largest mean of a seed; 0 where nothing is listed. */
export const invalidMass = (curve: CurveSummary): number =>
  Math.max(0, ...curve.seeds.map(({ figures }) => figures['invalid-mass'] ?? 0));

export const isMostlyInvalid = (curve: CurveSummary): boolean => invalidMass(curve) > mostlyInvalid;
