/**
 * Llama (Touvron et al. 2023) and those that are built like it: rotary positions, RMS norms, gated feed-forward layers,
 * shared keys and values. Qwen2 has biases on queries, keys and values; Mistral is taken without its sliding window.
 */
import type { Activation } from '../../backend/ops/activation.js';
import type { Json, JsonObject } from '../../../schemas/json.js';
import type { Block, Linear, Norm, Rope } from '../architecture.js';
import { invalid, oneOf, positiveIntegers, refuseOther, unsupported, type Family } from './family.js';
import { readRope, ropeFrequencies, writtenRope, type RopeParameters } from './rope.js';

/** config.json in the spelling of Transformers 5, the fields that matter; others are kept when it is written back. */
export interface LlamaConfig {
  readonly model_type: 'llama' | 'qwen2' | 'mistral';
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly max_position_embeddings: number;
  readonly hidden_act: string;
  readonly rms_norm_eps: number;
  readonly rope_parameters: RopeParameters;
  readonly attention_bias: boolean;
  readonly mlp_bias: boolean;
  readonly attention_dropout: number;
  readonly tie_word_embeddings: boolean;
  readonly initializer_range: number;
}

/** What Transformers takes where config.json says nothing. */
const defaults = {
  llama: { max_position_embeddings: 2048 },
  qwen2: { max_position_embeddings: 32768 },
  mistral: { max_position_embeddings: 131072, num_key_value_heads: 8, sliding_window: 4096 },
} as const;

const shared = {
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  attention_bias: false,
  mlp_bias: false,
  attention_dropout: 0,
  tie_word_embeddings: false,
  initializer_range: 0.02,
} as const;

const activations = new Map<string, Activation>([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['gelu_pytorch_tanh', 'gelu_new'],
  ['gelu_new', 'gelu_new'],
  ['gelu', 'gelu'],
  ['relu', 'relu'],
]);

const sizes = [
  'vocab_size',
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'max_position_embeddings',
] as const;

function llamaLike(type: LlamaConfig['model_type'], name: string): Family<LlamaConfig> {
  return {
    model: `${name}ForCausalLM`,
    base: `${name}Model`,
    prefix: 'model.',
    parse: (json, path) => parse(type, { ...shared, ...defaults[type], ...given(json) }, path),
    architecture: (config) => {
      const {
        vocab_size,
        hidden_size: width,
        initializer_range: deviation,
        tie_word_embeddings: tied,
      } = config;
      const embedding = { name: 'model.embed_tokens.weight', rows: vocab_size, deviation };
      const rope = { frequencies: ropeFrequencies(config.rope_parameters, config.head_dim) };
      const blocks = Array.from({ length: config.num_hidden_layers }, (_, layer) =>
        block(config, rope, `model.layers.${layer}`),
      );
      return {
        width,
        context: config.max_position_embeddings,
        embedding,
        decoder: { blocks, norm: norm(config, 'model.norm') },
        head: { name: tied ? embedding.name : 'lm_head.weight', tied, scale: 1 },
        dropout: { embedding: 0, attention: config.attention_dropout, residual: 0, inner: 0, last: 0 },
      };
    },
    untied: (config) => ({ ...config, tie_word_embeddings: false }),
    written: ({ rope_parameters, ...config }) => ({ ...config, ...writtenRope(rope_parameters) }),
  };
}

export const llama = llamaLike('llama', 'Llama');
export const qwen2 = llamaLike('qwen2', 'Qwen2');
export const mistral = llamaLike('mistral', 'Mistral');

/** An absent field and one of null are the same, but for a sliding window, where null says that there is none. */
function given(json: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(json).filter(([name, value]) => value !== null || name === 'sliding_window'),
  );
}

function parse(type: LlamaConfig['model_type'], json: JsonObject, path: string): LlamaConfig {
  refuseWindow(type, json, path);
  refuseOther(json, path, { clip_qkv: null });
  const heads = Number(json['num_attention_heads']);
  const found = positiveIntegers(
    { num_key_value_heads: heads, head_dim: Math.floor(Number(json['hidden_size']) / heads), ...json },
    path,
    sizes,
  );
  if (found.num_attention_heads % found.num_key_value_heads !== 0)
    throw invalid(
      path,
      `num_attention_heads ${found.num_attention_heads} is no multiple of num_key_value_heads ${found.num_key_value_heads}`,
    );
  if (found.head_dim % 2 !== 0) throw unsupported(path, `an odd head_dim of ${found.head_dim}`);
  oneOf(activations, 'hidden_act', json['hidden_act'], path);
  return {
    ...without(json, ['rope_theta', 'rope_scaling']),
    ...found,
    model_type: type,
    rope_parameters: readRope(json, found.max_position_embeddings, path),
  } as unknown as LlamaConfig;
}

const without = (json: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)));

/** A window that no text is longer than changes nothing. */
function refuseWindow(type: LlamaConfig['model_type'], json: JsonObject, path: string): void {
  const window = json['sliding_window'];
  const context = Number(json['max_position_embeddings']);
  const wide = window === undefined || window === null || Number(window) >= context;
  const used = type === 'mistral' ? !wide : type === 'qwen2' && json['use_sliding_window'] === true && !wide;
  if (used)
    throw unsupported(
      path,
      `sliding_window: ${JSON.stringify(window)} below its ${context} positions; expected null`,
    );
  const layers = [json['layer_types'] ?? []].flat() as readonly Json[];
  const other = layers.find((layer) => layer !== 'full_attention');
  if (other !== undefined && !wide)
    throw unsupported(path, `layer_types ${JSON.stringify(other)}; expected full_attention`);
}

function block(config: LlamaConfig, rope: Rope, name: string): Block {
  const { hidden_size: width, intermediate_size: inner, head_dim: headWidth, model_type } = config;
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  const biased = model_type === 'qwen2' || config.attention_bias;
  const linear = (part: string, inputs: number, outputs: number, bias: boolean): Linear => ({
    name: `${name}.${part}`,
    inputs,
    outputs,
    bias,
    turned: true,
    deviation: config.initializer_range,
  });
  return {
    attention: {
      norm: norm(config, `${name}.input_layernorm`),
      project: [
        linear('self_attn.q_proj', width, heads * headWidth, biased),
        linear('self_attn.k_proj', width, keyHeads * headWidth, biased),
        linear('self_attn.v_proj', width, keyHeads * headWidth, biased),
      ],
      out: linear(
        'self_attn.o_proj',
        heads * headWidth,
        width,
        model_type === 'llama' && config.attention_bias,
      ),
      heads,
      keyHeads,
      headWidth,
      scale: 1 / Math.sqrt(headWidth),
      rope,
    },
    feedForward: {
      norm: norm(config, `${name}.post_attention_layernorm`),
      gate: linear('mlp.gate_proj', width, inner, config.mlp_bias),
      up: linear('mlp.up_proj', width, inner, config.mlp_bias),
      down: linear('mlp.down_proj', inner, width, config.mlp_bias),
      activation: activations.get(config.hidden_act) ?? 'silu',
    },
  };
}

function norm({ rms_norm_eps: epsilon, hidden_size: width }: LlamaConfig, name: string): Norm {
  return { kind: 'rms', name, epsilon, width };
}
