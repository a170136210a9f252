/** T5 (Raffel et al. 2020) and v1.1: encoder and decoder, relative positions, RMS norms, scores that are not scaled. */
import type { Activation } from '../../backend/ops/activation.js';
import type { Attention, Block, FeedForward, Linear, Norm, Stack } from '../architecture.js';
import { invalid, oneOf, positiveIntegers, type Family } from './family.js';

/** config.json, the fields that matter; others are kept when it is written back. */
export interface T5Config {
  readonly model_type: 't5';
  readonly vocab_size: number;
  readonly d_model: number;
  readonly d_kv: number;
  readonly d_ff: number;
  readonly num_layers: number;
  readonly num_decoder_layers: number;
  readonly num_heads: number;
  readonly relative_attention_num_buckets: number;
  readonly relative_attention_max_distance: number;
  readonly layer_norm_epsilon: number;
  readonly feed_forward_proj: string;
  readonly dropout_rate: number;
  readonly initializer_factor: number;
  readonly decoder_start_token_id: number;
  readonly tie_word_embeddings: boolean;
  /** T5 scales the decoder's outputs, v1.1 does not. */
  readonly scale_decoder_outputs: boolean;
}

const defaults = {
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  layer_norm_epsilon: 1e-6,
  feed_forward_proj: 'relu',
  dropout_rate: 0.1,
  initializer_factor: 1,
  tie_word_embeddings: true,
} as const;

interface Inner {
  readonly activation: Activation;
  readonly gated: boolean;
}

const inners = new Map<string, Inner>([
  ['relu', { activation: 'relu', gated: false }],
  ['gated-gelu', { activation: 'gelu_new', gated: true }],
  ['gated-silu', { activation: 'silu', gated: true }],
  ['gated-relu', { activation: 'relu', gated: true }],
  ['gelu', { activation: 'gelu', gated: false }],
  ['gelu_new', { activation: 'gelu_new', gated: false }],
]);

export const t5: Family<T5Config> = {
  model: 'T5ForConditionalGeneration',
  base: 'T5Model',
  prefix: '',
  parse(json, path) {
    const given = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
    const all = { num_decoder_layers: json['num_layers'] ?? null, ...defaults, ...given };
    const sizes = positiveIntegers(all, path, [
      'vocab_size',
      'd_model',
      'd_kv',
      'd_ff',
      'num_layers',
      'num_decoder_layers',
      'num_heads',
      'relative_attention_num_buckets',
      'relative_attention_max_distance',
    ]);
    oneOf(inners, 'feed_forward_proj', all.feed_forward_proj, path);
    const start = json['decoder_start_token_id'] ?? json['pad_token_id'] ?? 0;
    if (!Number.isInteger(start))
      throw invalid(path, `decoder_start_token_id must be an integer, found ${JSON.stringify(start)}`);
    return {
      ...all,
      ...sizes,
      model_type: 't5',
      decoder_start_token_id: start,
      // Transformers 4 has no word for it: there, a model that is not tied is not scaled.
      scale_decoder_outputs: json['scale_decoder_outputs'] ?? json['tie_word_embeddings'] !== false,
    } as unknown as T5Config;
  },
  architecture(config) {
    const {
      vocab_size: rows,
      d_model: width,
      initializer_factor: factor,
      tie_word_embeddings: tied,
    } = config;
    const { dropout_rate: rate } = config;
    return {
      width,
      context: Infinity,
      embedding: { name: 'shared.weight', rows, deviation: factor },
      encoder: stack(config, 'encoder', config.num_layers),
      decoder: stack(config, 'decoder', config.num_decoder_layers),
      head: {
        name: tied ? 'shared.weight' : 'lm_head.weight',
        tied,
        scale: config.scale_decoder_outputs ? width ** -0.5 : 1,
      },
      dropout: { embedding: rate, attention: rate, residual: rate, inner: rate, last: rate },
      start: config.decoder_start_token_id,
    };
  },
  untied: (config) => ({ ...config, tie_word_embeddings: false, scale_decoder_outputs: false }),
  written: (config) => ({ ...config }),
};

function stack(config: T5Config, side: 'encoder' | 'decoder', layers: number): Stack {
  const { num_heads: heads, d_model, initializer_factor: factor } = config;
  return {
    blocks: Array.from({ length: layers }, (_, layer) => block(config, side, `${side}.block.${layer}`)),
    norm: norm(config, `${side}.final_layer_norm`),
    relative: {
      name: `${side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`,
      buckets: config.relative_attention_num_buckets,
      furthest: config.relative_attention_max_distance,
      heads,
      twoSided: side === 'encoder',
      deviation: factor * d_model ** -0.5,
    },
  };
}

function block(config: T5Config, side: 'encoder' | 'decoder', name: string): Block {
  const last = side === 'encoder' ? 1 : 2;
  return {
    attention: attention(config, `${name}.layer.0`, 'SelfAttention'),
    ...(side === 'decoder' ? { cross: attention(config, `${name}.layer.1`, 'EncDecAttention') } : {}),
    feedForward: feedForward(config, `${name}.layer.${last}`),
  };
}

function attention(config: T5Config, name: string, part: string): Attention {
  const { d_model: width, d_kv: headWidth, num_heads: heads, initializer_factor: factor } = config;
  const inner = heads * headWidth;
  const project = (letter: string, deviation: number): Linear =>
    linear(`${name}.${part}.${letter}`, [width, inner], factor * deviation);
  return {
    norm: norm(config, `${name}.layer_norm`),
    project: [
      project('q', (width * headWidth) ** -0.5),
      project('k', width ** -0.5),
      project('v', width ** -0.5),
    ],
    out: linear(`${name}.${part}.o`, [inner, width], factor * inner ** -0.5),
    heads,
    keyHeads: heads,
    headWidth,
    scale: 1,
  };
}

function feedForward(config: T5Config, name: string): FeedForward {
  const { d_model: width, d_ff: inner, initializer_factor: factor } = config;
  const { activation, gated } = inners.get(config.feed_forward_proj) ?? { activation: 'relu', gated: false };
  const part = `${name}.DenseReluDense`;
  const up = (letters: string): Linear =>
    linear(`${part}.${letters}`, [width, inner], factor * width ** -0.5);
  return {
    norm: norm(config, `${name}.layer_norm`),
    ...(gated ? { gate: up('wi_0'), up: up('wi_1') } : { up: up('wi') }),
    down: linear(`${part}.wo`, [inner, width], factor * inner ** -0.5),
    activation,
  };
}

function linear(name: string, [inputs, outputs]: readonly [number, number], deviation: number): Linear {
  return { name, inputs, outputs, bias: false, turned: true, deviation };
}

function norm({ layer_norm_epsilon: epsilon, d_model: width }: T5Config, name: string): Norm {
  return { kind: 'rms', name, epsilon, width };
}
