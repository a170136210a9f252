/** config.json of a GPT-2 decoder, in the spelling of Transformers 4 or 5. */
import { StageFailure } from '../../runner/contract.js';
import type { JsonObject } from '../../schemas/json.js';
import type { DecoderConfig } from './types.js';

const defaults = {
  n_inner: null,
  activation_function: 'gelu_new',
  layer_norm_epsilon: 1e-5,
  embd_pdrop: 0.1,
  attn_pdrop: 0.1,
  resid_pdrop: 0.1,
  tie_word_embeddings: true,
  initializer_range: 0.02,
} as const;

/** Settings of GPT-2 that change the computation and are not built here, with the only value taken. */
const fixed: Readonly<Record<string, boolean>> = {
  add_cross_attention: false,
  scale_attn_by_inverse_layer_idx: false,
  scale_attn_weights: true,
};

const activations: ReadonlySet<unknown> = new Set(['gelu_new', 'gelu', 'relu']);

/** Checks and completes; fields it does not know are kept, so that they are written back. */
export function parseConfig(text: string, path: string): DecoderConfig {
  const json = parseObject(text, path);
  if (json['model_type'] !== 'gpt2') {
    throw unsupported(
      path,
      `model_type ${JSON.stringify(json['model_type'] ?? null)}; this version reads "gpt2"`,
    );
  }
  for (const [name, value] of Object.entries(fixed)) {
    if (json[name] !== undefined && json[name] !== value)
      throw unsupported(path, `${name}: ${JSON.stringify(json[name])}; expected ${value}`);
  }
  const config = { ...defaults, ...json } as unknown as DecoderConfig;
  for (const name of [
    'vocab_size',
    'n_positions',
    'n_embd',
    'n_layer',
    'n_head',
    'bos_token_id',
    'eos_token_id',
  ] as const) {
    if (!Number.isInteger(config[name]))
      throw invalid(path, `${name} must be an integer, found ${JSON.stringify(json[name] ?? null)}`);
  }
  if (config.n_embd % config.n_head !== 0)
    throw invalid(path, `n_embd ${config.n_embd} is no multiple of n_head ${config.n_head}`);
  if (!activations.has(config.activation_function)) {
    throw unsupported(
      path,
      `activation_function ${JSON.stringify(config.activation_function)}; expected gelu_new, gelu or relu`,
    );
  }
  return config;
}

/** Deterministic text, keys by code unit; says which architecture it is, for Transformers. */
export function configJson(config: DecoderConfig): string {
  const fields: Record<string, unknown> = { architectures: ['GPT2LMHeadModel'], dtype: 'float32', ...config };
  const sorted = Object.fromEntries(
    Object.keys(fields)
      .sort()
      .map((name) => [name, fields[name]]),
  );
  return JSON.stringify(sorted, null, 2) + '\n';
}

/** A decoder of a given size with everything else as GPT-2 has it, dropout off. */
export function decoderConfig(
  size: Pick<
    DecoderConfig,
    'vocab_size' | 'n_positions' | 'n_embd' | 'n_layer' | 'n_head' | 'bos_token_id' | 'eos_token_id'
  > &
    Partial<DecoderConfig>,
): DecoderConfig {
  return { model_type: 'gpt2', ...defaults, embd_pdrop: 0, attn_pdrop: 0, resid_pdrop: 0, ...size };
}

function parseObject(text: string, path: string): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(path, `not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid(path, 'expected a JSON object');
  return json as JsonObject;
}

const invalid = (path: string, message: string): StageFailure =>
  new StageFailure('user', 'model-config', `${path}: ${message}`);
const unsupported = (path: string, message: string): StageFailure =>
  new StageFailure('user', 'model-unsupported', `${path}: cannot run a model with ${message}`);
