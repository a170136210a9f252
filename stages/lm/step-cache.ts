/** Key-value cache of a running generation as tensors of TensorFlow's, where a step is one operation. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Forest } from '../backend/ops/forest.js';
import { tf } from '../backend/tf.js';
import type { Cache } from './cache.js';

export class StepCache {
  /** The trie of what was drawn. */
  readonly #nodes: Cache;
  readonly #trees: Forest['trees'];
  /** Queries, keys and values of all prompts, a layer each. */
  readonly openings: Tensor2D[] = [];
  /** Keys and values of one step after the other, (layers, rows, 2 K D). */
  readonly steps: Tensor[] = [];
  /** Row of a node in the step that it came with. */
  readonly #rows: number[] = [];

  constructor(nodes: Cache, { trees }: Forest) {
    this.#nodes = nodes;
    this.#trees = trees;
  }

  fillPrompts(layer: number, qkv: Tensor2D): void {
    this.openings[layer] = tf.keep(qkv.clone());
  }

  /** New nodes, all of one depth: what they continue, as `decode` wants it. */
  begin(nodes: Int32Array): { readonly prompts: Int32Array; readonly chains: Int32Array } {
    const prompts = new Int32Array(2 * nodes.length);
    const chains = new Int32Array(nodes.length * this.steps.length);
    nodes.forEach((node, row) => {
      const { start, end } = known(this.#trees[this.#nodes.promptOf(node)]);
      prompts.set([start, end - start], 2 * row);
      const chain = this.#nodes.chain(node);
      const last = (row + 1) * this.steps.length;
      for (let i = 1; i < chain.length; i++) chains[last - i] = known(this.#rows[known(chain[i])]);
      this.#rows[node] = row;
    });
    return { prompts, chains };
  }

  /** What the nodes of the last `begin` left. */
  keep(step: Tensor): void {
    this.steps.push(tf.keep(step));
  }

  dispose(): void {
    for (const tensor of [...this.openings.splice(0), ...this.steps.splice(0)]) tensor.dispose();
  }
}

function known<T>(found: T | undefined): T {
  if (found === undefined)
    throw new Error('internal error: a cache is asked for what it never saw; please report it');
  return found;
}
