/** Settings that every training by policy gradient shares, and the checks on them. */
import type { InputTraits, Problem, Traits } from '../../runner/contract.js';
import { builtInRewards, rewardColumns } from '../rewards/names.js';
import type { Json } from '../../schemas/json.js';
import { decodingField } from './decoding.js';
import { klEstimators } from './estimators.js';
import { Type, type Static } from '../../schemas/type.js';

const closed = { additionalProperties: false } as const;

export const AlphaSchedule = Type.Union(
  [
    Type.Literal('constant'),
    Type.Object(
      {
        from: Type.Number({ description: 'KL weight at the first step, in (0,1).' }),
        share: Type.Number({
          description:
            'Share of the steps after which the KL weight has come down (geometrically) to its own value.',
          default: 0.33,
          exclusiveMinimum: 0,
          maximum: 1,
        }),
      },
      closed,
    ),
  ],
  {
    description:
      '`constant`, or annealing: `{from: 0.2, share: 0.33}` trains the first third at a higher KL weight. Use it where ' +
      'training locks in (a span under 0.75): prompts, three rewards, small alpha. A claim should say which was used.',
    default: 'constant',
  },
);
export type AlphaSchedule = 'constant' | { readonly from: number; readonly share: number };

/** Fields of `with` that soft and clp share. */
export const trainingFields = {
  steps: Type.Integer({ description: 'Updates of the parameters.', default: 300, minimum: 1 }),
  batch: Type.Integer({ description: 'Prompts a trade-off and step.', default: 8, minimum: 1 }),
  micro_batch: Type.Optional(
    Type.Integer({
      description:
        'Prompts, with all their responses, that run through the model at once in the gradient, where those of a whole ' +
        'trade-off take too much memory: the gradients of several add up to those of all (to rounding). Without it all do.',
      minimum: 1,
    }),
  ),
  samples: Type.Integer({
    description:
      'Responses a prompt; the baseline of each is the mean of the others. Few (4) make lock-in likely.',
    default: 16,
    minimum: 2,
  }),
  max_tokens: Type.Integer({
    description: 'Longest response in tokens, the end-of-text token included.',
    default: 32,
    minimum: 1,
  }),
  decoding: decodingField(
    'How responses are drawn. A policy learns from its own distribution alone: only `stop` may be set, the rest is for ' +
      'the kinds that evaluate.',
  ),
  learning_rate: Type.Number({ description: 'Peak rate of AdamW.', default: 0.003, exclusiveMinimum: 0 }),
  schedule: Type.Enum(['constant', 'linear', 'cosine'] as const, {
    description: 'Course of the learning rate after the warm-up; `linear` and `cosine` end at 0.',
    default: 'linear',
  }),
  warmup: Type.Integer({ description: 'Steps in which the rate rises from 0.', default: 10, minimum: 0 }),
  max_grad_norm: Type.Number({
    description: 'Largest norm of the gradient of the merged parameters, for each trade-off of a step.',
    default: 1,
    exclusiveMinimum: 0,
  }),
  kl: Type.Enum(klEstimators, {
    description:
      'How the KL to the reference is estimated. `k1-in-reward` subtracts log-ratios from the reward; with ' +
      '`k2-of-sequence-in-loss` and `exact-per-token-with-return` its gradient is right too; those named `biased-` ' +
      'are offered for comparison: they do not give the gradient of the objective, and back no claim.',
    default: 'k1-in-reward',
  }),
  alpha_schedule: AlphaSchedule,
  log_every: Type.Integer({
    description: 'Steps between logged figures, which are means over them.',
    default: 1,
    minimum: 1,
  }),
} as const;

type Required = Exclude<keyof typeof trainingFields, 'micro_batch'>;
export type TrainingOptions = {
  readonly [Name in Required]: Static<(typeof trainingFields)[Name]>;
} & { readonly micro_batch?: number };

/** Values that only say what is logged. */
export const inertFields = ['log_every'] as const;

/** What makes a training longer, and what doesn't: of both kinds. */
export const trainingPace = {
  proportional: ['steps', 'batch', 'samples'],
  timeless: ['learning_rate', 'schedule', 'warmup', 'max_grad_norm', 'alpha_schedule'],
} as const;

/** Traits of a single-artifact input; undefined where unbound or unknown. */
export function traitsOf(inputs: InputTraits, name: string): Traits | undefined {
  const traits = inputs[name];
  return traits === undefined || Array.isArray(traits) ? undefined : (traits as Traits);
}

/**
 * Rewards that neither the prompts' own facts nor stages/rewards answer, or that need a column which the prompts lack.
 * Unknown traits are no error.
 */
export function rewardProblems(names: readonly string[], inputs: InputTraits, path: Place): Problem[] {
  const { rewards: own, columns } = traitsOf(inputs, 'prompts') ?? {};
  return [
    ...(own ? unknownRewards(names, own, path) : []),
    ...(columns ? rewardsWithoutColumn(names, columns, path) : []),
  ];
}

type Place = (i: number) => readonly (string | number)[];

function rewardsWithoutColumn(names: readonly string[], columns: readonly string[], path: Place): Problem[] {
  return names.flatMap((name, i) => {
    const needed = rewardColumns[name] ?? [];
    if (needed.length === 0 || needed.some((column) => columns.includes(column))) return [];
    return [
      {
        code: 'missing-column',
        path: path(i),
        message: `the reward ${JSON.stringify(name)} needs a column "${needed[0] ?? ''}"; the prompts have ${columns.join(', ')}`,
        hint: 'name that column under `columns` of the data, or leave the reward out',
      },
    ];
  });
}

function unknownRewards(names: readonly string[], own: readonly string[], path: Place): Problem[] {
  const known = [...new Set([...own, ...builtInRewards])];
  return names.flatMap((name, i) =>
    known.includes(name)
      ? []
      : [
          {
            code: 'unknown-reward',
            path: path(i),
            message: `the prompts can't answer the reward ${JSON.stringify(name)}`,
            hint: `they answer ${known.join(', ')}`,
            known,
          },
        ],
  );
}

/** alpha of 0 or 1 (or beyond) has no optimum: 0 forgets the reference, 1 the rewards. */
export function alphaProblems(alpha: number, path: readonly (string | number)[]): Problem[] {
  if (alpha > 0 && alpha < 1) return [];
  return [
    {
      code: 'alpha-range',
      path,
      message: `the KL weight alpha must lie strictly between 0 and 1, found ${alpha}`,
      hint: 'alpha 0 would forget the reference and alpha 1 the rewards; 0.05 is a usual value',
    },
  ];
}

/** Annealing that begins where it ends, or below, does nothing: of a range of alpha, at the alphas from there on. */
export function scheduleProblems(
  schedule: AlphaSchedule,
  alpha: number | readonly [number, number],
): Problem[] {
  if (schedule === 'constant') return [];
  const { from } = schedule;
  const path = ['alpha_schedule', 'from'];
  const [least, greatest] = typeof alpha === 'number' ? [alpha, alpha] : alpha;
  const wrong = alphaProblems(from, path);
  if (wrong.length > 0 || from > greatest) return wrong;
  const idle = { code: 'alpha-schedule-idle', path };
  const hint = `write a \`from\` above ${greatest}, or leave \`alpha_schedule\` away`;
  if (from <= least)
    return [{ ...idle, message: `annealing comes down to alpha ${least}, and begins at ${from}`, hint }];
  const message = `alphas from ${from} to ${greatest} are not annealed: it begins at ${from}, and never goes below what is asked for`;
  return [{ ...idle, message, hint, mayBeMeant: true }];
}

/** Weights off the simplex; `path` leads to the map or list, which `written` makes of weights. */
export function simplexProblems(
  weights: readonly number[],
  path: readonly (string | number)[],
  written: (weights: readonly number[]) => Json = (list) => list,
): Problem[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const positive = weights.every((w) => w >= 0);
  if (positive && Math.abs(sum - 1) < 1e-9) return [];
  const scaled = weights.map((w) => Number((w / sum).toPrecision(12)));
  return [
    {
      code: 'weights-simplex',
      path,
      message: `weights must be at least 0 and sum to 1, found [${weights.join(', ')}] with the sum ${Number(sum.toPrecision(6))}`,
      ...(positive && sum > 0 ? { instead: written(scaled) } : {}),
    },
  ];
}
