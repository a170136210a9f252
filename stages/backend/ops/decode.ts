/** One token of each row through a whole decoder, where its weights, keys and values are tensors of TensorFlow's. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { defineNativeKernel } from '../fused.js';
import { kindNumber, type Activation } from './activation.js';

/** One block, as far as its weights do not say it. A norm with a bias is a layer norm, else an RMS norm. */
export interface DecodeBlock {
  readonly heads: number;
  readonly keyHeads: number;
  readonly activation: Activation;
  /** What scores are multiplied by. */
  readonly scale: number;
  /** Of the norms before attention and before the feed-forward layer. */
  readonly epsilons: readonly [number, number];
  /** Which of these there are. */
  readonly has: Readonly<Record<BlockPart, boolean>>;
}

const blockParts = [
  'normBias',
  'projectBias',
  'outBias',
  'innerNormBias',
  'gate',
  'gateBias',
  'upBias',
  'downBias',
] as const;
export type BlockPart = (typeof blockParts)[number];

export interface Decode {
  readonly width: number;
  readonly blocks: readonly DecodeBlock[];
  /** Of the last norm. */
  readonly epsilon: number;
  /** Positions have embeddings; hidden states are wanted; the last norm has a bias. */
  readonly has: Readonly<Record<'places' | 'states' | 'lastBias', boolean>>;
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  /** Of each row: cosine and sine of each of `half` pairs of a head; 0 and none where positions do not turn. */
  readonly half: number;
  readonly turns: Float32Array;
  /** (rows, 2) first row in the opening, and length, of each row's prompt. */
  readonly prompts: Int32Array;
  /** (rows, steps) row of each row's ancestor in each step before. */
  readonly chains: Int32Array;
  readonly steps: number;
  /** Columns of probability 0. */
  readonly masked: Int32Array;
}

/**
 * (rows, V) log-probabilities or (rows, C) hidden states, and (blocks, rows, 2 K D) keys and values. The tensors stand as
 * kernels/decode.h reads them: embeddings and positions; of each block norm, projection, output, norm, gate, up, down, each
 * with its bias; norm, output layer; of each block (N, (H + 2K) D) queries, keys and values of all prompts; what each step
 * before gave.
 */
export function decode(tensors: readonly Tensor[], of: Decode): readonly [Tensor2D, Tensor] {
  const [found, kept] = kernel(Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor])), of);
  if (!found || !kept)
    throw new Error('internal error: a step of a decoder gave too little; please report it');
  return [found as Tensor2D, kept];
}

const kernel = defineNativeKernel<Decode>('decode', (call, of) => {
  const { width, blocks, epsilon, has, steps, half, turns } = of;
  const numbers = blocks.flatMap(({ scale, epsilons: [before, between] }) => [before, scale, between]);
  const structure = blocks.flatMap(({ heads, keyHeads, activation, has }) => [
    ...[heads, keyHeads, ...kindNumber(activation)],
    flags(blockParts.map((part) => has[part])),
  ]);
  const whole = flags([has.places, has.states, has.lastBias]);
  return call.ours('Decode', call.names, {
    numbers: joined([...numbers, epsilon], turns),
    indices: [
      ...[of.tokens, of.positions, of.prompts, of.chains, of.masked],
      Int32Array.of(width, blocks.length, steps, half, whole, ...structure),
    ],
    outputs: 2,
  });
});

function flags(set: readonly boolean[]): number {
  return set.reduce((sum, there, i) => sum + (there ? 2 ** i : 0), 0);
}

function joined(numbers: readonly number[], turns: Float32Array): Float32Array {
  const all = new Float32Array(numbers.length + turns.length);
  all.set(numbers);
  all.set(turns, numbers.length);
  return all;
}
