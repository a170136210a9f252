import { defineKind, type InputTraits, type Problem } from '../../runner/contract.js';
import { objectiveSets } from '../report/objectives.js';
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
});

/** A report on fronts of different rewards is a mistake that can be seen before anything runs. */
function checkObjectives(inputs: InputTraits): Problem[] {
  const fronts = inputs.fronts;
  if (!Array.isArray(fronts)) return [];
  const sets = objectiveSets(
    (fronts as readonly { objectives?: readonly string[] }[]).flatMap(({ objectives }) =>
      objectives === undefined ? [] : [objectives],
    ),
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
  version: 2,
  description:
    'Draws fronts into one self-contained HTML page: what was run, the trade-off front of every method with every ' +
    'seed, regret against the exact optimum where it is known, the measures of steering with their intervals, ' +
    'paired differences between methods, and samples of text. Beside index.html stand summary.json (every figure ' +
    'of the page), fronts.csv and front.svg.',
  with: ReportWith,
  inputs: {
    fronts: {
      type: 'front',
      list: true,
      description:
        'Fronts to compare. The axis `seed` makes replicates; all other axes name the curves that are compared.',
    },
  },
  outputs: () => ({ report: { type: 'report' } }),
  check: (_values, inputs) => checkObjectives(inputs),
  randomness: 'none',
  engine: false,
  run: async (job, emit, signal) => (await import('./report.run.js')).run(job, emit, signal),
});
