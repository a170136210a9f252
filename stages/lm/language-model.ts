/** A decoder with weights of its own as a `LanguageModel`: what policies give and samplers take. */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { activation } from '../backend/ops/activation.js';
import { logSoftmax } from '../backend/ops/distribution.js';
import { embed } from '../backend/ops/embed.js';
import { layerNorm } from '../backend/ops/layer-norm.js';
import { linear } from '../backend/ops/linear.js';
import { gatherRows } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import { attendCached, createCache, fillPrompt, type Cache } from './cache.js';
import { hiddenStates, type DecodeOptions } from './decoder.js';
import { chains, packGroups } from './forest.js';
import { scorePacked } from './scoring.js';
import type { MaskedTokenizer } from './tokenizer.js';
import type { DecoderConfig, LanguageModel, NamedTensors, State, TokenBatch, Tokens } from './types.js';
import { disposeTensors, parameter } from './weights.js';

export interface LanguageModelOptions {
  /** Leaves the weights (and the prefix) to the caller; else dispose() frees them. */
  readonly keepWeights?: boolean;
  /** (k, C) embeddings before every prompt. */
  readonly prefix?: Tensor2D;
}

/** Masked tokens have probability 0. Dropout is off. */
export function languageModel(
  config: DecoderConfig,
  weights: NamedTensors,
  tokenizer: Pick<MaskedTokenizer, 'masked'>,
  options: LanguageModelOptions = {},
): LanguageModel {
  return new DecoderModel(config, weights, tokenizer.masked, options);
}

/** What `State` is here. */
interface Generation {
  readonly cache: Cache;
  /** (distinct prompts, V) log-probabilities of the first token. */
  readonly opening: Tensor2D;
}

class DecoderModel implements LanguageModel {
  readonly #config: DecoderConfig;
  readonly #weights: NamedTensors;
  readonly #masked: Int32Array;
  readonly #options: LanguageModelOptions;
  readonly #openings = new Set<Tensor2D>();
  /** (C, V): the output layer turned once instead of at every token. */
  readonly #head: Tensor2D;

  constructor(
    config: DecoderConfig,
    weights: NamedTensors,
    masked: Int32Array,
    options: LanguageModelOptions,
  ) {
    this.#config = config;
    this.#weights = weights;
    this.#masked = masked;
    this.#options = options;
    const name = config.tie_word_embeddings ? 'transformer.wte.weight' : 'lm_head.weight';
    this.#head = tf.transpose(parameter<Tensor2D>(weights, name));
  }

  start(prompts: TokenBatch): State {
    const { distinct, index } = distinctPrompts(prompts);
    const lead = this.#lead;
    const forest = chains(distinct, { config: this.#config, prefix: lead });
    const lengths = Int32Array.from(distinct, (prompt) => prompt.length + lead);
    const { n_embd: width, n_head: heads, n_layer: layers } = this.#config;
    const cache = createCache({ width, heads, layers }, index, lengths);
    const onLayer = (layer: number, qkv: Tensor2D): void => {
      const values = qkv.dataSync<'float32'>();
      forest.trees.forEach((tree, prompt) => fillPrompt(cache, layer, prompt, values, tree.start));
    };
    const rows = Int32Array.from(forest.trees, (tree) => tree.end - 1);
    const decode: DecodeOptions = { training: false, rows, onLayer, ...this.#prefix };
    const opening = tf.tidy(() => this.#logProbs(hiddenStates(this.#config, this.#weights, forest, decode)));
    this.#openings.add(opening);
    return { cache, opening } satisfies Generation as unknown as State;
  }

  next(state: State, tokens?: Tensor1D): Tensor2D {
    const { cache, opening } = state as unknown as Generation;
    if (!tokens) return gatherRows(opening, cache.promptOf);
    const ids = tokens.dataSync<'int32'>();
    const live = Int32Array.from(ids.keys()).filter((row) => (ids[row] ?? -1) >= 0);
    const logProbs = tf.tidy(() =>
      this.#step(
        cache,
        live,
        Int32Array.from(live, (row) => ids[row] ?? 0),
      ),
    );
    for (const row of live) cache.added[row] = (cache.added[row] ?? 0) + 1;
    if (live.length === ids.length) return logProbs;
    const place = new Map(Array.from(live, (row, i) => [row, i]));
    const all = gatherRows(
      logProbs,
      Int32Array.from(ids.keys(), (row) => place.get(row) ?? 0),
    );
    logProbs.dispose();
    return all;
  }

  score(prompts: TokenBatch, responses: TokenBatch): Tensor2D {
    const { distinct, index } = distinctPrompts(prompts);
    // Rows by prompt, so that each prompt runs once.
    const order = Array.from(prompts.keys()).sort((a, b) => (index[a] ?? 0) - (index[b] ?? 0) || a - b);
    const groups = distinct.map((prompt, p) => ({
      prompt,
      responses: order.filter((row) => index[row] === p).map((row) => responses[row] ?? new Int32Array()),
    }));
    const packed = packGroups(groups, { config: this.#config, prefix: this.#lead });
    const values = tf.tidy(() => {
      const options = { training: false, masked: this.#masked, ...this.#prefix };
      return scorePacked(this.#config, this.#weights, packed, options).logProbs.dataSync<'float32'>();
    });
    const longest = Math.max(0, ...responses.map((response) => response.length));
    const table = new Float32Array(prompts.length * longest);
    let s = 0;
    for (const row of order) {
      const length = responses[row]?.length ?? 0;
      table.set(values.subarray(s, s + length), row * longest);
      s += length;
    }
    return tf.tensor2d(table, [prompts.length, longest]);
  }

  room(prompt: Tokens): number {
    return Math.max(0, this.#config.n_positions - prompt.length - this.#lead);
  }

  dispose(): void {
    for (const opening of this.#openings) opening.dispose();
    this.#openings.clear();
    this.#head.dispose();
    if (this.#options.keepWeights) return;
    disposeTensors(this.#weights);
    this.#options.prefix?.dispose();
  }

  get #lead(): number {
    return this.#options.prefix?.shape[0] ?? 0;
  }

  get #prefix(): { readonly prefix?: Tensor2D } {
    return this.#options.prefix ? { prefix: this.#options.prefix } : {};
  }

  #logProbs(hidden: Tensor2D): Tensor2D {
    return logSoftmax(tf.matMul(hidden, this.#head), this.#masked);
  }

  /** One token of each live row through all layers: (live) ids -> (live, V) log-probabilities. */
  #step(cache: Cache, live: Int32Array, ids: Int32Array): Tensor2D {
    const { n_layer: layers, n_embd: width, activation_function: kind } = this.#config;
    const positions = Int32Array.from(
      live,
      (row) => (cache.promptLengths[cache.promptOf[row] ?? 0] ?? 0) + (cache.added[row] ?? 0),
    );
    const table = parameter<Tensor2D>(this.#weights, 'transformer.wte.weight');
    let x = embed(table, parameter(this.#weights, 'transformer.wpe.weight'), ids, positions); // (L, C)
    for (let layer = 0; layer < layers; layer++) {
      const name = `transformer.h.${layer}`;
      const qkv = this.#affine(`${name}.attn.c_attn`, this.#norm(`${name}.ln_1`, x)).dataSync<'float32'>(); // (L, 3C)
      const mixed = tf.tensor2d(attendCached(cache, layer, qkv, live), [live.length, width]);
      x = x.add(this.#affine(`${name}.attn.c_proj`, mixed));
      const inner = activation(this.#affine(`${name}.mlp.c_fc`, this.#norm(`${name}.ln_2`, x)), kind);
      x = x.add(this.#affine(`${name}.mlp.c_proj`, inner));
    }
    return this.#logProbs(this.#norm('transformer.ln_f', x));
  }

  #affine(name: string, x: Tensor2D): Tensor2D {
    return linear(x, parameter(this.#weights, `${name}.weight`), parameter(this.#weights, `${name}.bias`));
  }

  #norm(name: string, x: Tensor2D): Tensor2D {
    const epsilon = this.#config.layer_norm_epsilon;
    return layerNorm(
      x,
      parameter(this.#weights, `${name}.weight`),
      parameter(this.#weights, `${name}.bias`),
      epsilon,
    );
  }
}

/** Prompts without repetition, and which of them each row has. */
function distinctPrompts(prompts: TokenBatch): { readonly distinct: Tokens[]; readonly index: Int32Array } {
  const seen = new Map<string, number>();
  const distinct: Tokens[] = [];
  const index = Int32Array.from(prompts, (prompt) => {
    const key = prompt.join();
    const known = seen.get(key);
    if (known !== undefined) return known;
    seen.set(key, distinct.length);
    return distinct.push(prompt) - 1;
  });
  return { distinct, index };
}
