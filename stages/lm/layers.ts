/** Layers of an architecture as operations on tensors: what forward passes and single steps share. */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { activation } from '../backend/ops/activation.js';
import { gated } from '../backend/ops/gated.js';
import { layerNorm } from '../backend/ops/layer-norm.js';
import { linear } from '../backend/ops/linear.js';
import { rmsNorm } from '../backend/ops/rms-norm.js';
import { rotate } from '../backend/ops/rotary.js';
import { tf } from '../backend/tf.js';
import type { Attention, FeedForward, Linear, Norm } from './architecture.js';
import { withOwn, type RowAdapters } from './row-adapters.js';
import type { NamedTensors } from './types.js';
import { parameter } from './weights.js';

/** What layers are run with. */
export interface Parameters {
  readonly weights: NamedTensors;
  /** What each of the N rows adds to products. */
  readonly adapters?: RowAdapters | undefined;
}

/** (N, inputs) -> (N, outputs). */
export function affine({ weights, adapters }: Parameters, product: Linear, x: Tensor2D): Tensor2D {
  const { name, bias, turned } = product;
  const weight = parameter<Tensor2D>(weights, `${name}.weight`);
  const y = linear(x, weight, bias ? parameter<Tensor1D>(weights, `${name}.bias`) : undefined, turned);
  return adapters ? withOwn(adapters, product, { x, y }) : y;
}

/** (N, C) -> (N, C). */
export function normalise(weights: NamedTensors, { kind, name, epsilon }: Norm, x: Tensor2D): Tensor2D {
  const gain = parameter<Tensor1D>(weights, `${name}.weight`);
  if (kind === 'rms') return rmsNorm(x, gain, epsilon);
  return layerNorm(x, gain, parameter<Tensor1D>(weights, `${name}.bias`), epsilon);
}

/** (N, C) -> (N, (H + 2K) D) queries, keys and values side by side, turned by their positions where they are rotary. */
export function projected(
  parameters: Parameters,
  { project, rope, heads, keyHeads }: Attention,
  x: Tensor2D,
  positions: Int32Array,
): Tensor2D {
  const parts = project.map((linear) => affine(parameters, linear, x));
  const all = parts.length === 1 ? parts[0] : tf.concat(parts, 1);
  if (!all) throw new Error('internal error: an attention projects nothing; please report it');
  return rope ? rotate(all, { frequencies: rope.frequencies, heads: heads + keyHeads, positions }) : all;
}

/** (N, C) -> (N, C), the norm left out; `drop` drops of the inner activations. */
export function fedForward(
  parameters: Parameters,
  { gate, up, down, activation: kind }: FeedForward,
  x: Tensor2D,
  drop: (x: Tensor2D) => Tensor2D,
): Tensor2D {
  const upper = affine(parameters, up, x);
  const inner = gate ? gated(affine(parameters, gate, x), upper, kind) : activation(upper, kind);
  return affine(parameters, down, drop(inner));
}
