/**
 * Key-value cache of a running generation: a trie. A prompt runs once however many rows continue it, and rows
 * that drew the same tokens so far are one node. Kept beside the engine, since a step touches a row of it at a time.
 */
import { addScaled, dot } from '../backend/dot.js';
import { exp } from '../backend/exp.js';

export interface CacheShape {
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / keyHeads of the queries. */
  readonly keyHeads: number;
  readonly headWidth: number;
  readonly scale: number;
  /** What is added to the score of a head at a key so many places before. */
  readonly bias?: (head: number, before: number) => number;
}

/** Rows of floats inside an array. */
export interface Rows {
  readonly values: Float32Array;
  /** Start of the first, and floats from one to the next. */
  readonly at: number;
  readonly stride: number;
}

export class Cache {
  readonly #shape: CacheShape;
  /** Keys, and values, of one node. */
  readonly #width: number;
  readonly #layers: readonly LayerCache[];
  readonly #prompts: Int32Array;
  readonly #nodes: { readonly parent: number; readonly prompt: number; readonly length: number }[] = [];
  readonly #children = new Map<string, number>();

  /** `prompts`: the length of each distinct prompt. */
  constructor(shape: CacheShape, prompts: Int32Array) {
    this.#shape = shape;
    this.#width = shape.keyHeads * shape.headWidth;
    this.#prompts = prompts;
    this.#layers = Array.from({ length: shape.layers }, () => ({
      prompts: Array.from(prompts, (length) => new Float32Array(length * 2 * this.#width)),
      nodes: new Float32Array(64 * 2 * this.#width),
    }));
  }

  /** Takes keys and values of a prompt, side by side, one row a position. */
  fillPrompt(layer: number, prompt: number, { values, at, stride }: Rows): void {
    const target = this.#layers[layer]?.prompts[prompt];
    const both = 2 * this.#width;
    for (let i = 0; target && i < (this.#prompts[prompt] ?? 0); i++) {
      const from = at + i * stride;
      target.set(values.subarray(from, from + both), i * both);
    }
  }

  /** The node of a token behind another node, or first behind a prompt (parent -1), made where it is not there yet. */
  child(parent: number, prompt: number, token: number): number {
    const key = `${parent < 0 ? `p${prompt}` : parent} ${token}`;
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const length = parent < 0 ? 1 : (this.#nodes[parent]?.length ?? 0) + 1;
    const node = this.#nodes.push({ parent, prompt, length }) - 1;
    this.#children.set(key, node);
    return node;
  }

  position(node: number): number {
    const { prompt, length } = this.#node(node);
    return (this.#prompts[prompt] ?? 0) + length - 1;
  }

  promptOf(node: number): number {
    return this.#node(node).prompt;
  }

  /**
   * Keeps the keys and values of new nodes and attends from each to its prompt and its branch: `qkv` holds rows of
   * queries, keys and values, `out` takes rows of the mix. They may be parts of one array.
   */
  attend(layer: number, nodes: Int32Array, qkv: Rows, out: Rows): void {
    const store = this.#layers[layer];
    if (!store) return;
    const { heads, headWidth } = this.#shape;
    nodes.forEach((node, i) => {
      const keys = qkv.at + i * qkv.stride + heads * headWidth;
      keep(store, node * 2 * this.#width, qkv.values.subarray(keys, keys + 2 * this.#width));
      const view = { prompt: this.#promptKeys(store, node), branch: store.nodes, chain: this.chain(node) };
      this.#attendHeads(view, qkv, out, i);
    });
  }

  /** Attends to prompts alone: `queries` and `out` hold one row for each of them. */
  attendPrompts(layer: number, prompts: Int32Array, queries: Rows, out: Rows): void {
    const store = this.#layers[layer];
    if (!store) return;
    prompts.forEach((prompt, i) => {
      const view = { prompt: store.prompts[prompt] ?? nothing, branch: nothing, chain: noNodes };
      this.#attendHeads(view, queries, out, i);
    });
  }

  #attendHeads(keys: Keys, queries: Rows, out: Rows, row: number): void {
    const { heads, keyHeads, headWidth: d, scale, bias } = this.#shape;
    for (let head = 0; head < heads; head++) {
      const query = {
        query: queries.values,
        at: queries.at + row * queries.stride + head * d,
        head: Math.floor((head * keyHeads) / heads) * d,
        ...{ d, width: this.#width, scale },
        bias: bias && ((before: number) => bias(head, before)),
      };
      attendHead(keys, query, out.values, out.at + row * out.stride + head * d);
    }
  }

  #promptKeys(store: LayerCache, node: number): Float32Array {
    return store.prompts[this.#node(node).prompt] ?? nothing;
  }

  /** The node and its ancestors, the prompt left out. */
  chain(node: number): Int32Array {
    const chain = new Int32Array(this.#node(node).length);
    for (let i = 0, at = node; i < chain.length; i++, at = this.#node(at).parent) chain[i] = at;
    return chain;
  }

  #node(node: number): { readonly parent: number; readonly prompt: number; readonly length: number } {
    const found = this.#nodes[node];
    if (!found) throw new Error(`internal error: a cache has no node ${node}; please report it`);
    return found;
  }
}

const nothing = new Float32Array();
const noNodes = new Int32Array();

/** Keys and values side by side, (length, 2C): of each distinct prompt, and of all nodes. */
interface LayerCache {
  readonly prompts: readonly Float32Array[];
  nodes: Float32Array;
}

function keep(store: LayerCache, at: number, keysAndValues: Float32Array): void {
  if (at + keysAndValues.length > store.nodes.length) {
    const grown = new Float32Array(2 * (at + keysAndValues.length));
    grown.set(store.nodes);
    store.nodes = grown;
  }
  store.nodes.set(keysAndValues, at);
}

/** In the order of the branch from its end, and of the prompt from its start. */
interface Keys {
  readonly prompt: Float32Array;
  readonly branch: Float32Array;
  readonly chain: Int32Array;
}

interface Query {
  readonly query: Float32Array;
  readonly at: number;
  /** First channel of the head's keys, its width, and that of all heads of keys. */
  readonly head: number;
  readonly d: number;
  readonly width: number;
  readonly scale: number;
  readonly bias: ((before: number) => number) | undefined;
}

let scores = new Float64Array(256);

function attendHead(
  { prompt, branch, chain }: Keys,
  { query, at, head, d, width, scale, bias }: Query,
  out: Float32Array,
  to: number,
): void {
  const row = 2 * width;
  const before = prompt.length / row;
  const total = before + chain.length;
  if (total > scores.length) scores = new Float64Array(2 * total);
  const weights = scores;
  for (let j = 0; j < before; j++) weights[j] = dot(query, at, prompt, j * row + head, d);
  for (let j = 0; j < chain.length; j++)
    weights[before + j] = dot(query, at, branch, (chain[j] ?? 0) * row + head, d);
  if (bias) addBias(weights, before, total, bias);
  const norm = softmax(weights, total, scale);
  out.fill(0, to, to + d);
  for (let j = 0; j < before; j++)
    addScaled(out, to, prompt, j * row + width + head, (weights[j] ?? 0) / norm, d);
  for (let j = 0; j < chain.length; j++) {
    addScaled(out, to, branch, (chain[j] ?? 0) * row + width + head, (weights[before + j] ?? 0) / norm, d);
  }
}

/** Scores of a bias are not scaled: where there is one, the scale is 1. */
function addBias(
  weights: Float64Array,
  before: number,
  total: number,
  bias: (before: number) => number,
): void {
  for (let j = 0; j < total; j++)
    weights[j] = (weights[j] ?? 0) + bias(j < before ? total - 1 - j : j - before);
}

/** exp of scaled scores against their largest, in place; their sum. */
function softmax(weights: Float64Array, count: number, scale: number): number {
  let top = -Infinity;
  for (let j = 0; j < count; j++) if ((weights[j] ?? 0) > top) top = weights[j] ?? 0;
  let sum = 0;
  for (let j = 0; j < count; j++) sum += weights[j] = exp(((weights[j] ?? 0) - top) * scale);
  return sum;
}
