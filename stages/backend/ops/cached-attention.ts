/** Attention of the next token of each row to what came before it, where keys and values are tensors of TensorFlow's. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { defineNativeKernel, first } from '../fused.js';

export interface CachedKeys {
  readonly heads: number;
  readonly keyHeads: number;
  readonly scale: number;
  /** (rows, 2) first row in the opening, and length, of each row's prompt. */
  readonly prompts: Int32Array;
  /** (rows, steps) row of each row's ancestor in each step before. */
  readonly chains: Int32Array;
}

/** Queries, keys and values, (rows, (H + 2K) D), of now, of all prompts and of each step before -> (rows, H D). */
export function cachedAttention(
  now: Tensor2D,
  opening: Tensor2D,
  steps: readonly Tensor2D[],
  keys: CachedKeys,
): Tensor2D {
  const before = steps.map((step, i) => [`step${i}`, step] as const);
  return first(kernel({ now, opening, ...Object.fromEntries(before) }, keys)) as Tensor2D;
}

const kernel = defineNativeKernel<CachedKeys>(
  'cached-attention',
  (call, { heads, keyHeads, scale, prompts, chains }) =>
    call.one('CachedAttention', call.names, {
      numbers: [scale],
      indices: [prompts, chains, Int32Array.of(heads, keyHeads)],
    }),
);
