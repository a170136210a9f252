/** How a trade-off enters the parameters, and which trade-offs are drawn in training: schemas without machinery. */
import { conditioningNames } from '../../schemas/conditionings.js';
import { Type, type Static } from '../../schemas/type.js';
import { defaultSoftTokens, loraDefaults, spellings, svdDefaults } from './settings.js';

const closed = { additionalProperties: false } as const;

const PromptOptions = Type.Object(
  {
    spelling: Type.Enum(spellings, {
      description:
        'How a weight is written: `buckets` (one of eleven tokens an objective), `decimals` (0.25), `percent` (25%).',
      default: 'buckets',
    }),
  },
  closed,
);

/** Settings of low-rank adapters. */
export const loraFields = {
  rank: Type.Integer({
    description: 'Rank of what is added to a weight: the width of its two factors.',
    default: loraDefaults.rank,
    minimum: 1,
  }),
  alpha: Type.Number({
    description: 'What is added is multiplied by alpha / rank.',
    default: loraDefaults.alpha,
    exclusiveMinimum: 0,
  }),
  targets: Type.Enum(['attention', 'all'] as const, {
    description:
      'Which weights: `attention` (query, key, value and output projections) or `all` (the feed-forward layers too).',
    default: loraDefaults.targets,
  }),
} as const;

const SvdOptions = Type.Object(
  {
    rank: Type.Integer({
      description: 'Singular values that are learnt; as many as there are objectives stand beside them.',
      default: svdDefaults.rank,
      minimum: 1,
    }),
    targets: loraFields.targets,
  },
  closed,
);

const SoftOptions = Type.Object(
  {
    count: Type.Integer({
      description: "Embeddings before the prompt, which take as many of the model's positions.",
      default: defaultSoftTokens,
      minimum: 1,
    }),
  },
  closed,
);

/** A name, or a map with one name and its options. */
export const Conditioning = Type.Union(
  [
    Type.Enum(conditioningNames),
    Type.Object({ prompt: PromptOptions }, closed),
    Type.Object({ lora: Type.Object(loraFields, closed) }, closed),
    Type.Object({ 'svd-lora': SvdOptions }, closed),
    Type.Object({ 'soft-tokens': SoftOptions }, closed),
    ...(['full', 'attention', 'logits'] as const).map((name) =>
      Type.Object({ [name]: Type.Object({}, closed) }, closed),
    ),
  ],
  {
    description:
      'How a trade-off enters the policy. `full`: every parameter is kept once an objective; `attention`: the ' +
      'query, key, value and output projections; `logits`: the last linear layer; `lora`: low-rank adapters of some ' +
      'weights, all else frozen at the reference; `svd-lora`: one low-rank adapter, whose last singular values are the ' +
      'weights (Panacea); `prompt`: written in the prompt; `soft-tokens`: embeddings before the prompt, kept once an objective.',
    default: 'full',
  },
);
export const WeightSampling = Type.Union(
  [
    Type.Object(
      {
        dirichlet: Type.Number({
          exclusiveMinimum: 0,
          description: 'Concentration; 1 is uniform on the simplex.',
        }),
      },
      closed,
    ),
    Type.Object(
      {
        simplex: Type.Integer({
          minimum: 2,
          description: 'A uniform draw from a grid with this many points an edge.',
        }),
      },
      closed,
    ),
    Type.Literal('corners', { description: 'One objective at a time.' }),
  ],
  { description: 'Distribution of the weights.', default: { dirichlet: 1 } },
);
export type WeightSampling = Static<typeof WeightSampling>;

export const AlphaSampling = Type.Union(
  [
    Type.Number({ description: 'One KL weight, in (0,1).' }),
    Type.Object(
      {
        range: Type.Tuple([Type.Number(), Type.Number()], {
          description: 'Least and greatest KL weight, in (0,1).',
        }),
        scale: Type.Enum(['log', 'uniform'] as const, {
          description: 'Draw log alpha uniformly, or alpha.',
          default: 'log',
        }),
      },
      closed,
    ),
  ],
  { description: 'KL weight: fixed, or a range that the policy is conditioned on.', default: 0.05 },
);
export type AlphaSampling =
  number | { readonly range: readonly [number, number]; readonly scale: 'log' | 'uniform' };

export const Sampling = Type.Object(
  {
    weights: WeightSampling,
    corners: Type.Number({
      description:
        'Share of draws that go to a corner (one objective alone) whatever `weights` says. About 0.3 helps against ' +
        'lock-in; from 0.5 on the middle may never be found.',
      default: 0,
      minimum: 0,
      maximum: 1,
    }),
    alpha: AlphaSampling,
  },
  {
    ...closed,
    description: 'Distribution Q of the trade-offs that are trained on.',
    default: { weights: { dirichlet: 1 }, corners: 0, alpha: 0.05 },
  },
);
export interface Sampling {
  readonly weights: WeightSampling;
  readonly corners: number;
  readonly alpha: AlphaSampling;
}

export const ReferenceShare = Type.Enum(['literal', 'log', 'beta'] as const, {
  description:
    "The reference's share s in the merged parameters, where alpha is a range: `literal` s = alpha; `log` log-linear " +
    'in alpha, capped below 1; `beta` 1 - s = beta_min / beta. With one fixed alpha the reference term is dropped.',
  default: 'log',
});
