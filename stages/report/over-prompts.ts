/** Noise of sampled figures over the prompts that they are means of. */
import { studentQuantile } from '../statistics/distributions.js';

/** As an interval over seeds does: with two prompts it is 12.7 standard errors wide. */
const promptsForInterval = 3;

/** The fewer of two; null where one is not known. */
export function fewer(a: number | null | undefined, b: number | null | undefined): number | null {
  return typeof a === 'number' && typeof b === 'number' ? Math.min(a, b) : null;
}

/**
 * Half of the 95% interval of a difference of two means over prompts, taken as independent, by Student's t on their
 * standard errors.
 *
 * @param prompts those that have rewards: of two means the fewer
 * @returns null where something is not known, or under three prompts
 */
export function halfInterval(
  errors: readonly [number | null, number | null],
  prompts: number | null,
): number | null {
  const [ours, theirs] = errors;
  if (ours === null || theirs === null || prompts === null || prompts < promptsForInterval) return null;
  return studentQuantile(0.975, prompts - 1) * Math.hypot(ours, theirs);
}
