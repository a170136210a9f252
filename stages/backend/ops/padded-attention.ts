/**
 * Attention over padded batches of trees, by TensorFlow.js's own operations: to an encoder's outputs, with a bias of
 * scores, and on engines without our kernels.
 */
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { matrixShape } from '../memory.js';
import { tf } from '../tf.js';
import { dropoutMask } from './dropout.js';
import type { Forest, Tree } from './forest.js';

/** Where the nodes of a forest lie in a batch with one row a tree. */
export interface Padding {
  /** Node in each cell of the padded batch (0 in the padding), and the cell of each node. */
  readonly rows: Int32Array;
  readonly back: Int32Array;
  readonly trees: number;
  readonly length: number;
}

export interface PaddedAttention {
  readonly queries: Padding;
  readonly keys: Padding;
  /** (trees, 1, queries, keys) added to the scores: far below 0 where a key is not seen. */
  readonly mask: Float32Array;
  /** (1 or trees, heads, queries, keys) added too; differentiable. */
  readonly bias?: Tensor;
  readonly heads: number;
  readonly keyHeads: number;
  readonly scale: number;
  /** Share of attention weights dropped, and the seed of the draw. */
  readonly dropout?: { readonly rate: number; readonly seed: number };
}

/** (N, H D) queries, (M, K D) keys and values -> (N, H D). */
export function paddedAttention(q: Tensor2D, k: Tensor2D, v: Tensor2D, at: PaddedAttention): Tensor2D {
  const { queries, keys, heads, keyHeads } = at;
  const [, width] = matrixShape(q);
  const { trees: count } = queries;
  return tf.tidy(() => {
    const query = split(q, queries, heads); // (G, H, T, D)
    const [key, value] = [k, v].map((x) => sharedHeads(split(x, keys, keyHeads), heads)) as [
      Tensor4D,
      Tensor4D,
    ];
    const mask = tf.tensor(at.mask, [count, 1, queries.length, keys.length]);
    let scores: Tensor = tf.matMul(query, key, false, true).mul(at.scale).add(mask); // (G, H, T, S)
    if (at.bias) scores = scores.add(at.bias);
    const weights = tf.softmax(scores);
    const kept = at.dropout ? weights.mul(dropoutMask(weights.shape, at.dropout)) : weights;
    const mixed = tf
      .matMul(kept, value)
      .transpose([0, 2, 1, 3])
      .reshape([count * queries.length, width]); // (G T, H D)
    return tf.gather(mixed, tf.tensor1d(queries.back, 'int32')) as Tensor2D;
  });
}

/** (N, H D) -> (G, H, T, D). */
function split(x: Tensor2D, { rows, trees, length }: Padding, heads: number): Tensor4D {
  const [, width] = matrixShape(x);
  return tf
    .gather(x, tf.tensor1d(rows, 'int32'))
    .reshape([trees, length, heads, width / heads])
    .transpose([0, 2, 1, 3]) as Tensor4D;
}

function sharedHeads(x: Tensor4D, heads: number): Tensor4D {
  const [, keyHeads] = x.shape;
  if (keyHeads === heads) return x;
  const of = Int32Array.from({ length: heads }, (_, head) => Math.floor((head * keyHeads) / heads));
  return tf.gather(x, tf.tensor1d(of, 'int32'), 1);
}

export function paddingOf({ trees, tokens }: Forest): Padding {
  const length = Math.max(...trees.map((tree) => tree.end - tree.start));
  const rows = new Int32Array(trees.length * length);
  const back = new Int32Array(tokens.length);
  trees.forEach((tree, t) => {
    for (let i = tree.start; i < tree.end; i++) {
      const cell = t * length + i - tree.start;
      rows[cell] = i;
      back[i] = cell;
    }
  });
  return { rows, back, trees: trees.length, length };
}

/** Far below every score; its exponential is 0 in single precision. */
const HIDDEN = -1e9;

/** Each node sees itself and its ancestors. */
export function ancestorMask(forest: Forest, { length }: Padding): Float32Array {
  const mask = new Float32Array(forest.trees.length * length * length).fill(HIDDEN);
  forest.trees.forEach((tree, t) => {
    for (let i = tree.start; i < tree.end; i++) {
      const row = (t * length + i - tree.start) * length;
      for (let key = i; key >= 0; key = forest.parents[key] ?? -1) mask[row + key - tree.start] = 0;
    }
  });
  return mask;
}

/** Each of `queries` rows of a tree sees every node of the tree of the same number. */
export function treeMask(trees: readonly Tree[], keys: Padding, queries: number): Float32Array {
  const mask = new Float32Array(trees.length * queries * keys.length);
  trees.forEach(({ start, end }, t) => {
    for (let i = 0; i < queries; i++) {
      const row = (t * queries + i) * keys.length;
      mask.fill(HIDDEN, row + end - start, row + keys.length);
    }
  });
  return mask;
}
