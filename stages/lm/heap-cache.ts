/** Key-value cache of a running generation in the heap of an engine that has vector loops. */
import type { Tensor, Tensor2D, TensorInfo } from '@tensorflow/tfjs';
import { input, type Inputs } from '../backend/fused.js';
import type { Address, Memory } from '../backend/memory.js';
import type { Forest } from '../backend/ops/forest.js';
import { tf } from '../backend/tf.js';
import type { Attention } from './architecture.js';
import type { Cache } from './cache.js';

/** Room for so many nodes at first. */
const few = 256;

export class HeapCache {
  /** The trie of what was drawn. */
  readonly #nodes: Cache;
  readonly #trees: Forest['trees'];
  /** Of each layer: queries, keys and values of the prompts; keys and values of the nodes, (room, 2 K D). */
  readonly #prompts: Tensor2D[] = [];
  #steps: Tensor2D[] = [];
  #room = few;

  constructor(nodes: Cache, { trees }: Forest) {
    this.#nodes = nodes;
    this.#trees = trees;
  }

  fillPrompts(layer: number, qkv: Tensor2D, { keyHeads, headWidth }: Attention): void {
    this.#prompts[layer] = tf.keep(qkv.clone());
    this.#steps[layer] = tf.keep(tf.zeros([this.#room, 2 * keyHeads * headWidth]));
  }

  /** Makes room for new nodes, before a kernel writes to it; answers all tensors that the kernel reads and writes. */
  begin(nodes: Int32Array): Readonly<Record<string, Tensor>> {
    const most = nodes.reduce((top, node) => Math.max(top, node + 1), 0);
    if (most > this.#room) this.#grow(2 * most);
    const named = (kind: string, tensors: readonly Tensor2D[]): [string, Tensor][] =>
      tensors.map((tensor, layer) => [`${kind}${layer}`, tensor]);
    return Object.fromEntries([...named('prompts', this.#prompts), ...named('steps', this.#steps)]);
  }

  #grow(room: number): void {
    const more = room - this.#room;
    const grown = this.#steps.map((tensor) =>
      tf.keep(tf.tidy(() => tf.concat([tensor, tf.zeros([more, tensor.shape[1]])]) as Tensor2D)),
    );
    this.#steps.forEach((tensor) => tensor.dispose());
    this.#steps = grown;
    this.#room = room;
  }

  /** Inside a kernel whose inputs are those of `begin`, for the nodes of one step. */
  attending(memory: Memory, inputs: Inputs, nodes: Int32Array): Attending {
    const chains = Array.from(nodes, (node) => this.#nodes.chain(node));
    const longest = Math.max(0, ...chains.map((chain) => chain.length));
    const prompts = Array.from(nodes, (node) => {
      const tree = this.#trees[this.#nodes.promptOf(node)];
      if (!tree)
        throw new Error('internal error: a cache is asked for a prompt it never saw; please report it');
      return tree;
    });
    const keys = Math.max(0, ...prompts.map(({ start, end }) => end - start)) + longest;
    const [chainAt, scores] = [memory.scratch(nodes.length * longest), memory.scratch(keys)];
    const integers = new Int32Array(memory.heap().buffer);
    chains.forEach((chain, i) => integers.set(chain, chainAt + i * longest));
    return new Attending({ memory, inputs, nodes, chains, prompts, chainAt, longest, scores });
  }

  dispose(): void {
    for (const tensor of [...this.#prompts, ...this.#steps]) tensor.dispose();
  }
}

interface StepOfNodes {
  readonly memory: Memory;
  readonly inputs: Inputs;
  readonly nodes: Int32Array;
  /** Of each node: those that it sees, itself first, and the rows of its prompt. */
  readonly chains: readonly Int32Array[];
  readonly prompts: readonly { readonly start: number; readonly end: number }[];
  /** The chains as whole numbers in the heap, each `longest` after the other; and room for scores. */
  readonly chainAt: Address;
  readonly longest: number;
  readonly scores: Address;
}

/** Rows of floats in the heap. */
interface HeapRows {
  readonly at: Address;
  readonly stride: number;
}

/** One step of all layers. */
export class Attending {
  readonly #step: StepOfNodes;

  constructor(step: StepOfNodes) {
    this.#step = step;
  }

  /** Keeps what the new nodes bring, and mixes: `qkv` holds rows of queries, keys and values, `out` takes rows of the mix. */
  attend(
    layer: number,
    { heads, keyHeads, headWidth: d, scale }: Attention,
    qkv: HeapRows,
    out: HeapRows,
  ): void {
    const { memory, nodes, chains, prompts, chainAt, longest, scores } = this.#step;
    const { simd } = memory;
    if (!simd)
      throw new Error('internal error: the vector loops went away in mid-generation; please report it');
    const [prompt, steps] = [this.#input('prompts', layer), this.#input('steps', layer)];
    const [first, own] = [memory.input(prompt) + heads * d, memory.input(steps)];
    const [stride, width] = [prompt.shape[1] ?? 0, 2 * keyHeads * d];
    const heap = memory.heap();
    nodes.forEach((node, i) => {
      const keys = qkv.at + i * qkv.stride + heads * d;
      heap.copyWithin(own + node * width, keys, keys + width);
    });
    const sizes = [heads, keyHeads, d, scale, 4 * scores] as const;
    chains.forEach((chain, i) => {
      const { start, end } = prompts[i] ?? { start: 0, end: 0 };
      const places = [4 * (qkv.at + i * qkv.stride), 4 * (out.at + i * out.stride)] as const;
      const shared = [4 * (first + start * stride), 4 * stride, end - start] as const;
      simd.attendCached(...places, ...shared, 4 * own, 4 * (chainAt + i * longest), chain.length, ...sizes);
    });
  }

  #input(kind: string, layer: number): TensorInfo {
    return input(this.#step.inputs, `${kind}${layer}`);
  }
}
