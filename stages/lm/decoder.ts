/** The forward pass of any architecture over a forest of tokens, functional in its weights. */
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { dropout } from '../backend/ops/dropout.js';
import { embed } from '../backend/ops/embed.js';
import type { Forest } from '../backend/ops/forest.js';
import { linearTransposed } from '../backend/ops/linear.js';
import { gatherRows } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import type { Random } from '../random.js';
import { architectureOf, type ModelConfig } from './config.js';
import { chains, checkRoom } from './forest.js';
import { normalise } from './layers.js';
import type { Stack } from './architecture.js';
import { ofNodes, type RowAdapters } from './row-adapters.js';
import { runStack, type Drop, type Encoded, type Passing } from './stack.js';
import type { NamedTensors, TokenBatch } from './types.js';
import { parameter } from './weights.js';

export interface ForwardOptions {
  /** Dropout is on in training and off otherwise. */
  readonly training: boolean;
  /** Required where training is true and a dropout rate is above 0. */
  readonly random?: Random;
  /** What the texts of each tree add to products. */
  readonly adapters?: RowAdapters;
}

export interface DecodeOptions extends ForwardOptions {
  /** Of an encoder-decoder: what the encoder reads, one tree for each of the decoder's. */
  readonly source?: Forest;
  /** Nodes whose outputs are wanted: the last block computes no more than these. All without. */
  readonly rows?: Int32Array;
  /** Sees each layer's (N, (H + 2K) D) queries, keys and values: how a cache is filled. */
  readonly onLayer?: (layer: number, qkv: Tensor2D) => void;
  /** Sees each layer's (M, 2 K D) keys and values of the source. */
  readonly onSource?: (layer: number, keysAndValues: Tensor2D) => void;
}

/** (rows, C) hidden states after the last norm. */
export function hiddenStates(
  config: ModelConfig,
  weights: NamedTensors,
  forest: Forest,
  options: DecodeOptions,
): Tensor2D {
  const { context, encoder, decoder, dropout: rates } = architectureOf(config);
  checkRoom(context, forest);
  const { source, training } = options;
  if (encoder && !source)
    throw new Error('internal error: an encoder-decoder got nothing to encode; please report it');
  return tf.tidy(() => {
    const drop = dropper(options);
    const passing = { weights, rates, drop, training, seed: () => drawSeed(options) };
    const run = (stack: Stack, forest: Forest, more: Partial<Passing> = {}): Encoded => {
      const adapters = options.adapters && ofNodes(options.adapters, forest);
      const x = drop(embedded(config, weights, forest), rates.embedding); // (N, C)
      const last = runStack({ ...passing, stack, forest, adapters, ...more }, x);
      return { forest, adapters, states: drop(normalise(weights, stack.norm, last), rates.last) };
    };
    const encoded = encoder && source ? run(encoder, source) : undefined;
    const { rows, onLayer, onSource } = options;
    return run(decoder, forest, { encoded, rows, onLayer, onSource }).states;
  });
}

/** Among weights: (k, C) embeddings that tokens vocab_size, ..., vocab_size + k - 1 stand for. They are read, never said. */
export const SOFT_TOKENS = 'soft_tokens.weight';

/** (N, C) token embeddings, with positions where those are learnt. */
function embedded(config: ModelConfig, weights: NamedTensors, forest: Forest): Tensor2D {
  const { embedding, positions } = architectureOf(config);
  const own = parameter<Tensor2D>(weights, embedding.name);
  const soft = weights[SOFT_TOKENS] as Tensor2D | undefined;
  const table =
    soft && forest.tokens.some((token) => token >= config.vocab_size) ? tf.concat([own, soft], 0) : own;
  const rows = table.shape[0];
  if (forest.tokens.some((token) => token < 0 || token >= rows))
    throw new Error(`internal error: a token beyond the ${rows} of the model; please report it`);
  if (!positions) return gatherRows(table, forest.tokens);
  return embed(table, parameter<Tensor2D>(weights, positions.name), forest.tokens, forest.depths);
}

/** (N, C) -> (N, V) logits. */
export function outputLogits(config: ModelConfig, weights: NamedTensors, hidden: Tensor2D): Tensor2D {
  const { head } = architectureOf(config);
  const scaled = head.scale === 1 ? hidden : hidden.mul<Tensor2D>(head.scale);
  return linearTransposed(scaled, parameter(weights, head.name));
}

/** (B, T, V) logits, T the longest row; rows beyond the end of a text are 0. */
export function forward(
  config: ModelConfig,
  weights: NamedTensors,
  input: {
    readonly ids: TokenBatch;
    /** What an encoder reads. */
    readonly sources?: TokenBatch;
  },
  options: ForwardOptions,
): Tensor3D {
  const vocabulary = config.vocab_size;
  return tf.tidy(() => {
    const forest = chains(input.ids);
    const decode = { ...options, ...(input.sources ? { source: chains(input.sources) } : {}) };
    const logits = outputLogits(config, weights, hiddenStates(config, weights, forest, decode)); // (N, V)
    const longest = Math.max(0, ...input.ids.map((ids) => ids.length));
    const blank = forest.tokens.length;
    const cells = input.ids.flatMap((ids, b) =>
      Array.from({ length: longest }, (_, t) => (t < ids.length ? (forest.trees[b]?.start ?? 0) + t : blank)),
    );
    const padded = cells.includes(blank)
      ? tf.concat([logits, tf.tensor2d(new Float32Array(vocabulary), [1, vocabulary])], 0)
      : logits;
    return gatherRows(padded, Int32Array.from(cells)).reshape([input.ids.length, longest, vocabulary]);
  });
}

function dropper(options: ForwardOptions): Drop {
  return (x, rate) => (options.training && rate > 0 ? dropout(x, rate, drawSeed(options)) : x);
}

function drawSeed(options: ForwardOptions): number {
  if (!options.random)
    throw new Error('internal error: training with dropout needs a random stream; please report it');
  return options.random.uint32();
}
