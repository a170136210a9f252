import { defineKind, rules, type Problem } from '../../runner/contract.js';
import { Conditioning, ReferenceShare, Sampling } from '../policy/options.js';
import { conditioningName, type Conditioning as ConditioningValue } from '../policy/settings.js';
import { rewardModules } from '../rewards/names.js';
import {
  alphaProblems,
  inertFields,
  rewardProblems,
  scheduleProblems,
  trainingFields,
  trainingPace,
  traitsOf,
  type TrainingOptions,
} from '../rl/options.js';
import { extentModules, trainingExtent } from '../training-extent.js';
import { Type, type Static } from '../../schemas/type.js';
import { trainingDecodingProblems } from '../rl/decoding.js';
import { handedOn, unseenTokenProblems, worldProblems } from '../rl/provenance.js';

const ClpSchema = Type.Object({
  rewards: Type.Array(Type.String({ minLength: 1 }), {
    description: 'Names of the rewards to trade off, two or more; their order is the order of the weights.',
    minItems: 1,
  }),
  conditioning: Conditioning,
  sampling: Sampling,
  reference_share: ReferenceShare,
  trade_offs: Type.Integer({
    description: 'Trade-offs a step; each is one merge and its own prompts and responses.',
    default: 4,
    minimum: 1,
  }),
  ...trainingFields,
});
export interface ClpWith extends TrainingOptions {
  readonly rewards: readonly string[];
  readonly conditioning: ConditioningValue;
  readonly sampling: Sampling;
  readonly reference_share: Static<typeof ReferenceShare>;
  readonly trade_offs: number;
}

function samplingProblems({ alpha }: Sampling): Problem[] {
  const path = ['sampling', 'alpha'];
  if (typeof alpha === 'number') return alphaProblems(alpha, path);
  const [least, greatest] = alpha.range;
  const ends = [
    ...alphaProblems(least, [...path, 'range', 0]),
    ...alphaProblems(greatest, [...path, 'range', 1]),
  ];
  if (ends.length > 0 || least < greatest) return ends;
  return [
    {
      code: 'alpha-order',
      path: [...path, 'range'],
      message: `the least KL weight must be below the greatest, found [${least}, ${greatest}]`,
    },
  ];
}

/** A share of corners where every draw is one. */
function idleCorners({ weights, corners }: Sampling): Problem[] {
  if (weights !== 'corners' || corners === 0) return [];
  return [
    {
      code: 'corners-idle',
      path: ['sampling', 'corners'],
      message: 'all draws are corners already, by `weights: corners`',
      hint: 'leave `corners` away, or draw the other weights by `dirichlet` or `simplex`',
      mayBeMeant: true,
    },
  ];
}

/** A rule for the reference's share where nothing is merged with the reference; the default is never written. */
function idleShare({ reference_share, sampling: { alpha }, conditioning }: ClpWith): Problem[] {
  const fixed = typeof alpha === 'number';
  if (reference_share === 'log' || !(fixed || conditioningName(conditioning) === 'prompt')) return [];
  return [
    {
      code: 'reference-share-idle',
      path: ['reference_share'],
      message: fixed
        ? 'with one alpha nothing is merged with the reference, whatever `reference_share` says'
        : '`prompt` writes alpha in the prompt, and merges nothing with the reference, whatever `reference_share` says',
      hint: fixed
        ? 'leave it away, or give `sampling.alpha` a range'
        : 'leave it away, or take another conditioning',
      mayBeMeant: true,
    },
  ];
}

function nameProblems(names: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  if (new Set(names).size < 2)
    problems.push({
      code: 'too-few-rewards',
      path: ['rewards'],
      message: `a policy that trades off needs two different rewards or more, found ${JSON.stringify(names)}`,
      hint: 'one reward alone is the kind `soft`',
    });
  const repeated = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (repeated >= 0)
    problems.push({
      code: 'repeated-reward',
      path: ['rewards', repeated],
      message: `the reward ${JSON.stringify(names[repeated])} is named twice`,
    });
  return problems;
}

const check = rules<ClpWith>(
  ({ rewards }) => nameProblems(rewards),
  ({ sampling }) => samplingProblems(sampling),
  ({ alpha_schedule, sampling: { alpha } }) =>
    scheduleProblems(alpha_schedule, typeof alpha === 'number' ? alpha : alpha.range),
  ({ sampling }) => idleCorners(sampling),
  (values) => idleShare(values),
  ({ rewards }, inputs) => rewardProblems(rewards, inputs, (i) => ['rewards', i]),
  ({ decoding }) => trainingDecodingProblems(decoding),
  (_, inputs) => worldProblems(traitsOf(inputs, 'reference'), traitsOf(inputs, 'prompts')),
  ({ conditioning }, inputs) =>
    unseenTokenProblems(conditioningName(conditioning), traitsOf(inputs, 'reference')),
);

export default defineKind({
  name: 'clp',
  version: 4,
  description:
    'Conditional Language Policy: one policy for every trade-off between two or more rewards (and, with a range of ' +
    'alpha, between rewards and KL), trained over random trade-offs. The conditioned parameters are kept once an ' +
    'objective and averaged by the weights; all others are shared.',
  with: ClpSchema,
  inert: [...inertFields],
  inputs: {
    reference: {
      type: 'model',
      path: true,
      description:
        'The model to start from and to stay close to (pi_ref); also the path of a folder of Hugging Face files.',
    },
    prompts: { type: 'dataset', description: 'Prompts to answer; their facts may answer rewards.' },
  },
  outputs: (values, inputs) => {
    const { rewards: objectives, sampling } = values as unknown as ClpWith;
    const domain = { alpha: typeof sampling.alpha === 'number' ? sampling.alpha : sampling.alpha.range };
    return {
      policy: { type: 'policy', traits: { ...handedOn(inputs), objectives, domain }, distinct: true },
    };
  },
  modules: (values) => [
    `stages/policy/conditioning/${conditioningName(values.conditioning as ConditioningValue)}`,
    ...rewardModules(values.rewards),
    ...extentModules(values),
  ],
  check: (values, inputs) => check(values as ClpWith, inputs),
  randomness: 'training',
  engine: true,
  checkpoints: true,
  extent: trainingExtent,
  pace: {
    proportional: [...trainingPace.proportional, 'trade_offs'],
    timeless: [...trainingPace.timeless, 'sampling', 'reference_share'],
  },
  run: async (job, emit, signal, { checkpoints }) =>
    (await import('./clp.run.js')).run(job, { emit, signal, checkpoints }),
});
