import { defineKind, type InputTraits, type Problem, type Traits } from '../../runner/contract.js';
import { Type } from '../../schemas/type.js';

/** Objectives of the experts in their order; undefined where one is unknown. */
function objectivesOf(inputs: InputTraits): readonly string[] | undefined {
  const experts = inputs.experts;
  if (!Array.isArray(experts)) return undefined;
  const lists = (experts as readonly Traits[]).map((expert) => expert.objectives);
  return lists.every((list) => list !== undefined) ? lists.flat() : undefined;
}

function check(inputs: InputTraits): Problem[] {
  const experts = inputs.experts;
  if (!Array.isArray(experts)) return [];
  const several = (experts as readonly Traits[]).find((expert) => (expert.objectives?.length ?? 1) !== 1);
  if (several)
    return [
      {
        code: 'soup-expert',
        path: ['experts'],
        message: `an expert of a soup has one objective, found one trained on ${(several.objectives ?? []).join(', ')}`,
      },
    ];
  const objectives = objectivesOf(inputs);
  if (experts.length >= 2 && (!objectives || new Set(objectives).size === objectives.length)) return [];
  return [
    {
      code: 'soup-experts',
      path: ['experts'],
      message:
        experts.length < 2
          ? 'a soup needs two experts or more'
          : `the experts of a soup have different objectives, found ${(objectives ?? []).join(', ')}`,
      hint: 'gather one expert a reward: $expert(reward=*).policy',
    },
  ];
}

export default defineKind({
  name: 'rewarded-soup',
  version: 1,
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
  outputs: (_values, inputs) => {
    const objectives = objectivesOf(inputs);
    return { policy: { type: 'policy', ...(objectives ? { traits: { objectives } } : {}) } };
  },
  check: (_values, inputs) => check(inputs),
  randomness: 'none',
  engine: true,
  run: async (job, emit, signal) => (await import('./rewarded-soup.run.js')).run(job, emit, signal),
});
