import { defineKind, rules, type InputTraits, type Problem, type Traits } from '../../runner/contract.js';
import { loraFields } from '../policy/options.js';
import { traitsOf } from '../rl/options.js';
import { Type, type Static } from '../../schemas/type.js';
import { extentModules, trainingExtent } from '../training-extent.js';

const ModelShape = Type.Object(
  {
    width: Type.Integer({ description: 'Channels (n_embd).', default: 64, minimum: 2 }),
    layers: Type.Integer({ description: 'Transformer blocks.', default: 2, minimum: 1 }),
    heads: Type.Integer({ description: 'Attention heads; must divide the width.', default: 4, minimum: 1 }),
    context: Type.Integer({
      description: 'Positions: prompt, separator, response and conditioning tokens together.',
      default: 128,
      minimum: 4,
    }),
    dropout: Type.Number({
      description: 'Share of activations dropped in this training (never afterwards).',
      default: 0,
      minimum: 0,
      exclusiveMaximum: 1,
    }),
  },
  {
    additionalProperties: false,
    description: 'Shape of the decoder (GPT-2 with these sizes).',
    default: { width: 64, layers: 2, heads: 4, context: 128, dropout: 0 },
  },
);

export const SftWith = Type.Object({
  model: ModelShape,
  steps: Type.Integer({ description: 'Updates of the parameters.', default: 600, minimum: 1 }),
  batch: Type.Integer({ description: 'Rows a step.', default: 16, minimum: 1 }),
  micro_batch: Type.Optional(
    Type.Integer({
      description:
        'Rows that run through the model at once, where a whole batch takes too much memory: the gradients of several ' +
        'add up to those of the batch (to rounding; under dropout other activations are dropped). Without it all do.',
      minimum: 1,
    }),
  ),
  learning_rate: Type.Number({ description: 'Peak rate of AdamW.', default: 0.003, exclusiveMinimum: 0 }),
  schedule: Type.Enum(['constant', 'linear', 'cosine'] as const, {
    description: 'Course of the learning rate after the warm-up; `linear` and `cosine` end at 0.',
    default: 'cosine',
  }),
  warmup: Type.Integer({ description: 'Steps in which the rate rises from 0.', default: 20, minimum: 0 }),
  weight_decay: Type.Number({ description: 'Decoupled weight decay.', default: 0.01, minimum: 0 }),
  max_grad_norm: Type.Number({
    description: 'Largest norm of the gradient.',
    default: 1,
    exclusiveMinimum: 0,
  }),
  vocabulary: Type.Integer({
    description: 'Most words in a tokenizer of words, the special ones included; the rarest are left out.',
    default: 4096,
    minimum: 16,
  }),
  tokenizer: Type.Union(
    [
      Type.Literal('words', { description: 'Lower-cased words and single marks.' }),
      Type.Object(
        {
          bpe: Type.Object(
            {
              vocabulary: Type.Integer({
                description:
                  'Most tokens, the special ones and the 256 bytes included; fewer where no pair of tokens is left that comes twice.',
                default: 512,
                minimum: 320,
              }),
            },
            { additionalProperties: false, description: 'Size of the vocabulary.' },
          ),
        },
        { additionalProperties: false },
      ),
    ],
    {
      description:
        'The tokenizer that is built from the data: of words, or of byte pairs, which leave no text unsaid.',
      default: 'words',
    },
  ),
  lora: Type.Optional(
    Type.Object(loraFields, {
      additionalProperties: false,
      description:
        'Trains low-rank adapters of the weights of `base` and leaves these as they are (Hu et al. 2022). The model is ' +
        'written with the adapters merged in, and beside it they alone as the output `adapter`, in files of PEFT.',
    }),
  ),
  loss_on: Type.Enum(['response', 'all'] as const, {
    description: 'Learn the response alone, or the prompt too.',
    default: 'response',
  }),
  conditioning_noise: Type.Number({
    description:
      'Share of rows that carry random conditioning tokens, so that the reference knows them and ignores them. ' +
      'Policies with the `prompt` and `soft-tokens` conditionings start from there.',
    default: 0,
    minimum: 0,
    maximum: 1,
  }),
  log_every: Type.Integer({
    description: 'Steps between logged figures, which are means over them.',
    default: 1,
    minimum: 1,
  }),
});
export type SftWith = Static<typeof SftWith>;

function headProblems({ width, heads }: SftWith['model']): Problem[] {
  if (width % heads === 0) return [];
  return [
    {
      code: 'model-heads',
      path: ['model', 'heads'],
      message: `the width ${width} can't be divided among ${heads} heads`,
      hint: `take ${listOfDivisors(width, heads)} heads, or a width that is a multiple of ${heads}`,
    },
  ];
}

/** The divisors of a width around a number of heads. */
function listOfDivisors(width: number, heads: number): string {
  const divides = (count: number): boolean => width % count === 0;
  const below = Array.from({ length: heads }, (_, i) => heads - i).find(divides) ?? 1;
  const above = Array.from({ length: width }, (_, i) => heads + i).find(divides) ?? width;
  return below === above ? String(below) : `${below} or ${Math.min(above, width)}`;
}

/** Settings of a model that is built from nothing. */
const ofNothing = ['model', 'vocabulary', 'tokenizer'] as const;

/** What is built from nothing and what a model brings with it don't go together. */
function baseProblems(values: SftWith, inputs: InputTraits): Problem[] {
  if (!('base' in inputs)) return [];
  const given = ofNothing.filter((name) => {
    const { default: otherwise } = SftWith.properties[name] as { readonly default?: unknown };
    return JSON.stringify(values[name]) !== JSON.stringify(otherwise);
  });
  return given.map((name) => ({
    code: 'sft-base',
    path: [name],
    message: `\`${name}\` says how a model is built from nothing, and \`base\` brings its own`,
    hint: `leave \`${name}\` or \`base\` away`,
  }));
}

/** Adapters adapt a model that is there, and have one shape. */
function adapterProblems({ lora }: SftWith, inputs: InputTraits): Problem[] {
  const given = [...(lora ? ['lora'] : []), ...('adapter' in inputs ? ['adapter'] : [])];
  if (!('base' in inputs))
    return given.map((name) => ({
      code: 'lora-base',
      path: [name],
      message: `\`${name}\` adapts a model that is there, and this one is built from nothing`,
      hint: 'give the model as `base`',
    }));
  if (given.length < 2) return [];
  return [
    {
      code: 'lora-adapter',
      path: ['lora'],
      message: '`adapter` brings its own rank, alpha and targets',
      hint: 'leave `lora` away: the adapter is trained further as it is',
    },
  ];
}

function columnProblems(name: string, inputs: InputTraits): Problem[] {
  const columns = traitsOf(inputs, name)?.columns;
  if (!columns || columns.includes('response')) return [];
  return [
    {
      code: 'missing-column',
      path: [name],
      message: `supervised finetuning needs a column "response"; the rows have ${columns.join(', ')}`,
    },
  ];
}

/** Whether the model has seen conditioning tokens; what a `base` from elsewhere has seen is unknown. */
function noiseOf(
  { conditioning_noise: own }: SftWith,
  inputs: InputTraits,
): Pick<Traits, 'conditioningNoise'> {
  const before = 'base' in inputs ? traitsOf(inputs, 'base')?.conditioningNoise : 0;
  return own > 0 || before !== undefined ? { conditioningNoise: Math.max(own, before ?? 0) } : {};
}

const check = rules<SftWith>(
  ({ model }) => headProblems(model),
  baseProblems,
  adapterProblems,
  (_, inputs) => columnProblems('data', inputs),
  (_, inputs) => columnProblems('validation', inputs),
);

export default defineKind({
  name: 'sft',
  version: 2,
  description:
    'Supervised finetuning: learns each response after its prompt, in a small decoder from nothing with a tokenizer ' +
    'built from the data, or in a model of Hugging Face files (`base`). The result is the reference policy of every later stage. With a validation ' +
    'set it logs the held-out loss beside the loss of a bigram model.',
  with: SftWith,
  inert: ['log_every'],
  idle: (inputs) => (inputs.has('base') ? ofNothing : []),
  inputs: {
    data: { type: 'dataset', description: 'Rows with a prompt and a response.' },
    base: {
      type: 'model',
      optional: true,
      path: true,
      description:
        'A model to start from, such as a folder of Hugging Face files: its weights and tokenizer are taken.',
    },
    adapter: {
      type: 'directory',
      optional: true,
      path: true,
      description:
        'An adapter of `base` to train further: a folder with adapter_config.json and adapter_model.safetensors, as ' +
        'PEFT or another `sft` wrote it.',
    },
    validation: {
      type: 'dataset',
      optional: true,
      description: 'Held-out rows: only measured, never learnt.',
    },
  },
  outputs: (values, inputs) => {
    const { lora } = values;
    const world = traitsOf(inputs, 'data')?.world;
    const traits = { ...(world === undefined ? {} : { world }), ...noiseOf(values, inputs) };
    return {
      model: { type: 'model', distinct: true, traits },
      ...(lora || 'adapter' in inputs ? { adapter: { type: 'directory', distinct: true } as const } : {}),
    };
  },
  modules: extentModules,
  check,
  randomness: 'training',
  engine: true,
  checkpoints: true,
  pace: {
    proportional: ['steps', 'batch'],
    timeless: ['learning_rate', 'schedule', 'warmup', 'weight_decay', 'max_grad_norm', 'conditioning_noise'],
  },
  extent: trainingExtent,
  run: async (job, emit, signal, { checkpoints }) =>
    (await import('./sft.run.js')).run(job, { emit, signal, checkpoints }),
});
