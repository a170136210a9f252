/** config.json of a model, in the spelling of Transformers 4 or 5, and the architecture that it says. */
import { byCodeUnit, type JsonObject } from '../../schemas/json.js';
import type { Architecture } from './architecture.js';
import { invalid, isMap, unsupported, type Family } from './families/family.js';
import { gpt2, type Gpt2Config } from './families/gpt2.js';
import { llama, mistral, qwen2, type LlamaConfig } from './families/llama.js';
import { t5, type T5Config } from './families/t5.js';

/** A new family is a file in `families/` and a line here. */
const families: Readonly<Record<ModelConfig['model_type'], unknown>> = { gpt2, llama, mistral, qwen2, t5 };

export type { Gpt2Config, LlamaConfig, T5Config };
/** config.json, checked and completed; fields that its family does not know are kept for when it is written back. */
export type ModelConfig = Gpt2Config | LlamaConfig | T5Config;

/** Checks and completes; what can't be run is a StageFailure that names it. */
export function parseConfig(text: string, path: string): ModelConfig {
  const json = parseObject(text, path);
  const type = json['model_type'];
  const family =
    typeof type === 'string' ? (families as Readonly<Record<string, Family<ModelConfig>>>)[type] : undefined;
  if (!family) {
    const known = Object.keys(families).map((name) => JSON.stringify(name));
    throw unsupported(
      path,
      `model_type ${JSON.stringify(type ?? null)}; this version reads ${known.join(', ')}`,
    );
  }
  if (isMap(json['quantization_config'])) throw unsupported(path, 'quantised weights (quantization_config)');
  refuseOtherClass(json, family, path);
  return family.parse(json, path);
}

/** A classifier has the body of a language model and another head. */
function refuseOtherClass(
  { architectures }: JsonObject,
  { model, base }: Family<ModelConfig>,
  path: string,
): void {
  if (!Array.isArray(architectures) || architectures.length === 0) return;
  if (architectures.some((name) => name === model || name === base)) return;
  throw unsupported(path, `architectures ${JSON.stringify(architectures)}; expected ${model}`);
}

/** For configurations of any type: one of another family never meets it. */
const familyOf = ({ model_type }: Pick<ModelConfig, 'model_type'>): Family<ModelConfig> =>
  families[model_type] as Family<ModelConfig>;

const known = new WeakMap<ModelConfig, Architecture>();

export function architectureOf(config: ModelConfig): Architecture {
  const found = known.get(config) ?? familyOf(config).architecture(config);
  known.set(config, found);
  return found;
}

/** Most tokens of a text; Infinity where positions are relative. */
export function contextOf(config: ModelConfig): number {
  return architectureOf(config).context;
}

/** What the names of parameters begin with that a file without the output layer leaves away. */
export const namePrefix = (config: ModelConfig): string => familyOf(config).prefix;

/** With an output layer of its own, whose values no factor scales. */
export function untiedConfig(config: ModelConfig): ModelConfig {
  return familyOf(config).untied(config);
}

/** Deterministic text, keys by code unit; says which class it is, for Transformers, and that weights are single precision. */
export function configJson(config: ModelConfig): string {
  const family = familyOf(config);
  const { torch_dtype: _dtype, ...written } = family.written(config);
  const fields: Record<string, unknown> = { ...written, architectures: [family.model], dtype: 'float32' };
  // Transformers 4 reads its own word; 5 takes it for the new one.
  if (_dtype !== undefined) fields['torch_dtype'] = 'float32';
  const names = Object.keys(fields).sort(byCodeUnit);
  const text = JSON.stringify(Object.fromEntries(names.map((name) => [name, fields[name]])), null, 2);
  return text.replace(wholeFloats, '$1.0') + '\n';
}

/** Transformers 5 takes no whole number for a setting that is a float: 1 is written as 1.0. */
const wholeFloats =
  /("(?:initializer_(?:range|factor)|layer_norm_epsilon|rms_norm_eps|rope_theta|\w*factor|\w*dropout\w*|\w+_pdrop)": -?\d+)(?=[,\n])/g;

/** GPT-2 of a given size with everything else as Transformers has it, dropout off. */
export function decoderConfig(
  size: Pick<
    Gpt2Config,
    'vocab_size' | 'n_positions' | 'n_embd' | 'n_layer' | 'n_head' | 'bos_token_id' | 'eos_token_id'
  > &
    Partial<Gpt2Config>,
): Gpt2Config {
  const json = { model_type: 'gpt2', embd_pdrop: 0, attn_pdrop: 0, resid_pdrop: 0, ...size };
  return gpt2.parse(json as JsonObject, 'a configuration');
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
