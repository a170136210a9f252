/**
 * From which checkpoints a training may go on. That decides bytes and stands in a declaration, whose code counts for no
 * cell: so this module counts for the cells that it lets go on from trainings of other lengths.
 */

export interface Scheduled {
  readonly schedule: 'constant' | 'linear' | 'cosine';
  readonly alpha_schedule?: unknown;
}

/** The state at a step hangs on the number of all steps where the rate or the KL weight follows it. */
export function trainingExtent({ schedule, alpha_schedule = 'constant' }: Scheduled): 'steps' | undefined {
  return schedule === 'constant' && alpha_schedule === 'constant' ? 'steps' : undefined;
}

/** What `modules()` of a kind with that extent names for it. */
export const extentModules = (values: Scheduled): readonly string[] =>
  trainingExtent(values) === undefined ? [] : ['stages/training-extent'];
