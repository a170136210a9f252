/**
 * Key-value cache of a running generation: a trie. A prompt runs once however many rows continue it, and rows
 * that drew the same tokens so far are one node. Kept beside the engine, since a step touches a row of it at a time.
 */
import { addScaled, dot } from '../backend/dot.js';
import { exp } from '../backend/exp.js';

export class Cache {
  readonly width: number;
  readonly #heads: number;
  readonly #layers: readonly LayerCache[];
  readonly #prompts: Int32Array;
  readonly #nodes: { readonly parent: number; readonly prompt: number; readonly length: number }[] = [];
  readonly #children = new Map<string, number>();

  /** `prompts`: the length of each distinct prompt. */
  constructor(
    shape: { readonly width: number; readonly heads: number; readonly layers: number },
    prompts: Int32Array,
  ) {
    this.width = shape.width;
    this.#heads = shape.heads;
    this.#prompts = prompts;
    this.#layers = Array.from({ length: shape.layers }, () => ({
      prompts: Array.from(prompts, (length) => new Float32Array(length * 2 * shape.width)),
      nodes: new Float32Array(64 * 2 * shape.width),
    }));
  }

  /** Takes keys and values of a prompt from rows start, start + 1, ... of (N, 3C) queries, keys, values. */
  fillPrompt(layer: number, prompt: number, qkv: Float32Array, start: number): void {
    const { width } = this;
    const target = this.#layers[layer]?.prompts[prompt];
    for (let i = 0; target && i < (this.#prompts[prompt] ?? 0); i++) {
      const from = (start + i) * 3 * width + width;
      target.set(qkv.subarray(from, from + 2 * width), i * 2 * width);
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

  /**
   * Keeps the keys and values of new nodes and attends from each to its prompt and its branch: `qkv` holds
   * (nodes, 3C) from `from` on, (nodes, C) are written from `to` on. They may be parts of one array.
   */
  attend(
    layer: number,
    nodes: Int32Array,
    qkv: Float32Array,
    from: number,
    out: Float32Array,
    to: number,
  ): void {
    const { width } = this;
    const store = this.#layers[layer];
    if (!store) return;
    nodes.forEach((node, i) => {
      const row = from + i * 3 * width;
      keep(store, node * 2 * width, qkv.subarray(row + width, row + 3 * width));
      const view = { prompt: this.#promptKeys(store, node), branch: store.nodes, chain: this.#chain(node) };
      const d = width / this.#heads;
      for (let head = 0; head < width; head += d)
        attendHead(view, { query: qkv, at: row + head, head, d, width }, out, to + i * width + head);
    });
  }

  #promptKeys(store: LayerCache, node: number): Float32Array {
    return store.prompts[this.#node(node).prompt] ?? new Float32Array();
  }

  /** The node and its ancestors, the prompt left out. */
  #chain(node: number): Int32Array {
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

interface Keys {
  readonly prompt: Float32Array;
  readonly branch: Float32Array;
  readonly chain: Int32Array;
}

interface Query {
  readonly query: Float32Array;
  readonly at: number;
  /** First channel of the head, its width, and that of all heads. */
  readonly head: number;
  readonly d: number;
  readonly width: number;
}

let scores = new Float64Array(256);

function attendHead(
  { prompt, branch, chain }: Keys,
  { query, at, head, d, width }: Query,
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
  const norm = softmax(weights, total, 1 / Math.sqrt(d));
  out.fill(0, to, to + d);
  for (let j = 0; j < before; j++)
    addScaled(out, to, prompt, j * row + width + head, (weights[j] ?? 0) / norm, d);
  for (let j = 0; j < chain.length; j++) {
    addScaled(out, to, branch, (chain[j] ?? 0) * row + width + head, (weights[before + j] ?? 0) / norm, d);
  }
}

/** exp of scaled scores against their largest, in place; their sum. */
function softmax(weights: Float64Array, count: number, scale: number): number {
  let top = -Infinity;
  for (let j = 0; j < count; j++) if ((weights[j] ?? 0) > top) top = weights[j] ?? 0;
  let sum = 0;
  for (let j = 0; j < count; j++) sum += weights[j] = exp(((weights[j] ?? 0) - top) * scale);
  return sum;
}
