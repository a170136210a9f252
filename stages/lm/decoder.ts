/** GPT-2's decoder (Radford et al. 2019) over a forest of tokens, functional in its weights. */
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { activation } from '../backend/ops/activation.js';
import { forestAttention } from '../backend/ops/attention.js';
import { dropout } from '../backend/ops/dropout.js';
import { embed } from '../backend/ops/embed.js';
import type { Forest } from '../backend/ops/forest.js';
import { layerNorm } from '../backend/ops/layer-norm.js';
import { linear, linearTransposed } from '../backend/ops/linear.js';
import { gatherRows } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import type { Random } from '../random.js';
import { chains, checkRoom } from './forest.js';
import type { DecoderConfig, NamedTensors, TokenBatch } from './types.js';
import { parameter } from './weights.js';

export interface ForwardOptions {
  /** Dropout is on in training and off otherwise. */
  readonly training: boolean;
  /** Required where training is true and a dropout rate is above 0. */
  readonly random?: Random;
}

export interface DecodeOptions extends ForwardOptions {
  /** (k, C) embeddings that tokens vocab_size, vocab_size + 1, ... stand for. */
  readonly prefix?: Tensor2D;
  /** Nodes whose outputs are wanted: the last block computes no more than these. All without. */
  readonly rows?: Int32Array;
  /** Sees each layer's (N, 3C) queries, keys and values: how a cache is filled. */
  readonly onLayer?: (layer: number, qkv: Tensor2D) => void;
}

/** (rows, C) hidden states after the last layer norm. */
export function hiddenStates(
  config: DecoderConfig,
  weights: NamedTensors,
  forest: Forest,
  options: DecodeOptions,
): Tensor2D {
  checkRoom(config, forest);
  return tf.tidy(() => {
    const drop = dropper(options);
    const table = parameter<Tensor2D>(weights, 'transformer.wte.weight');
    const embeddings = options.prefix ? tf.concat([table, options.prefix], 0) : table;
    let x = embed(embeddings, parameter(weights, 'transformer.wpe.weight'), forest.tokens, forest.depths); // (N, C)
    x = drop(x, config.embd_pdrop);
    for (let layer = 0; layer < config.n_layer; layer++) {
      const rows = layer === config.n_layer - 1 ? options.rows : undefined;
      x = block({ config, weights, layer, forest, drop, options }, x, rows);
    }
    return norm(config, weights, 'transformer.ln_f', x);
  });
}

/** (N, C) -> (N, V) logits. */
export function outputLogits(config: DecoderConfig, weights: NamedTensors, hidden: Tensor2D): Tensor2D {
  const name = config.tie_word_embeddings ? 'transformer.wte.weight' : 'lm_head.weight';
  return linearTransposed(hidden, parameter(weights, name));
}

/** (B, T, V) logits, T the longest row; rows beyond the end of a text are 0. A prefix comes before every text. */
export function forward(
  config: DecoderConfig,
  weights: NamedTensors,
  input: { readonly ids: TokenBatch; readonly prefix?: Tensor2D },
  options: ForwardOptions,
): Tensor3D {
  return tf.tidy(() => {
    const lead = input.prefix?.shape[0] ?? 0;
    const forest = chains(input.ids, { config, prefix: lead });
    const decode = input.prefix ? { ...options, prefix: input.prefix } : options;
    const logits = outputLogits(config, weights, hiddenStates(config, weights, forest, decode)); // (N, V)
    const longest = Math.max(0, ...input.ids.map((ids) => ids.length));
    const blank = forest.tokens.length;
    const cells = input.ids.flatMap((ids, b) =>
      Array.from({ length: longest }, (_, t) =>
        t < ids.length ? (forest.trees[b]?.start ?? 0) + lead + t : blank,
      ),
    );
    const padded = cells.includes(blank)
      ? tf.concat([logits, tf.tensor2d(new Float32Array(config.vocab_size), [1, config.vocab_size])], 0)
      : logits;
    return gatherRows(padded, Int32Array.from(cells)).reshape([input.ids.length, longest, config.vocab_size]);
  });
}

type Drop = (x: Tensor2D, rate: number) => Tensor2D;

interface Block {
  readonly config: DecoderConfig;
  readonly weights: NamedTensors;
  readonly layer: number;
  readonly forest: Forest;
  readonly drop: Drop;
  readonly options: DecodeOptions;
}

function block(at: Block, x: Tensor2D, rows: Int32Array | undefined): Tensor2D {
  const { config, weights, layer, drop } = at;
  const name = `transformer.h.${layer}`;
  let mixed = attention(at, norm(config, weights, `${name}.ln_1`, x));
  if (rows) [mixed, x] = [gatherRows(mixed, rows), gatherRows(x, rows)];
  x = x.add(drop(affine(weights, `${name}.attn.c_proj`, mixed), config.resid_pdrop));
  const inner = activation(
    affine(weights, `${name}.mlp.c_fc`, norm(config, weights, `${name}.ln_2`, x)),
    config.activation_function,
  );
  return x.add(drop(affine(weights, `${name}.mlp.c_proj`, inner), config.resid_pdrop));
}

function attention({ config, weights, layer, forest, options }: Block, x: Tensor2D): Tensor2D {
  const qkv = affine(weights, `transformer.h.${layer}.attn.c_attn`, x); // (N, 3C)
  options.onLayer?.(layer, qkv);
  const rate = options.training ? config.attn_pdrop : 0;
  if (rate === 0) return forestAttention(qkv, forest, { heads: config.n_head });
  return forestAttention(qkv, forest, { heads: config.n_head, dropout: { rate, seed: drawSeed(options) } });
}

function affine(weights: NamedTensors, name: string, x: Tensor2D): Tensor2D {
  return linear(
    x,
    parameter<Tensor2D>(weights, `${name}.weight`),
    parameter<Tensor1D>(weights, `${name}.bias`),
  );
}

function norm(config: DecoderConfig, weights: NamedTensors, name: string, x: Tensor2D): Tensor2D {
  return layerNorm(
    x,
    parameter(weights, `${name}.weight`),
    parameter(weights, `${name}.bias`),
    config.layer_norm_epsilon,
  );
}

function dropper(options: ForwardOptions): Drop {
  return (x, rate) => (options.training && rate > 0 ? dropout(x, rate, drawSeed(options)) : x);
}

function drawSeed(options: ForwardOptions): number {
  if (!options.random)
    throw new Error('internal error: training with dropout needs a random stream; please report it');
  return options.random.uint32();
}
