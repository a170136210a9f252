/** How far answers of a curve are from those that its world lists. */
import { mean } from 'simple-statistics';
import type { CurveSummary, SeedSummary } from './types.js';

/** Above this, exact figures say nothing: they are of the few answers that are listed. */
const mostlyInvalid = 0.5;

/** Probability of leaving the listed responses, the mean over seeds and weights; 0 where nothing is listed. */
export function invalidMass({ seeds }: CurveSummary): number {
  const known = seeds.flatMap(({ points }) => points.flatMap(({ invalidMass: mass }) => mass ?? []));
  return known.length === 0 ? 0 : mean(known);
}

/** The seed with the largest mass at one of its weights; undefined where nothing is listed. */
export function mostInvalid({ seeds }: CurveSummary): { seed: SeedSummary; mass: number } | undefined {
  const known = seeds.flatMap((seed) => {
    const mass = seed.figures['invalid-mass'] ?? null;
    return mass === null ? [] : [{ seed, mass }];
  });
  return known.reduce<(typeof known)[number] | undefined>(
    (most, one) => (most && most.mass >= one.mass ? most : one),
    undefined,
  );
}

export const isMostlyInvalid = (curve: CurveSummary): boolean => invalidMass(curve) > mostlyInvalid;
