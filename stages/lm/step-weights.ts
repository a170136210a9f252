/** Weights as a single step reads them: laid straight, one product for all queries, keys and values. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../backend/tf.js';
import type { Architecture, Attention, FeedForward, Linear, Stack } from './architecture.js';
import { architectureOf, type ModelConfig } from './config.js';
import { joinedFactors, named } from './row-adapters.js';
import type { NamedTensors } from './types.js';
import { disposeTensors, parameter } from './weights.js';

export interface StepWeights {
  /** The decoder with every product straight, and of cross attention the queries alone. */
  readonly decoder: Stack;
  /** All that a step reads, and `head`, (C, V). */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Frees what was made for the steps; the weights stay. */
  dispose(): void;
}

export const HEAD = 'head';

/** `factors`: of adapters whose mixture each row has for itself. */
export function stepWeights(
  config: ModelConfig,
  weights: NamedTensors,
  factors: NamedTensors = {},
): StepWeights {
  const architecture = architectureOf(config);
  const decoder = straight(architecture.decoder);
  const own = tf.tidy(() => {
    const straightened = linears(architecture).map((parts) => ({
      ...joined(weights, parts),
      ...joinedAdapters(factors, parts),
    }));
    return Object.fromEntries([
      ...straightened.flatMap((tensors) => Object.entries(tensors)),
      [HEAD, headOf(architecture, weights)],
    ]) as Record<string, Tensor>;
  });
  return { decoder, tensors: { ...weights, ...factors, ...own }, dispose: () => disposeTensors(own) };
}

function headOf({ head }: Architecture, weights: NamedTensors): Tensor {
  const turned = tf.transpose(parameter<Tensor2D>(weights, head.name));
  return head.scale === 1 ? turned : turned.mul(head.scale);
}

/** Every product of the decoder, those that become one together. */
function linears({ decoder }: Architecture): (readonly Linear[])[] {
  return decoder.blocks.flatMap(({ attention, cross, feedForward: { gate, up, down } }) => [
    attention.project,
    [attention.out],
    ...(cross ? [cross.project.slice(0, 1), [cross.out]] : []),
    ...(gate ? [[gate]] : []),
    [up],
    [down],
  ]);
}

/** What several products become; nothing where the one is straight already. Named as the first. */
function joined(weights: NamedTensors, parts: readonly Linear[]): NamedTensors {
  const [first] = parts;
  if (!first || (parts.length === 1 && !first.turned)) return {};
  const weight = tf.concat(
    parts.map(({ name, turned }) => {
      const tensor = parameter<Tensor2D>(weights, `${name}.weight`);
      return turned ? tensor.transpose() : tensor;
    }),
    1,
  );
  if (!first.bias) return { [`${first.name}.weight`]: weight };
  const bias = tf.concat(parts.map(({ name }) => parameter(weights, `${name}.bias`)));
  return { [`${first.name}.weight`]: weight, [`${first.name}.bias`]: bias };
}

/** What adapts several products that become one; nothing where there is one alone. */
function joinedAdapters(factors: NamedTensors, parts: readonly Linear[]): NamedTensors {
  const [first, second] = parts;
  const joint = second && joinedFactors(factors, parts);
  return first && joint ? named(first.name, joint) : {};
}

function straight(stack: Stack): Stack {
  return {
    ...stack,
    blocks: stack.blocks.map(({ attention, cross, feedForward }) => ({
      attention: straightAttention(attention, attention.project),
      ...(cross ? { cross: straightAttention(cross, cross.project.slice(0, 1)) } : {}),
      feedForward: straightFeedForward(feedForward),
    })),
  };
}

function straightAttention(attention: Attention, parts: readonly Linear[]): Attention {
  const [first] = parts;
  if (!first) throw new Error('internal error: an attention projects nothing; please report it');
  const outputs = parts.reduce((sum, part) => sum + part.outputs, 0);
  return {
    ...attention,
    project: [{ ...first, outputs, turned: false }],
    out: { ...attention.out, turned: false },
  };
}

function straightFeedForward({ gate, up, down, ...rest }: FeedForward): FeedForward {
  return {
    ...rest,
    ...(gate ? { gate: { ...gate, turned: false } } : {}),
    up: { ...up, turned: false },
    down: { ...down, turned: false },
  };
}
