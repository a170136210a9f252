/** Key-value cache of a running generation as tensors of TensorFlow's, so that a step reads nothing back. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { cachedAttention } from '../backend/ops/cached-attention.js';
import type { Forest } from '../backend/ops/forest.js';
import { tf } from '../backend/tf.js';
import type { Attention } from './architecture.js';
import type { Cache } from './cache.js';

/** Which rows those of a step continue. */
interface Step {
  readonly prompts: Int32Array;
  readonly chains: Int32Array;
}

export class TensorCache {
  /** The trie of what was drawn. */
  readonly #nodes: Cache;
  readonly #trees: Forest['trees'];
  /** Queries, keys and values of each layer: of the prompts, then of one step after the other. */
  readonly #layers: Tensor2D[][];
  /** Row of a node in the step that it came with. */
  readonly #rows: number[] = [];
  #step: Step = { prompts: new Int32Array(), chains: new Int32Array() };

  constructor(nodes: Cache, { trees }: Forest, layers: number) {
    this.#nodes = nodes;
    this.#trees = trees;
    this.#layers = Array.from({ length: layers }, () => []);
  }

  fillPrompts(layer: number, qkv: Tensor2D): void {
    this.#keep(layer, qkv);
  }

  /** A step of new nodes, all of one depth. */
  begin(nodes: Int32Array): void {
    nodes.forEach((node, row) => (this.#rows[node] = row));
    const chains = Array.from(nodes, (node) => this.#nodes.chain(node).reverse().subarray(0, -1));
    this.#step = {
      prompts: Int32Array.from(
        [...nodes].flatMap((node) => {
          const { start, end } = known(this.#trees[this.#nodes.promptOf(node)]);
          return [start, end - start];
        }),
      ),
      chains: Int32Array.from(
        chains.flatMap((chain) => Array.from(chain, (node) => known(this.#rows[node]))),
      ),
    };
  }

  /** Keeps what the new nodes bring, and mixes: (nodes, (H + 2K) D) -> (nodes, H D). */
  attend(layer: number, { heads, keyHeads, scale }: Attention, qkv: Tensor2D): Tensor2D {
    const [opening, ...steps] = this.#layers[layer] ?? [];
    if (!opening) throw new Error('internal error: a cache was not filled; please report it');
    const mixed = cachedAttention(qkv, opening, steps, { heads, keyHeads, scale, ...this.#step });
    this.#keep(layer, qkv);
    return mixed;
  }

  #keep(layer: number, qkv: Tensor2D): void {
    this.#layers[layer]?.push(tf.keep(qkv.clone()));
  }

  dispose(): void {
    for (const tensor of this.#layers.splice(0).flat()) tensor.dispose();
  }
}

function known<T>(found: T | undefined): T {
  if (found === undefined)
    throw new Error('internal error: a cache is asked for what it never saw; please report it');
  return found;
}
