/** Parameters of a model under Hugging Face names. */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../backend/tf.js';
import type { Random } from '../random.js';
import { parameterSpecs } from './architecture.js';
import { architectureOf, untiedConfig, type ModelConfig } from './config.js';
import type { NamedTensors } from './types.js';

/** Name and shape of every parameter, in the order of the forward pass. */
export function parameterShapes(config: ModelConfig): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(parameterSpecs(architectureOf(config)).map(({ name, shape }) => [name, shape]));
}

/** Fresh parameters as the family draws them: normal, biases 0, norms 1. The caller disposes. */
export function initialWeights(config: ModelConfig, random: Random): NamedTensors {
  const weights: Record<string, Tensor> = {};
  for (const { name, shape, fresh } of parameterSpecs(architectureOf(config))) {
    const values = new Float32Array(shape.reduce((size, n) => size * n, 1));
    const filled =
      typeof fresh === 'number' ? values.fill(fresh) : values.map(() => fresh.deviation * random.normal());
    weights[name] = tf.tensor(filled, [...shape]);
  }
  return weights;
}

/** A parameter that must be there; the caller knows its rank. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the name decides the rank, which no type can follow
export function parameter<T extends Tensor>(weights: NamedTensors, name: string): T {
  const tensor = weights[name];
  if (!tensor) throw new Error(`internal error: the model has no parameter ${name}; please report it`);
  return tensor as T;
}

/** Those of the named tensors that are wanted. */
export function pick(tensors: NamedTensors, names: readonly string[]): NamedTensors {
  return Object.fromEntries(names.map((name) => [name, parameter(tensors, name)]));
}

/** Tensors of their own on the same values. */
export function cloneTensors(tensors: NamedTensors): NamedTensors {
  return mapTensors(tensors, (tensor) => tensor.clone());
}

export function mapTensors<T = Tensor>(
  tensors: NamedTensors,
  change: (tensor: Tensor, name: string) => T,
): Readonly<Record<string, T>> {
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
  config: ModelConfig,
  weights: NamedTensors,
): { config: ModelConfig; weights: NamedTensors } {
  const { head } = architectureOf(config);
  const own = parameter(weights, head.name).mul(head.scale);
  return { config: untiedConfig(config), weights: { ...cloneTensors(weights), 'lm_head.weight': own } };
}
