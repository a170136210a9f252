import { defineKind, type InputTraits, type Problem, type Traits } from '../../runner/contract.js';
import { Type } from '../../schemas/type.js';
import { listTraits, referenceProblems } from '../rl/provenance.js';

/** Objectives of the experts in their order; undefined where one is unknown. */
function objectivesOf(experts: readonly Traits[]): readonly string[] | undefined {
  const lists = experts.map((expert) => expert.objectives);
  return lists.every((list) => list !== undefined) ? lists.flat() : undefined;
}

function check(inputs: InputTraits): Problem[] {
  if (!Array.isArray(inputs.experts)) return [];
  const experts = listTraits(inputs, 'experts');
  return [
    ...expertProblems(experts),
    ...referenceProblems('experts', experts, 'the experts of a soup'),
    ...alphaProblems(experts),
  ];
}

function expertProblems(experts: readonly Traits[]): Problem[] {
  const several = experts.find((expert) => (expert.objectives?.length ?? 1) !== 1);
  if (several)
    return [
      {
        code: 'soup-expert',
        path: ['experts'],
        message: `an expert of a soup has one objective, found one trained on ${(several.objectives ?? []).join(', ')}`,
        hint:
          `train one for each reward, with \`matrix: {reward: [${(several.objectives ?? []).join(', ')}]}\` and ` +
          '`rewards: $matrix.reward`, and gather them: `$expert(reward=*).policy`',
      },
    ];
  const objectives = objectivesOf(experts);
  if (experts.length >= 2 && (!objectives || new Set(objectives).size === objectives.length)) return [];
  return [
    {
      code: 'soup-experts',
      path: ['experts'],
      message:
        experts.length < 2
          ? `a soup needs two experts or more, found ${foundExperts(experts.length, objectives)}`
          : `the experts of a soup have different objectives, found ${(objectives ?? []).join(', ')}`,
      hint:
        'gather one expert a reward, as in `$expert(reward=*).policy`; where an axis has values that not every reward ' +
        'has, pick one of it too: `$expert(reward=* axis=value).policy`',
    },
  ];
}

function foundExperts(count: number, objectives: readonly string[] | undefined): string {
  if (count === 0) return 'none';
  return objectives === undefined ? 'one' : `one, for ${objectives.join(', ')}`;
}

function alphaProblems(experts: readonly Traits[]): Problem[] {
  const alphas = [...new Set(experts.flatMap(({ domain }) => (domain ? [String(domain.alpha)] : [])))];
  if (alphas.length < 2) return [];
  return [
    {
      code: 'soup-alpha',
      path: ['experts'],
      message: `the experts of a soup are trained at one alpha, found ${alphas.join(', ')}`,
      hint: 'give them one `alpha`, or pick the experts of one: `$expert(reward=* alpha=0.1).policy`',
    },
  ];
}

/** What all experts share is the soup's; it answers every weighting. */
function traitsOf(experts: readonly Traits[]): Traits {
  const objectives = objectivesOf(experts);
  const [first] = experts;
  return {
    ...(objectives ? { objectives } : {}),
    ...(first?.reference ? { reference: first.reference } : {}),
    ...(first?.world === undefined ? {} : { world: first.world }),
    ...(first?.domain ? { domain: { alpha: first.domain.alpha } } : {}),
  };
}

export default defineKind({
  name: 'rewarded-soup',
  version: 2,
  description:
    'Rewarded soup (Ramé et al. 2023): averages the weights of experts, each trained alone on one reward from one ' +
    'reference. Nothing is trained.',
  with: Type.Object({}),
  inputs: {
    experts: {
      type: 'policy',
      list: true,
      description: 'One expert (kind `soft`, one reward) an objective, all from one reference at one alpha.',
    },
  },
  outputs: (_values, inputs) => ({
    policy: { type: 'policy', traits: traitsOf(listTraits(inputs, 'experts')) },
  }),
  check: (_values, inputs) => check(inputs),
  randomness: 'none',
  engine: true,
  run: async (job, emit, signal) => (await import('./rewarded-soup.run.js')).run(job, emit, signal),
});
