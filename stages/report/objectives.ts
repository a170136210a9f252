/** Objectives are known by name: a soup lists them as it gathers its experts, a clp as its rewards were written. */
import type { Front } from '../../schemas/artifact.js';
import { byCodeUnit } from '../../schemas/json.js';

/** Each different set of objectives once, as text. */
export function objectiveSets(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.map((list) => [...list].sort(byCodeUnit).join(', ')))];
}

/** The same front with its objectives, and whatever has one number for each, in the given order of the same names. */
export function withObjectives(front: Front, objectives: readonly string[]): Front {
  const places = objectives.map((name) => front.objectives.indexOf(name));
  const moved = (values: readonly number[]): number[] => places.map((place) => values[place] ?? NaN);
  const movedIfKnown = (values: readonly number[] | null): number[] | null => values && moved(values);
  return {
    ...front,
    objectives: [...objectives],
    points: front.points.map(({ exact, ...point }) => ({
      ...point,
      weights: moved(point.weights),
      rewards: moved(point.rewards),
      stderr: movedIfKnown(point.stderr),
      ...(exact
        ? {
            exact: {
              ...exact,
              rewards: moved(exact.rewards),
              optimumRewards: moved(exact.optimumRewards),
              ...(exact.rewardsInReach ? { rewardsInReach: moved(exact.rewardsInReach) } : {}),
            },
          }
        : {}),
    })),
    reference: {
      ...front.reference,
      rewards: moved(front.reference.rewards),
      stderr: movedIfKnown(front.reference.stderr),
    },
    samples: front.samples.map((sample) => ({
      ...sample,
      weights: moved(sample.weights),
      rewards: moved(sample.rewards),
    })),
  };
}
