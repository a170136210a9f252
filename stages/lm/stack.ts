/** Blocks one after the other: attention to the forest, to the encoder's outputs where there is one, feed-forward. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { forestAttention } from '../backend/ops/attention.js';
import type { Forest } from '../backend/ops/forest.js';
import { ancestorMask, paddedAttention, paddingOf, treeMask } from '../backend/ops/padded-attention.js';
import { gatherRows } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import type { Architecture, Attention, Block, Stack } from './architecture.js';
import { affine, fedForward, normalise, projected, type Parameters } from './layers.js';
import { relativeBias } from './relative.js';
import { ofRows, type RowAdapters } from './row-adapters.js';

export type Drop = (x: Tensor2D, rate: number) => Tensor2D;

/** What an encoder made of its forest, and what the rows of its nodes add to products. */
export interface Encoded {
  readonly forest: Forest;
  readonly states: Tensor2D;
  readonly adapters?: RowAdapters | undefined;
}

/** A forward pass through one stack; `adapters` are those of the forest's nodes. */
export interface Passing extends Parameters {
  readonly stack: Stack;
  readonly forest: Forest;
  readonly rates: Architecture['dropout'];
  readonly drop: Drop;
  /** Draws the seed of attention's dropout. */
  readonly seed: () => number;
  readonly training: boolean;
  /** What a decoder attends to beside its own forest. */
  readonly encoded?: Encoded | undefined;
  /** Nodes whose outputs are wanted; all without. */
  readonly rows?: Int32Array | undefined;
  readonly onLayer?: ((layer: number, qkv: Tensor2D) => void) | undefined;
  readonly onSource?: ((layer: number, keysAndValues: Tensor2D) => void) | undefined;
}

/** (N, C) embeddings -> (rows, C), the last norm left out. */
export function runStack(at: Passing, x: Tensor2D): Tensor2D {
  const { stack, weights, forest } = at;
  const bias = stack.relative && relativeBias(weights, stack.relative, forest, paddingOf(forest));
  stack.blocks.forEach((block, layer) => {
    const rows = layer === stack.blocks.length - 1 ? at.rows : undefined;
    // What the way back does not need goes at the end of each block.
    x = tf.tidy(() => runBlock(at, { block, layer, bias, rows }, x));
  });
  return x;
}

interface Place {
  readonly block: Block;
  readonly layer: number;
  readonly bias: Tensor | undefined;
  readonly rows: Int32Array | undefined;
}

function runBlock(at: Passing, { block, layer, bias, rows }: Place, x: Tensor2D): Tensor2D {
  const { weights, adapters, drop, rates } = at;
  const { attention, cross, feedForward } = block;
  const wanted = rows && adapters ? { weights, adapters: ofRows(adapters, rows) } : at;
  let mixed = attended(at, { attention, layer, bias }, normalise(weights, attention.norm, x));
  // An encoder is attended to by all, since the places of its trees count.
  const early = rows !== undefined && !cross;
  if (early) [mixed, x] = [gatherRows(mixed, rows), gatherRows(x, rows)];
  x = x.add(drop(affine(early ? wanted : at, attention.out, mixed), rates.residual));
  if (cross) {
    const found = attendedSource(at, cross, layer, normalise(weights, cross.norm, x));
    x = x.add(drop(affine(at, cross.out, found), rates.residual));
    if (rows) x = gatherRows(x, rows);
  }
  const fed = fedForward(wanted, feedForward, normalise(weights, feedForward.norm, x), (inner) =>
    drop(inner, rates.inner),
  );
  return x.add(drop(fed, rates.residual));
}

interface Attending {
  readonly attention: Attention;
  readonly layer: number;
  readonly bias: Tensor | undefined;
}

/** Of each node to its forest. */
function attended(at: Passing, { attention, layer, bias }: Attending, x: Tensor2D): Tensor2D {
  const { forest, stack } = at;
  const { heads, keyHeads, headWidth, scale } = attention;
  const qkv = projected(at, attention, x, forest.depths); // (N, (H + 2K) D)
  at.onLayer?.(layer, qkv);
  const dropout = attentionDropout(at);
  if (!bias) return forestAttention(qkv, forest, { heads, keyHeads, ...dropout });
  const padding = paddingOf(forest);
  const widths = [heads, keyHeads, keyHeads].map((n) => n * headWidth);
  const [q, k, v] = tf.split(qkv, widths, 1) as Tensor2D[];
  if (!q || !k || !v)
    throw new Error('internal error: queries, keys and values were not told apart; please report it');
  const mask = stack.relative?.twoSided
    ? treeMask(forest.trees, padding, padding.length)
    : ancestorMask(forest, padding);
  const shape = { heads, keyHeads, scale, bias, mask, queries: padding, keys: padding };
  return paddedAttention(q, k, v, { ...shape, ...dropout });
}

/** Of each node to what the encoder made of its tree's source. */
function attendedSource(at: Passing, cross: Attention, layer: number, x: Tensor2D): Tensor2D {
  const { weights, forest, encoded } = at;
  const [query, key, value] = cross.project;
  if (!encoded || !query || !key || !value)
    throw new Error('internal error: a decoder has nothing to attend to; please report it');
  const source = { weights, adapters: encoded.adapters };
  const [k, v] = [key, value].map((linear) => affine(source, linear, encoded.states));
  if (!k || !v) throw new Error('internal error: a source has no keys and values; please report it');
  at.onSource?.(layer, tf.concat([k, v], 1));
  const [queries, keys] = [paddingOf(forest), paddingOf(encoded.forest)];
  const { heads, keyHeads, scale } = cross;
  return paddedAttention(affine(at, query, x), k, v, {
    ...{ heads, keyHeads, scale, queries, keys },
    mask: treeMask(encoded.forest.trees, keys, queries.length),
    ...attentionDropout(at),
  });
}

function attentionDropout({ training, rates, seed }: Passing): {
  readonly dropout?: { readonly rate: number; readonly seed: number };
} {
  return training && rates.attention > 0 ? { dropout: { rate: rates.attention, seed: seed() } } : {};
}
