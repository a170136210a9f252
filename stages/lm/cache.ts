/**
 * Key-value cache of a running generation: prompts once each, however many rows continue them, and what each
 * row added. Kept beside the engine, so that a step reads and writes one vector a row.
 */
import { exp } from '../backend/exp.js';

/** Keys and values of one layer. */
export interface LayerCache {
  /** Of each distinct prompt: (length, 2C), keys and values side by side. */
  readonly prompts: Float32Array[];
  /** Of each row: (capacity, 2C). */
  readonly rows: Float32Array[];
}

export interface Cache {
  readonly width: number;
  readonly heads: number;
  readonly layers: readonly LayerCache[];
  /** Distinct prompt of each row, and its length. */
  readonly promptOf: Int32Array;
  readonly promptLengths: Int32Array;
  /** Tokens each row has added. */
  readonly added: Int32Array;
}

/** Room for this many more tokens a row at a time. */
const CAPACITY = 16;

export function createCache(
  shape: { readonly width: number; readonly heads: number; readonly layers: number },
  promptOf: Int32Array,
  promptLengths: Int32Array,
): Cache {
  const { width, heads } = shape;
  const layers = Array.from({ length: shape.layers }, () => ({
    prompts: Array.from(promptLengths, (length) => new Float32Array(length * 2 * width)),
    rows: Array.from(promptOf, () => new Float32Array(CAPACITY * 2 * width)),
  }));
  return { width, heads, layers, promptOf, promptLengths, added: new Int32Array(promptOf.length) };
}

/** Takes keys and values of a prompt's nodes start..start + length from (N, 3C) queries, keys, values. */
export function fillPrompt(
  cache: Cache,
  layer: number,
  prompt: number,
  qkv: Float32Array,
  start: number,
): void {
  const { width } = cache;
  const target = cache.layers[layer]?.prompts[prompt];
  for (let i = 0; target && i < (cache.promptLengths[prompt] ?? 0); i++) {
    const from = (start + i) * 3 * width + width;
    target.set(qkv.subarray(from, from + 2 * width), i * 2 * width);
  }
}

/**
 * One token a row: appends its key and value, and attends to all before. `qkv` is (rows, 3C) of the given rows
 * of the cache; the answer (rows, C). The caller counts `added` up after the last layer.
 */
export function attendCached(cache: Cache, layer: number, qkv: Float32Array, rows: Int32Array): Float32Array {
  const { width, heads } = cache;
  const out = new Float32Array(rows.length * width);
  const store = cache.layers[layer];
  for (let i = 0; store && i < rows.length; i++) {
    const row = rows[i] ?? 0;
    const own = appendRow(cache, store, row, qkv, i * 3 * width + width);
    const prompt = cache.promptOf[row] ?? 0;
    const parts = [
      { keys: store.prompts[prompt] ?? own, count: cache.promptLengths[prompt] ?? 0 },
      { keys: own, count: (cache.added[row] ?? 0) + 1 },
    ] as const;
    for (let head = 0; head < heads; head++)
      attendHead({ qkv, out, width, d: width / heads }, i, head, parts);
  }
  return out;
}

function appendRow(
  cache: Cache,
  store: LayerCache,
  row: number,
  qkv: Float32Array,
  from: number,
): Float32Array {
  const at = (cache.added[row] ?? 0) * 2 * cache.width;
  let own = store.rows[row] ?? new Float32Array();
  if (at >= own.length) {
    const grown = new Float32Array(own.length + CAPACITY * 2 * cache.width);
    grown.set(own);
    store.rows[row] = own = grown;
  }
  own.set(qkv.subarray(from, from + 2 * cache.width), at);
  return own;
}

interface Keys {
  readonly keys: Float32Array;
  readonly count: number;
}

interface Vectors {
  readonly qkv: Float32Array;
  readonly out: Float32Array;
  readonly width: number;
  readonly d: number;
}

let scores = new Float64Array(256);

function attendHead(
  { qkv, out, width, d }: Vectors,
  i: number,
  head: number,
  parts: readonly [Keys, Keys],
): void {
  const query = i * 3 * width + head * d;
  const total = parts[0].count + parts[1].count;
  if (total > scores.length) scores = new Float64Array(2 * total);
  let top = -Infinity;
  let at = 0;
  for (const { keys, count } of parts) {
    for (let j = 0; j < count; j++) {
      let sum = 0;
      const key = j * 2 * width + head * d;
      for (let c = 0; c < d; c++) sum += (qkv[query + c] ?? 0) * (keys[key + c] ?? 0);
      scores[at++] = sum /= Math.sqrt(d);
      if (sum > top) top = sum;
    }
  }
  let norm = 0;
  for (let j = 0; j < total; j++) norm += scores[j] = exp((scores[j] ?? 0) - top);
  at = 0;
  const target = i * width + head * d;
  for (const { keys, count } of parts) {
    for (let j = 0; j < count; j++) {
      const weight = (scores[at++] ?? 0) / norm;
      const value = j * 2 * width + width + head * d;
      for (let c = 0; c < d; c++) out[target + c] = (out[target + c] ?? 0) + weight * (keys[value + c] ?? 0);
    }
  }
}
