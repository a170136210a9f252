/** A decoder with weights of its own as a `LanguageModel`: what policies give and samplers take. */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { logSoftmax } from '../backend/ops/distribution.js';
import { gatherRows } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import type { Architecture } from './architecture.js';
import type { Cache } from './cache.js';
import { architectureOf, type ModelConfig } from './config.js';
import { decodeStep } from './decode-step.js';
import { hiddenStates } from './decoder.js';
import { boundedPasses, boundsOf, packGroups } from './forest.js';
import type { HeapCache } from './heap-cache.js';
import { openingCaches, openingForests } from './opening.js';
import { scorePacked } from './scoring.js';
import type { RowAdapters } from './row-adapters.js';
import { byHeads, scoredByHeads, type RowHeads } from './row-heads.js';
import type { StepCache } from './step-cache.js';
import type { TensorCache } from './tensor-cache.js';
import { decodeByTensors } from './tensor-step.js';
import { HEAD, stepWeights, type StepWeights } from './step-weights.js';
import type { MaskedTokenizer } from './tokenizer.js';
import type { LanguageModel, NamedTensors, PromptGroup, State, TokenBatch, Tokens } from './types.js';
import { disposeTensors, parameter } from './weights.js';

export interface LanguageModelOptions {
  /** Leaves the weights to the caller; else dispose() frees them. */
  readonly keepWeights?: boolean;
  /** Output layers, each (V, C), and which of them answers each row, instead of the one among the weights. */
  readonly heads?: RowHeads;
  /** What each row adds to products. The caller keeps the tensors. */
  readonly adapters?: RowAdapters;
}

/** Masked tokens have probability 0. Dropout is off. */
export function languageModel(
  config: ModelConfig,
  weights: NamedTensors,
  tokenizer: Pick<MaskedTokenizer, 'masked'>,
  options: LanguageModelOptions = {},
): LanguageModel {
  return new DecoderModel(config, weights, tokenizer.masked, options);
}

/** What `State` is here. */
interface Generation {
  readonly cache: Cache;
  readonly steps: StepCache | undefined;
  readonly tensors: TensorCache | undefined;
  readonly heap: HeapCache | undefined;
  /** Of an encoder-decoder: keys and values of what was encoded. */
  readonly source: Cache | undefined;
  /** Of the first token: (distinct prompts, V) log-probabilities, or hidden states where rows have heads of their own. */
  readonly opening: Tensor2D;
  /** Of each row: its distinct prompt, and where it stands in the cache (-1 at the prompt's end). */
  readonly promptOf: Int32Array;
  /** Of each distinct prompt, where rows have adapters of their own. */
  readonly mixtures: Int32Array | undefined;
  readonly nodeOf: Int32Array;
}

class DecoderModel implements LanguageModel {
  readonly #config: ModelConfig;
  readonly #architecture: Architecture;
  readonly #weights: NamedTensors;
  readonly #masked: Int32Array;
  readonly #options: LanguageModelOptions;
  /** What generations hold. */
  readonly #held = new Set<{ dispose(): void }>();
  /** Weights turned and joined once instead of at every token; made at the first. */
  #step: StepWeights | undefined;

  constructor(config: ModelConfig, weights: NamedTensors, masked: Int32Array, options: LanguageModelOptions) {
    this.#config = config;
    this.#architecture = architectureOf(config);
    this.#weights = weights;
    this.#masked = masked;
    this.#options = options;
  }

  start(prompts: TokenBatch): State {
    const { distinct, index, mixtures } = distinctPrompts(prompts, this.#options.adapters?.of);
    const adapters = this.#adaptersAt(mixtures);
    const forests = openingForests(this.#config, distinct);
    const { forest, source } = forests;
    const adapted = this.#options.adapters !== undefined;
    const caches = openingCaches(this.#architecture, this.#weights, { ...forests, adapted });
    const rows = Int32Array.from(forest.trees, (tree) => tree.end - 1);
    const decode = {
      training: false,
      rows,
      ...adapters,
      ...caches.filling,
      ...(source ? { source } : {}),
    };
    const step = this.#stepWeights;
    const opening = tf.tidy(() => {
      const hidden = hiddenStates(this.#config, this.#weights, forest, decode);
      if (this.#options.heads) return hidden;
      return logSoftmax(tf.matMul(hidden, parameter<Tensor2D>(step.tensors, HEAD)), this.#masked);
    });
    this.#held.add(opening);
    for (const kept of [caches.steps, caches.tensors, caches.heap]) if (kept) this.#held.add(kept);
    return {
      cache: caches.cache,
      steps: caches.steps,
      tensors: caches.tensors,
      heap: caches.heap,
      source: caches.source,
      opening,
      promptOf: index,
      mixtures: this.#options.adapters && mixtures,
      nodeOf: new Int32Array(index.length).fill(-1),
    } satisfies Generation as unknown as State;
  }

  /** A token below 0 says that its row has ended: nothing is computed for it, and its answer means nothing. */
  next(state: State, tokens?: Tensor1D): Tensor2D {
    const generation = state as unknown as Generation;
    if (!tokens) return this.#answers(generation.opening, generation.promptOf);
    const { cache, steps, tensors, heap, source, promptOf, mixtures, nodeOf } = generation;
    const nodes: number[] = [];
    const ids: number[] = [];
    const places = new Map<number, number>();
    const answer = tokens.dataSync<'int32'>().map((token, row) => {
      if (token < 0) return 0;
      const node = cache.child(nodeOf[row] ?? -1, promptOf[row] ?? 0, token);
      nodeOf[row] = node;
      if (!places.has(node)) {
        places.set(node, nodes.push(node) - 1);
        ids.push(token);
      }
      return places.get(node) ?? 0;
    });
    const step = {
      config: this.#config,
      masked: this.#masked,
      cache,
      tensors,
      heap,
      source,
      nodes: Int32Array.from(nodes),
      tokens: Int32Array.from(ids),
      positions: Int32Array.from(nodes, (node) => cache.position(node)),
      prompts: Int32Array.from(nodes, (node) => cache.promptOf(node)),
      mixtures: mixtures && Int32Array.from(nodes, (node) => mixtures[cache.promptOf(node)] ?? 0),
      hidden: this.#options.heads !== undefined,
    };
    const computed = steps
      ? decodeByTensors(this.#stepWeights, step, steps)
      : decodeStep(this.#stepWeights, step);
    const all = this.#answers(computed, answer);
    computed.dispose();
    return all;
  }

  /** Row i of the table that is row of[i] of what was computed. */
  #answers(computed: Tensor2D, of: Int32Array): Tensor2D {
    const { heads } = this.#options;
    return heads ? byHeads(computed, of, { ...heads, masked: this.#masked }) : gatherRows(computed, of);
  }

  score(prompts: TokenBatch, responses: TokenBatch): Tensor2D {
    const { distinct, index } = distinctPrompts(prompts, this.#options.adapters?.of);
    // Rows by prompt, so that each prompt runs once.
    const rowsOf: number[][] = distinct.map(() => []);
    index.forEach((prompt, row) => rowsOf[prompt]?.push(row));
    const groups = distinct.map((prompt, p) => ({
      prompt,
      responses: (rowsOf[p] ?? []).map((row) => responses[row] ?? new Int32Array()),
    }));
    const passes = boundedPasses(groups, boundsOf(this.#config));
    const order = rowsOf.flat();
    let from = 0;
    const values = passes.map((pass) => {
      const count = pass.reduce((sum, group) => sum + group.responses.length, 0);
      return this.#logProbs(pass, order.slice(from, (from += count)));
    });
    return paddedRows(values, order, responses);
  }

  /** Of each response token, group by group, in one pass; `rows` are those of the responses. */
  #logProbs(groups: readonly PromptGroup[], rows: readonly number[]): Float32Array {
    const packed = packGroups(groups, { config: this.#config });
    const { heads, adapters } = this.#options;
    return tf.tidy(() => {
      if (!heads) {
        const mixtures = startsOf(groups).map((start) => adapters?.of[rows[start] ?? 0] ?? 0);
        const options = { training: false, masked: this.#masked, ...this.#adaptersAt(mixtures) };
        return scorePacked(this.#config, this.#weights, packed, options)
          .logProbs.dataSync<'float32'>()
          .slice();
      }
      const { forest, source, placeNodes } = packed;
      const options = { training: false, rows: placeNodes, ...(source ? { source } : {}) };
      const hidden = hiddenStates(this.#config, this.#weights, forest, options);
      const of = Int32Array.from(rows, (row) => heads.of[row] ?? 0);
      return scoredByHeads(hidden, packed, { ...heads, of, masked: this.#masked });
    });
  }

  end(state: State): void {
    const { opening, steps, tensors, heap } = state as unknown as Generation;
    for (const held of [opening, steps, tensors, heap]) {
      held?.dispose();
      if (held) this.#held.delete(held);
    }
  }

  /** The last token of a response is predicted and takes no position. */
  room(prompt: Tokens): number {
    return Math.max(0, this.#architecture.context - prompt.length + 1);
  }

  dispose(): void {
    for (const held of this.#held) held.dispose();
    this.#held.clear();
    this.#step?.dispose();
    this.#step = undefined;
    if (!this.#options.keepWeights) disposeTensors(this.#weights);
  }

  get #stepWeights(): StepWeights {
    return (this.#step ??= stepWeights(this.#config, this.#weights, this.#options.adapters?.tensors));
  }

  /** Where rows have adapters of their own: those of trees with these mixtures. */
  #adaptersAt(of: Int32Array): { readonly adapters?: RowAdapters } {
    const { adapters } = this.#options;
    return adapters ? { adapters: { ...adapters, of } } : {};
  }
}

/** (B, T) of values that come row by row in the given order, T the longest response; 0 beyond the end of a row. */
function paddedRows(
  passes: readonly Float32Array[],
  order: readonly number[],
  responses: TokenBatch,
): Tensor2D {
  const longest = responses.reduce((most, response) => Math.max(most, response.length), 0);
  const table = new Float32Array(responses.length * longest);
  const values = concatenated(passes);
  let from = 0;
  for (const row of order) {
    const length = responses[row]?.length ?? 0;
    table.set(values.subarray(from, from + length), row * longest);
    from += length;
  }
  return tf.tensor2d(table, [responses.length, longest]);
}

/** The first response of each group, counted through all. */
function startsOf(groups: readonly PromptGroup[]): Int32Array {
  let next = 0;
  return Int32Array.from(groups, ({ responses }) => (next += responses.length) - responses.length);
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

interface Distinct {
  readonly distinct: Tokens[];
  /** Of each of them. */
  readonly mixtures: Int32Array;
  /** Which of them each row has. */
  readonly index: Int32Array;
}

/** Prompts without repetition; rows share one where their mixture is the same, too. */
function distinctPrompts(prompts: TokenBatch, of?: Int32Array): Distinct {
  const objects = new Map<Tokens, number>();
  const [texts, places] = [new Map<string, number>(), new Map<string, number>()];
  const distinct: Tokens[] = [];
  const mixtures: number[] = [];
  const index = Int32Array.from(prompts, (prompt, row) => {
    const text = objects.get(prompt) ?? numberOf(texts, prompt.join());
    objects.set(prompt, text);
    const mixture = of?.[row] ?? 0;
    const place = numberOf(places, `${text} ${mixture}`);
    if (place === distinct.length) {
      distinct.push(prompt);
      mixtures.push(mixture);
    }
    return place;
  });
  return { distinct, mixtures: Int32Array.from(mixtures), index };
}

/** In the order of their first coming. */
function numberOf(known: Map<string, number>, name: string): number {
  const number = known.get(name) ?? known.size;
  known.set(name, number);
  return number;
}
