import type { TUnsafe } from 'typebox';
import type { ConditioningName } from './conditionings.js';
import { Type, type Static } from './type.js';

/** The typed outputs a cell may have. `file` is a file, every other type is a directory. */
export const artifactTypes = [
  'dataset',
  'tokenizer',
  'model',
  'policy',
  'reward',
  'front',
  'judgments',
  'report',
  'file',
  'directory',
] as const;
export type ArtifactType = (typeof artifactTypes)[number];

/** dataset/manifest.json; the rows stand beside it in rows.jsonl, one JSON object a line. */
export const DatasetManifest = Type.Object({
  v: Type.Literal(1),
  /** Names of the fields of every row: `prompt` and `response` are text; `references` a list of texts. */
  columns: Type.Array(Type.String()),
  /** Names of the rewards that the rows themselves can answer (the news world answers from its facts). */
  rewards: Type.Array(Type.String()),
  rows: Type.Integer({ minimum: 0 }),
  /** SHA-256 of rows.jsonl. */
  digest: Type.String(),
  /** The exact world the rows come from, with its parameters: what V* and the rewards are computed with. */
  world: Type.Optional(
    Type.Object({ name: Type.String(), parameters: Type.Record(Type.String(), Type.Any()) }),
  ),
});
export type DatasetManifest = Static<typeof DatasetManifest>;

/** How the gradients of a training were taken: settings that a claim states beside its budget. */
export const TrainedBy = Type.Object({
  /** The estimator of the KL. */
  kl: Type.String(),
  /** Its gradient is another than that of V: what it trained backs no claim. */
  biased: Type.Boolean(),
  alphaSchedule: Type.Union([
    Type.Literal('constant'),
    Type.Object({ from: Type.Number(), share: Type.Number() }),
  ]),
  /** Responses a group. */
  samples: Type.Integer(),
});
export type TrainedBy = Static<typeof TrainedBy>;

/** What a policy was trained on, all that it was made from taken together; its reference's own training aside. */
export const Trained = Type.Object({
  /** Updates of the parameters. */
  steps: Type.Integer(),
  /** Prompts answered at a trade-off, each by `samples` responses. */
  groups: Type.Integer(),
  responses: Type.Integer(),
  /** Tokens that ran through the policy in the gradients. */
  tokens: Type.Integer(),
  /** Each way once that is known. */
  by: Type.Optional(Type.Array(TrainedBy)),
});
export type Trained = Static<typeof Trained>;

/**
 * policy/policy.json. Weights: `shared.safetensors` (trained parameters that do not depend on the trade-off),
 * `copy.<objective>.safetensors` (one copy of the conditioned set S an objective), `reference.safetensors` (pi_ref
 * whole: what the KL is measured against and, where alpha is conditioned, merged with). `config.json` and
 * `tokenizer.json` stand beside them: nothing points outside.
 */
export const PolicyManifest = Type.Object({
  v: Type.Literal(1),
  method: Type.String(),
  objectives: Type.Array(Type.String(), { minItems: 1 }),
  /** Content digest of the reference model (pi_ref) that the KL is measured against. */
  reference: Type.String(),
  /** Checked where it is asked for, by what knows the names. */
  conditioning: Type.String() as unknown as TUnsafe<ConditioningName | 'none'>,
  alpha: Type.Union([
    Type.Object({ fixed: Type.Number() }),
    Type.Object({ range: Type.Tuple([Type.Number(), Type.Number()]) }),
  ]),
  referenceShare: Type.Enum(['none', 'literal', 'log', 'beta']),
  /**
   * Factors of adapters are what is trained, and all else is the reference's: one adapter of an expert and once an
   * objective of a soup (which averages them factor by factor) and of the lora conditioning (which adds their products).
   */
  lora: Type.Optional(
    Type.Object({
      rank: Type.Integer({ minimum: 1 }),
      alpha: Type.Number(),
      targets: Type.Enum(['attention', 'all']),
    }),
  ),
  /** Of the svd-lora conditioning: one adapter for all objectives, and all else is the reference's. */
  svd: Type.Optional(
    Type.Object({ rank: Type.Integer({ minimum: 1 }), targets: Type.Enum(['attention', 'all']) }),
  ),
  /** Of the soft-tokens conditioning: embeddings before the prompt. */
  softTokens: Type.Optional(Type.Integer({ minimum: 1 })),
  /** How the prompt conditioning writes weights down. */
  spelling: Type.Optional(Type.String()),
  /** The only weights the policy answers, where it was trained on one point of the simplex. */
  weights: Type.Optional(Type.Array(Type.Number())),
  /** Says nothing about how the policy behaves: for reports, which compare budgets. */
  trained: Type.Optional(Trained),
});
export type PolicyManifest = Static<typeof PolicyManifest>;

/** What an exact world adds to a point of a front; all values are means over the prompts, in units of V. */
export const ExactPoint = Type.Object({
  /** V of the policy, of the optimum and of the reference. */
  value: Type.Number(),
  optimum: Type.Number(),
  reference: Type.Number(),
  /** optimum - value. */
  regret: Type.Number(),
  /** Exact expected reward an objective, of the policy and of the optimum. */
  rewards: Type.Array(Type.Number()),
  optimumRewards: Type.Array(Type.Number()),
  /** The same of the optimum among the responses that the reference gives a probability of .001 or more. */
  rewardsInReach: Type.Optional(Type.Array(Type.Number())),
  kl: Type.Number(),
  /** Probability that the policy leaves the world's valid responses: its KL is bounded, not computed. */
  invalidMass: Type.Number(),
});
export type ExactPoint = Static<typeof ExactPoint>;

export const FrontPoint = Type.Object({
  alpha: Type.Number(),
  /** One weight an objective, in the front's order; sums to 1. */
  weights: Type.Array(Type.Number()),
  /** Mean sampled reward an objective, and its standard error (clustered by prompt; null with fewer than two). */
  rewards: Type.Array(Type.Number()),
  stderr: Type.Union([Type.Array(Type.Number()), Type.Null()]),
  /** Mean sampled KL to the reference over whole responses, in nats; as all means, of those that have rewards. */
  kl: Type.Number(),
  /** Standard errors over prompts of that KL and of V = (1 - alpha) w.r - alpha KL; null with fewer than two. */
  klStderr: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
  valueStderr: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
  /** Number of responses, and of the prompts that they answer: those that have rewards. */
  n: Type.Integer(),
  prompts: Type.Optional(Type.Integer()),
  /** Mean response length in tokens. */
  length: Type.Number(),
  /** Mean entropy of the policy over response tokens, in nats. */
  entropy: Type.Number(),
  /** Share of the responses that were cut before they ended: their KL is that of what was said. */
  clipped: Type.Optional(Type.Number()),
  exact: Type.Optional(ExactPoint),
});
export type FrontPoint = Static<typeof FrontPoint>;

export const FrontSample = Type.Object({
  prompt: Type.String(),
  alpha: Type.Number(),
  weights: Type.Array(Type.Number()),
  response: Type.String(),
  rewards: Type.Array(Type.Number()),
});
export type FrontSample = Static<typeof FrontSample>;

/** What it takes to answer. */
export const Cost = Type.Object({
  /** Passes of a model a token. */
  passesPerToken: Type.Number(),
  /** Floating-point operations that make the model of one trade-off. */
  mergeFlops: Type.Number(),
  /** Parameters that have to be in memory to answer any trade-off. */
  residentParameters: Type.Number(),
  trainedParameters: Type.Number(),
});
export type Cost = Static<typeof Cost>;

/** front/front.json: what a policy reaches over a grid of trade-offs, on held-out prompts. */
export const Front = Type.Object({
  v: Type.Literal(1),
  method: Type.String(),
  objectives: Type.Array(Type.String(), { minItems: 1 }),
  points: Type.Array(FrontPoint),
  /** The reference model itself on the same prompts, asked in the same way. */
  reference: Type.Object({
    rewards: Type.Array(Type.Number()),
    stderr: Type.Union([Type.Array(Type.Number()), Type.Null()]),
    n: Type.Integer(),
    /** How many prompts have rewards. */
    prompts: Type.Optional(Type.Integer()),
    /** KL of what was drawn from to pi_ref, where `decoding` filters; else it is 0. */
    kl: Type.Optional(Type.Number()),
    /** Content digest of the reference model. */
    digest: Type.Optional(Type.String()),
  }),
  /** Content digest of the prompts, and how many of them were asked, from the first on. */
  prompts: Type.Optional(Type.Object({ digest: Type.String(), n: Type.Integer() })),
  /** How responses were drawn, where not from the policy itself to the end of the text. */
  decoding: Type.Optional(
    Type.Object({
      temperature: Type.Number(),
      top_k: Type.Integer(),
      top_p: Type.Number(),
      min_p: Type.Number(),
      stop: Type.Array(Type.String()),
    }),
  ),
  /** Why the figures are sampled, where the prompts come from an exact world. */
  unlisted: Type.Optional(Type.String()),
  /** Of the policy. */
  trained: Type.Optional(Trained),
  /** At the trade-off of the grid that takes most. */
  cost: Type.Optional(Cost),
  samples: Type.Array(FrontSample),
});
export type Front = Static<typeof Front>;
