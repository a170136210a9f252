import { defineKind, type InputTraits, type Problem, rules } from '../../runner/contract.js';
import { alphaProblems, rewardProblems, simplexProblems, traitsOf } from '../rl/options.js';
import { decodingField, decodingProblems, exactDecodingProblems } from '../rl/decoding.js';
import { alphaDomainProblems, weightsDomainProblems } from '../rl/provenance.js';
import { builtInRewards, rewardModules, worldModules } from '../rewards/names.js';
import { Type, type Static } from '../../schemas/type.js';

const closed = { additionalProperties: false } as const;

const Grid = Type.Object(
  {
    weights: Type.Union(
      [
        Type.Object(
          {
            simplex: Type.Integer({
              minimum: 2,
              description:
                'Points on an edge: 11 are 66 for three rewards; the middle is added where it is none of more than 2.',
            }),
          },
          closed,
        ),
        Type.Array(Type.Array(Type.Number()), {
          minItems: 1,
          description: 'Points in the order of the objectives.',
        }),
      ],
      { description: 'Weights to ask for.', default: { simplex: 11 } },
    ),
    alpha: Type.Union([Type.Literal('trained'), Type.Number(), Type.Array(Type.Number(), { minItems: 1 })], {
      description:
        '`trained`: the alpha of a policy with one (of a range, its least); else one alpha or several.',
      default: 'trained',
    }),
  },
  {
    ...closed,
    description: 'Trade-offs to ask for.',
    default: { weights: { simplex: 11 }, alpha: 'trained' },
  },
);

export const FrontWith = Type.Object({
  grid: Grid,
  samples: Type.Integer({ description: 'Responses a prompt and trade-off.', default: 4, minimum: 1 }),
  prompt_limit: Type.Integer({
    description: 'Most prompts to use, from the front of the dataset.',
    default: 64,
    minimum: 1,
  }),
  max_tokens: Type.Integer({
    description: 'Longest response in tokens, the end-of-text token included.',
    default: 32,
    minimum: 1,
  }),
  sampling_seed: Type.Integer({
    description:
      'Seed of the responses, the same for every method and replicate, so that all meet the same dice.',
    default: 1,
    minimum: 0,
  }),
  decoding: decodingField(
    'How responses are drawn: from the policy itself, or from what is left of it. Rewards, length, KL and entropy are ' +
      'then those of what was drawn from; the reference is asked in the same way.',
  ),
  exact: Type.Boolean({
    description:
      'Where the prompts come from an exact world, also compute value, optimum and regret by listing.',
    default: true,
  }),
  shown: Type.Integer({
    description: 'Prompts whose responses are kept for the report.',
    default: 3,
    minimum: 0,
  }),
});
export type FrontWith = Static<typeof FrontWith>;

type Grid = FrontWith['grid'];

const alphasOf = ({ alpha }: Grid): readonly number[] => (alpha === 'trained' ? [] : [alpha].flat());
const pointsOf = ({ weights }: Grid): readonly (readonly number[])[] =>
  Array.isArray(weights) ? weights : [];
const alphaPath =
  ({ alpha }: Grid) =>
  (i: number): (string | number)[] => ['grid', 'alpha', ...(Array.isArray(alpha) ? [i] : [])];

const ownProblems = (grid: Grid): Problem[] => [
  ...alphasOf(grid).flatMap((alpha, i) => alphaProblems(alpha, alphaPath(grid)(i))),
  ...pointsOf(grid).flatMap((point, i) => simplexProblems(point, ['grid', 'weights', i])),
];

/** What the policy can't answer; asked only where the grid is right in itself. */
function policyProblems(grid: Grid, inputs: InputTraits): Problem[] {
  const { objectives, domain } = traitsOf(inputs, 'policy') ?? {};
  const lengths = pointsOf(grid).flatMap((point, i) => lengthProblems(point, objectives, i));
  if (lengths.length > 0 || ownProblems(grid).length > 0) return lengths;
  return [
    ...alphaDomainProblems(alphasOf(grid), domain, alphaPath(grid)),
    ...weightsDomainProblems(pointsOf(grid), domain),
  ];
}

/** A world that answers all rewards of the policy, as far as both are known; only its figures are exact. */
function listedWorld(inputs: InputTraits): string | undefined {
  const prompts = traitsOf(inputs, 'prompts');
  const asked = traitsOf(inputs, 'policy')?.objectives ?? [];
  return asked.every((name) => prompts?.rewards?.includes(name) ?? true) ? prompts?.world : undefined;
}

const check = rules<FrontWith>(
  ({ grid }) => ownProblems(grid),
  ({ grid }, inputs) => policyProblems(grid, inputs),
  ({ decoding, samples }) => decodingProblems(decoding, samples),
  ({ decoding, exact }, inputs) => (exact ? exactDecodingProblems(decoding, listedWorld(inputs)) : []),
  (_, inputs) => rewardProblems(traitsOf(inputs, 'policy')?.objectives ?? [], inputs, () => ['prompts']),
);

function lengthProblems(
  point: readonly number[],
  objectives: readonly string[] | undefined,
  i: number,
): Problem[] {
  if (!objectives || objectives.length === point.length) return [];
  return [
    {
      code: 'weights-length',
      path: ['grid', 'weights', i],
      message: `the policy has ${objectives.length} objectives (${objectives.join(', ')}), found ${point.length} weights`,
    },
  ];
}

/** The policy's objectives are not known before it exists: any reward may be asked for. */
const modules = [...new Set([...rewardModules(builtInRewards), ...worldModules])];

export default defineKind({
  name: 'front',
  version: 4,
  description:
    'Asks a policy for a grid of trade-offs on held-out prompts: mean rewards with standard errors, KL, entropy and ' +
    'length, samples of text, and in an exact world the value, the optimum and the regret of every point.',
  with: FrontWith,
  inputs: {
    policy: { type: 'policy', description: 'What is asked.' },
    prompts: { type: 'dataset', description: 'Held-out prompts.' },
  },
  outputs: (_values, inputs) => {
    const { objectives, reference } = traitsOf(inputs, 'policy') ?? {};
    const traits = { ...(objectives ? { objectives } : {}), ...(reference ? { reference } : {}) };
    return { front: { type: 'front', traits } };
  },
  modules: () => modules,
  check,
  pace: { timeless: ['sampling_seed', 'shown'] },
  randomness: 'evaluation',
  engine: true,
  run: async (job, emit, signal) => (await import('./front.run.js')).run(job, emit, signal),
});
