/** Parameters of a decoder under Hugging Face names. */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../backend/tf.js';
import type { Random } from '../random.js';
import type { DecoderConfig, NamedTensors } from './types.js';

/** Name and shape of every parameter, in the order of the forward pass. */
export function parameterShapes(config: DecoderConfig): Readonly<Record<string, readonly number[]>> {
  const width = config.n_embd;
  const inner = config.n_inner ?? 4 * width;
  const shapes: Record<string, readonly number[]> = {
    'transformer.wte.weight': [config.vocab_size, width],
    'transformer.wpe.weight': [config.n_positions, width],
  };
  for (let layer = 0; layer < config.n_layer; layer++) {
    for (const [name, shape] of Object.entries(blockShapes(width, inner)))
      shapes[`transformer.h.${layer}.${name}`] = shape;
  }
  shapes['transformer.ln_f.weight'] = [width];
  shapes['transformer.ln_f.bias'] = [width];
  if (!config.tie_word_embeddings) shapes['lm_head.weight'] = [config.vocab_size, width];
  return shapes;
}

function blockShapes(width: number, inner: number): Readonly<Record<string, readonly number[]>> {
  return {
    'ln_1.weight': [width],
    'ln_1.bias': [width],
    'attn.c_attn.weight': [width, 3 * width],
    'attn.c_attn.bias': [3 * width],
    'attn.c_proj.weight': [width, width],
    'attn.c_proj.bias': [width],
    'ln_2.weight': [width],
    'ln_2.bias': [width],
    'mlp.c_fc.weight': [width, inner],
    'mlp.c_fc.bias': [inner],
    'mlp.c_proj.weight': [inner, width],
    'mlp.c_proj.bias': [width],
  };
}

/**
 * Fresh parameters as GPT-2 draws them (Radford et al. 2019): normal with `initializer_range`, the two
 * projections into the residual stream smaller by sqrt(2 layers), biases 0, norms 1. The caller disposes.
 */
export function initialWeights(config: DecoderConfig, random: Random): NamedTensors {
  const weights: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    weights[name] = tf.tensor(initialValues(name, shape, config, random), [...shape]);
  }
  return weights;
}

function initialValues(
  name: string,
  shape: readonly number[],
  config: DecoderConfig,
  random: Random,
): Float32Array {
  const values = new Float32Array(shape.reduce((size, n) => size * n, 1));
  if (shape.length === 1) return /ln_\w+\.weight$/.test(name) ? values.fill(1) : values;
  const scale = name.endsWith('c_proj.weight') ? 1 / Math.sqrt(2 * config.n_layer) : 1;
  return values.map(() => config.initializer_range * scale * random.normal());
}

/** A parameter that must be there; the caller knows its rank. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the name decides the rank, which no type can follow
export function parameter<T extends Tensor>(weights: NamedTensors, name: string): T {
  const tensor = weights[name];
  if (!tensor) throw new Error(`internal error: the model has no parameter ${name}; please report it`);
  return tensor as T;
}

/** Tensors of their own on the same values. */
export function cloneTensors(tensors: NamedTensors): NamedTensors {
  return mapTensors(tensors, (tensor) => tensor.clone());
}

export function mapTensors(
  tensors: NamedTensors,
  change: (tensor: Tensor, name: string) => Tensor,
): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor, name)]));
}

export function disposeTensors(tensors: NamedTensors): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

export function countParameters(tensors: NamedTensors): number {
  return Object.values(tensors).reduce((sum, tensor) => sum + tensor.size, 0);
}

/** The output layer gets values of its own, `lm_head.weight`. Both results are new; nothing given is disposed. */
export function untie(
  config: DecoderConfig,
  weights: NamedTensors,
): { config: DecoderConfig; weights: NamedTensors } {
  const head = weights['lm_head.weight'] ?? parameter(weights, 'transformer.wte.weight');
  return {
    config: { ...config, tie_word_embeddings: false },
    weights: { ...cloneTensors(weights), 'lm_head.weight': head.clone() },
  };
}
