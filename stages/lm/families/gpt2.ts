/** GPT-2 (Radford et al. 2019): learnt positions, layer norms, one product for queries, keys and values. */
import type { Architecture, Block, Linear, Norm } from '../architecture.js';
import { invalid, oneOf, positiveIntegers, refuseOther, type Family } from './family.js';
import type { Activation } from '../../backend/ops/activation.js';

/** config.json, the fields that matter; others are kept when it is written back. */
export interface Gpt2Config {
  readonly model_type: 'gpt2';
  readonly vocab_size: number;
  readonly n_positions: number;
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_head: number;
  readonly n_inner: number | null;
  readonly activation_function: string;
  readonly layer_norm_epsilon: number;
  readonly embd_pdrop: number;
  readonly attn_pdrop: number;
  readonly resid_pdrop: number;
  readonly bos_token_id: number;
  readonly eos_token_id: number;
  readonly tie_word_embeddings: boolean;
  readonly initializer_range: number;
}

const defaults = {
  n_inner: null,
  activation_function: 'gelu_new',
  layer_norm_epsilon: 1e-5,
  embd_pdrop: 0.1,
  attn_pdrop: 0.1,
  resid_pdrop: 0.1,
  bos_token_id: 50256,
  eos_token_id: 50256,
  tie_word_embeddings: true,
  initializer_range: 0.02,
} as const;

const activations = new Map<string, Activation>([
  ['gelu_new', 'gelu_new'],
  ['gelu_pytorch_tanh', 'gelu_new'],
  ['gelu', 'gelu'],
  ['relu', 'relu'],
  ['silu', 'silu'],
  ['swish', 'silu'],
]);

export const gpt2: Family<Gpt2Config> = {
  model: 'GPT2LMHeadModel',
  base: 'GPT2Model',
  prefix: 'transformer.',
  parse(json, path) {
    refuseOther(json, path, {
      add_cross_attention: false,
      scale_attn_by_inverse_layer_idx: false,
      scale_attn_weights: true,
    });
    const sizes = positiveIntegers(json, path, ['vocab_size', 'n_positions', 'n_embd', 'n_layer', 'n_head']);
    if (sizes.n_embd % sizes.n_head !== 0)
      throw invalid(path, `n_embd ${sizes.n_embd} is no multiple of n_head ${sizes.n_head}`);
    const config = { ...defaults, ...json, ...sizes, model_type: 'gpt2' as const } as Gpt2Config;
    oneOf(activations, 'activation_function', config.activation_function, path);
    return config;
  },
  architecture(config) {
    const { vocab_size, n_embd: width, n_positions, n_layer, initializer_range: deviation } = config;
    const embedding = { name: 'transformer.wte.weight', rows: vocab_size, deviation };
    const tied = config.tie_word_embeddings;
    return {
      width,
      context: n_positions,
      embedding,
      positions: { name: 'transformer.wpe.weight', rows: n_positions, deviation },
      decoder: {
        blocks: Array.from({ length: n_layer }, (_, layer) => block(config, `transformer.h.${layer}`)),
        norm: norm(config, 'transformer.ln_f'),
      },
      head: { name: tied ? embedding.name : 'lm_head.weight', tied, scale: 1 },
      dropout: {
        embedding: config.embd_pdrop,
        attention: config.attn_pdrop,
        residual: config.resid_pdrop,
        inner: 0,
        last: 0,
      },
    } satisfies Architecture;
  },
  untied: (config) => ({ ...config, tie_word_embeddings: false }),
  written: (config) => ({ ...config }),
};

function block(config: Gpt2Config, name: string): Block {
  const { n_embd: width, n_head: heads } = config;
  const inner = config.n_inner ?? 4 * width;
  const { initializer_range: deviation } = config;
  // The two projections into the residual stream start smaller.
  const small = deviation * (1 / Math.sqrt(2 * config.n_layer));
  return {
    attention: {
      norm: norm(config, `${name}.ln_1`),
      project: [linear(`${name}.attn.c_attn`, width, 3 * width, deviation)],
      out: linear(`${name}.attn.c_proj`, width, width, small),
      heads,
      keyHeads: heads,
      headWidth: width / heads,
      scale: 1 / Math.sqrt(width / heads),
    },
    feedForward: {
      norm: norm(config, `${name}.ln_2`),
      up: linear(`${name}.mlp.c_fc`, width, inner, deviation),
      down: linear(`${name}.mlp.c_proj`, inner, width, small),
      activation: activations.get(config.activation_function) ?? 'gelu_new',
    },
  };
}

function linear(name: string, inputs: number, outputs: number, deviation: number): Linear {
  return { name, inputs, outputs, bias: true, turned: false, deviation };
}

function norm({ layer_norm_epsilon: epsilon, n_embd: width }: Gpt2Config, name: string): Norm {
  return { kind: 'layer', name, epsilon, width };
}
