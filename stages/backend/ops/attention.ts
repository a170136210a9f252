/** Attention of every node of a forest to itself and its ancestors. */
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { defineGradient, first, fused } from '../fused.js';
import { matrixShape } from '../memory.js';
import { tf } from '../tf.js';
import { attentionBackward } from './attention-backward.js';
import { attentionForward } from './attention-forward.js';
import type { AttentionAttributes } from './attention-parts.js';
import { dropoutMask } from './dropout.js';
import type { Forest, Tree } from './forest.js';

export interface AttentionOptions {
  readonly heads: number;
  /** Share of attention weights dropped, and the seed of the draw; none without. */
  readonly dropout?: { readonly rate: number; readonly seed: number };
}

/** (N, 3C) queries, keys, values side by side -> (N, C), heads side by side, scaled by the root of a head's width. */
export function forestAttention(qkv: Tensor2D, forest: Forest, options: AttentionOptions): Tensor2D {
  const attributes: AttentionAttributes = {
    forest,
    heads: options.heads,
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
function composed(qkv: Tensor2D, { forest, heads, rate, seed }: AttentionAttributes): Tensor2D {
  const [, triple] = matrixShape(qkv);
  const width = triple / 3;
  const { rows, back, length, mask } = padding(forest);
  const count = forest.trees.length;
  return tf.tidy(() => {
    const padded = tf
      .gather(qkv, tf.tensor1d(rows, 'int32'))
      .reshape([count, length, 3, heads, width / heads]);
    const [q, k, v] = tf.unstack(padded.transpose([2, 0, 3, 1, 4])) as [Tensor4D, Tensor4D, Tensor4D]; // (G, H, T, D)
    const bias = tf.tensor(mask, [count, 1, length, length]);
    const scores = tf
      .matMul(q, k, false, true)
      .mul(1 / Math.sqrt(width / heads))
      .add(bias); // (G, H, T, T)
    const weights = tf.softmax(scores);
    const kept = rate > 0 ? weights.mul(dropoutMask(weights.shape, { rate, seed })) : weights;
    const mixed = tf
      .matMul(kept, v)
      .transpose([0, 2, 1, 3])
      .reshape([count * length, width]); // (G T, C)
    return tf.gather(mixed, tf.tensor1d(back, 'int32')) as Tensor2D;
  });
}

interface Padding {
  /** Node in each cell of the padded batch (0 in the padding), and the cell of each node. */
  readonly rows: Int32Array;
  readonly back: Int32Array;
  readonly length: number;
  readonly mask: Float32Array;
}

function padding(forest: Forest): Padding {
  const length = Math.max(...forest.trees.map((tree) => tree.end - tree.start));
  const rows = new Int32Array(forest.trees.length * length);
  const back = new Int32Array(forest.tokens.length);
  const mask = new Float32Array(rows.length * length).fill(-1e9);
  forest.trees.forEach((tree, t) => {
    for (let i = tree.start; i < tree.end; i++) {
      const cell = t * length + i - tree.start;
      rows[cell] = i;
      back[i] = cell;
      openAncestors(mask, forest, tree, cell * length, i);
    }
  });
  return { rows, back, length, mask };
}

function openAncestors(mask: Float32Array, forest: Forest, tree: Tree, row: number, node: number): void {
  for (let key = node; key >= 0; key = forest.parents[key] ?? -1) mask[row + key - tree.start] = 0;
}
