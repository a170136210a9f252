import { defineKind, type InputTraits, type Problem } from '../../runner/contract.js';
import { objectiveSets } from '../report/objectives.js';
import { listTraits } from '../rl/provenance.js';
import { Type } from '../../schemas/type.js';

export const ReportWith = Type.Object({
  title: Type.String({
    description: 'Heading of the page. Empty: a heading made of the objectives.',
    default: '',
  }),
  description: Type.String({
    description: 'A paragraph in plain text above the figures: what was asked, and what to look at.',
    default: '',
  }),
  samples: Type.Integer({
    description: 'How many prompts are shown with the text that each method answers at several trade-offs.',
    default: 3,
    minimum: 0,
    maximum: 20,
  }),
  margin: Type.Number({
    description:
      'Verdicts say whether two curves differ by more than this on the measure that is judged (mean V-regret, or gain ' +
      'in V where figures are sampled). It is to be stated before the run. 0: whether they differ at all.',
    default: 0.001,
    minimum: 0,
  }),
});

/**
 * A report on fronts of different rewards is a mistake that can be seen before anything runs. A variant may leave
 * a reward out: it is compared with its twin where that one has no weight.
 */
function checkObjectives(inputs: InputTraits): Problem[] {
  const fronts = listTraits(inputs, 'fronts');
  const base = fronts.filter(({ lineage }) => lineage?.coordinates.ablation === undefined);
  const sets = objectiveSets(
    (base.length > 0 ? base : fronts).flatMap(({ objectives }) => (objectives ? [objectives] : [])),
  );
  if (sets.length < 2) return [];
  return [
    {
      code: 'report-objectives',
      path: ['fronts'],
      message: `the fronts of a report must have the same objectives, found ${sets.join(' | ')}`,
      hint: 'select the fronts of one set of rewards, or write one report for each',
    },
  ];
}

export default defineKind({
  name: 'report',
  version: 3,
  description:
    'Draws fronts into one self-contained HTML page: what was run, the trade-off front of every method with every ' +
    'seed, regret against the exact optimum where it is known, the measures of steering with their intervals, ' +
    'paired differences between methods, of each ablation to its twin, how often each locked in, what each was ' +
    'trained on and costs to answer, and samples of text. Beside index.html stand summary.json (every figure of the page), fronts.csv, ablations.csv (where there ' +
    'are variants) and front.svg.',
  with: ReportWith,
  inputs: {
    fronts: {
      type: 'front',
      list: true,
      gathers: 'all',
      description:
        'Fronts to compare. The axis `seed` makes replicates, `ablation` variants of a twin; all other axes name the ' +
        'curves that are compared.',
    },
  },
  outputs: () => ({ report: { type: 'report' } }),
  check: (_values, inputs) => checkObjectives(inputs),
  pace: { timeless: ['title', 'description'] },
  randomness: 'none',
  engine: false,
  run: async (job, emit, signal) => (await import('./report.run.js')).run(job, emit, signal),
});
