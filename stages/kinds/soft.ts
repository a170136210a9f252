import { defineKind, rules, type InputTraits, type Problem } from '../../runner/contract.js';
import { loraFields } from '../policy/options.js';
import { rewardModules } from '../rewards/names.js';
import {
  alphaProblems,
  inertFields,
  rewardProblems,
  scheduleProblems,
  simplexProblems,
  trainingFields,
  trainingPace,
  traitsOf,
} from '../rl/options.js';
import { extentModules, trainingExtent } from '../training-extent.js';
import { Type, type Static } from '../../schemas/type.js';
import { trainingDecodingProblems } from '../rl/decoding.js';
import { handedOn, worldProblems } from '../rl/provenance.js';
import { softRewards, type SoftRewards } from '../rl/soft-rewards.js';

const Name = Type.String({ minLength: 1 });

export const SoftWith = Type.Object({
  rewards: Type.Union(
    [
      Name,
      Type.Array(Name, { minItems: 1, uniqueItems: true }),
      Type.Record(Type.String(), Type.Number({ minimum: 0 }), { minProperties: 1 }),
    ],
    {
      description: 'The reward: a name, a list of names (equal weights), or a map of weights that sum to 1.',
    },
  ),
  alpha: Type.Number({ description: 'KL weight, in (0,1).', default: 0.05 }),
  lora: Type.Optional(
    Type.Object(loraFields, {
      additionalProperties: false,
      description:
        'Trains low-rank adapters of the weights of the reference and leaves these as they are. Beside the policy the ' +
        'adapter alone is written as the output `adapter`, in files of PEFT.',
    }),
  ),
  ...trainingFields,
});
export type SoftWith = Static<typeof SoftWith>;

function namesOf(rewards: SoftRewards, inputs: InputTraits): Problem[] {
  const { names } = softRewards(rewards);
  const place = (i: number): (string | number)[] => {
    if (typeof rewards === 'string') return ['rewards'];
    return ['rewards', Array.isArray(rewards) ? i : (names[i] ?? i)];
  };
  return rewardProblems(names, inputs, place);
}

function weightsOf(rewards: SoftRewards): Problem[] {
  if (typeof rewards === 'string' || Array.isArray(rewards)) return [];
  const { names, weights } = softRewards(rewards);
  return simplexProblems(weights, ['rewards'], (scaled) =>
    Object.fromEntries(names.map((name, i) => [name, scaled[i] ?? 0])),
  );
}

const check = rules<SoftWith>(
  ({ alpha }) => alphaProblems(alpha, ['alpha']),
  ({ alpha_schedule, alpha }) => scheduleProblems(alpha_schedule, alpha),
  ({ rewards }) => weightsOf(rewards),
  ({ rewards }, inputs) => namesOf(rewards, inputs),
  ({ decoding }) => trainingDecodingProblems(decoding),
  (_, inputs) => worldProblems(traitsOf(inputs, 'reference'), traitsOf(inputs, 'prompts')),
);

export default defineKind({
  name: 'soft',
  version: 4,
  description:
    'Single-objective finetuning (SOFT): one policy for one reward, or one fixed weighting of rewards, at one KL ' +
    'weight, by policy gradient from the reference. An expert of a soup; with several rewards, a MORLHF policy.',
  with: SoftWith,
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
    const { names, weights } = softRewards(values.rewards);
    const domain = { alpha: values.alpha, weights: [weights] };
    return {
      policy: { type: 'policy', traits: { ...handedOn(inputs), objectives: names, domain }, distinct: true },
      ...(values.lora ? { adapter: { type: 'directory', distinct: true } as const } : {}),
    };
  },
  modules: (values) => [...rewardModules(softRewards(values.rewards).names), ...extentModules(values)],
  check,
  randomness: 'training',
  engine: true,
  checkpoints: true,
  extent: trainingExtent,
  pace: { ...trainingPace, timeless: [...trainingPace.timeless, 'rewards', 'alpha'] },
  run: async (job, emit, signal, { checkpoints }) =>
    (await import('./soft.run.js')).run(job, { emit, signal, checkpoints }),
});
