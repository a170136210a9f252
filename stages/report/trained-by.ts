/** How curves were trained: what a claim says beside the budget, in words. */
import type { TrainedBy } from '../../schemas/artifact.js';
import type { CurveSummary } from './types.js';

/** Each way once, over the seeds; empty where the fronts do not say. */
function waysOf({ seeds }: CurveSummary): readonly TrainedBy[] {
  const ways = seeds.flatMap(({ trainedBy }) => trainedBy);
  return [...new Map(ways.map((way) => [textOf(way), way])).values()];
}

function textOf({ kl, alphaSchedule, samples }: TrainedBy): string {
  const annealed =
    alphaSchedule === 'constant'
      ? 'constant alpha'
      : `alpha from ${alphaSchedule.from} over ${alphaSchedule.share} of the steps`;
  return `${kl}, ${annealed}, ${samples} responses a group`;
}

/** Empty where the fronts do not say. */
export function trainedByText(curve: CurveSummary): string {
  return waysOf(curve).map(textOf).join('; ');
}

/** The biased estimators that it was trained with. */
export function biasedEstimators(curve: CurveSummary): readonly string[] {
  return [...new Set(waysOf(curve).flatMap(({ kl, biased }) => (biased ? [kl] : [])))];
}

/** Responses a group, as a text; empty where the fronts do not say. */
export function groupSizes(curve: CurveSummary): string {
  return [...new Set(waysOf(curve).map(({ samples }) => samples))].sort((a, b) => a - b).join(' and ');
}
