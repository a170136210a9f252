/** Attention of every node of a forest to itself and its ancestors. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { defineGradient, first, fused } from '../fused.js';
import { matrixShape } from '../memory.js';
import { tf } from '../tf.js';
import { attentionBackward } from './attention-backward.js';
import { attentionForward } from './attention-forward.js';
import type { AttentionAttributes } from './attention-parts.js';
import type { Forest } from './forest.js';
import { ancestorMask, paddedAttention, paddingOf } from './padded-attention.js';

export interface AttentionOptions {
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / keyHeads of the queries; as many without. */
  readonly keyHeads?: number;
  /** Share of attention weights dropped, and the seed of the draw; none without. */
  readonly dropout?: { readonly rate: number; readonly seed: number };
}

/** (N, (H + 2K) D) queries, keys, values side by side -> (N, H D), heads side by side, scaled by the root of D. */
export function forestAttention(qkv: Tensor2D, forest: Forest, options: AttentionOptions): Tensor2D {
  const attributes: AttentionAttributes = {
    forest,
    heads: options.heads,
    keyHeads: options.keyHeads ?? options.heads,
    rate: options.dropout?.rate ?? 0,
    seed: options.dropout?.seed ?? 0,
  };
  return fused() ? (first(attentionForward({ qkv }, attributes)) as Tensor2D) : composed(qkv, attributes);
}

defineGradient<AttentionAttributes>(
  'attention',
  { inputs: ['qkv'], outputs: [false, true] },
  ([dy], [qkv, weights], attributes) => {
    if (!dy || !qkv || !weights)
      throw new Error('internal error: attention saved too little; please report it');
    return { qkv: first(attentionBackward({ qkv, weights, dy }, attributes)) };
  },
);

/** The same through padded matrices and a mask, for engines without our kernels. */
function composed(qkv: Tensor2D, { forest, heads, keyHeads, rate, seed }: AttentionAttributes): Tensor2D {
  const [, row] = matrixShape(qkv);
  const d = row / (heads + 2 * keyHeads);
  const padding = paddingOf(forest);
  return tf.tidy(() => {
    const [q, k, v] = tf.split(qkv, [heads * d, keyHeads * d, keyHeads * d], 1) as [
      Tensor2D,
      Tensor2D,
      Tensor2D,
    ];
    return paddedAttention(q, k, v, {
      queries: padding,
      keys: padding,
      mask: ancestorMask(forest, padding),
      heads,
      keyHeads,
      scale: 1 / Math.sqrt(d),
      ...(rate > 0 ? { dropout: { rate, seed } } : {}),
    });
  });
}
