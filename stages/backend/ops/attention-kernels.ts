/**
 * Forest attention, forward and backward. Keys of the trunk go through the matrix product (all nodes of a tree
 * at once); keys of a node's own branch, few and scattered, through plain loops.
 *
 * Weights are kept for the way back, per tree and head: a block (nodes, trunk), zero above the diagonal, then
 * the branch weights of each branch node, from itself upward.
 */
import { exp } from '../exp.js';
import { defineKernel, input } from '../fused.js';
import { matrixShape, transpose, type Address, type Memory } from '../memory.js';
import { dropElements } from './dropout.js';
import { branchKeys, type Forest, type Tree } from './forest.js';

export interface AttentionAttributes {
  readonly forest: Forest;
  readonly heads: number;
  readonly rate: number;
  readonly seed: number;
}

/** One tree and head: sizes, where its rows start, and where its weights stand. */
interface Part {
  readonly forest: Forest;
  readonly tree: Tree;
  /** Nodes, trunk keys, branch keys, head width. */
  readonly n: number;
  readonly p: number;
  readonly branch: number;
  readonly d: number;
  /** Channels of a row of q, k, v and of the output. */
  readonly triple: number;
  readonly width: number;
  /** Addresses of the head's first query, key and value in row 0, and of its weights. */
  readonly q: Address;
  readonly k: Address;
  readonly v: Address;
  readonly weights: Address;
  readonly seed: number;
}

export const attentionForward = defineKernel<AttentionAttributes>(
  'attention',
  (memory, inputs, attributes) => {
    const { forest, heads } = attributes;
    const [rows, triple] = matrixShape(input(inputs, 'qkv'));
    const out = memory.output([rows, triple / 3]);
    const weights = memory.output([weightCount(forest, heads)]);
    const space = scratchFor(memory, forest, triple / 3 / heads, attributes.rate > 0);
    for (const part of parts(attributes, memory.input(input(inputs, 'qkv')), triple, weights.address)) {
      attend(
        memory,
        part,
        space,
        attributes.rate,
        out.address + (part.q - memory.input(input(inputs, 'qkv'))),
      );
    }
    return [out.info, weights.info];
  },
);

function weightCount(forest: Forest, heads: number): number {
  return (
    heads *
    forest.trees.reduce(
      (sum, tree) => sum + (tree.end - tree.start) * tree.trunk + branchKeys(forest, tree),
      0,
    )
  );
}

function* parts(
  { forest, heads, seed }: AttentionAttributes,
  qkv: Address,
  triple: number,
  weights: Address,
): Generator<Part> {
  const width = triple / 3;
  const d = width / heads;
  let at = weights;
  for (const tree of forest.trees) {
    const n = tree.end - tree.start;
    const branch = branchKeys(forest, tree);
    for (let head = 0; head < heads; head++) {
      const q = qkv + head * d;
      const places = { q, k: q + width, v: q + 2 * width, weights: at, seed: seed + at - weights };
      yield { forest, tree, n, p: tree.trunk, branch, d, triple, width, ...places };
      at += n * tree.trunk + branch;
    }
  }
}

type Space = Readonly<Record<'q' | 'k' | 'v' | 'o' | 'turned' | 'slopes' | 'kept', Address>>;

/** Room for the largest tree; `slopes`, `turned` and `o` are the way back's. */
function scratchFor(memory: Memory, forest: Forest, d: number, dropout: boolean): Space {
  const nodes = Math.max(0, ...forest.trees.map((tree) => tree.end - tree.start));
  const weights = Math.max(
    0,
    ...forest.trees.map((tree) => (tree.end - tree.start) * tree.trunk + branchKeys(forest, tree)),
  );
  return {
    q: memory.scratch(nodes * d),
    k: memory.scratch(nodes * d),
    v: memory.scratch(nodes * d),
    o: memory.scratch(nodes * d),
    turned: memory.scratch(weights),
    slopes: memory.scratch(weights),
    kept: dropout ? memory.scratch(weights) : 0,
  };
}

function attend(memory: Memory, part: Part, space: Space, rate: number, out: Address): void {
  const { n, p, d, weights } = part;
  packQueries(memory.heap(), part, space.q);
  packTurned(memory.heap(), part, part.k, space.k);
  memory.multiply({ m: n, k: d, n: p, a: space.q, b: space.k, out: weights });
  softmaxRows(memory.heap(), part, space.q);
  const kept = rate > 0 ? space.kept : weights;
  if (rate > 0)
    dropElements(memory.heap(), {
      from: weights,
      to: kept,
      count: n * p + part.branch,
      rate,
      seed: part.seed,
    });
  packRows(memory.heap(), part, part.v, space.v);
  memory.multiply({ m: n, k: p, n: d, a: kept, b: space.v, out: space.o });
  writeMixed(memory.heap(), part, kept, space.o, out);
}

/** to (n, d) = queries, scaled. */
function packQueries(heap: Float32Array, { tree, n, d, triple, q }: Part, to: Address): void {
  const scale = 1 / Math.sqrt(d);
  for (let i = 0; i < n; i++) {
    const from = q + (tree.start + i) * triple;
    for (let c = 0; c < d; c++) heap[to + i * d + c] = (heap[from + c] ?? 0) * scale;
  }
}

/** to (p, d) = the trunk's rows of keys or values. */
function packRows(heap: Float32Array, { tree, p, d, triple }: Part, from: Address, to: Address): void {
  for (let i = 0; i < p; i++) {
    const row = from + (tree.start + i) * triple;
    for (let c = 0; c < d; c++) heap[to + i * d + c] = heap[row + c] ?? 0;
  }
}

/** to (d, p) = the same, transposed. */
function packTurned(heap: Float32Array, { tree, p, d, triple }: Part, from: Address, to: Address): void {
  for (let i = 0; i < p; i++) {
    const row = from + (tree.start + i) * triple;
    for (let c = 0; c < d; c++) heap[to + c * p + i] = heap[row + c] ?? 0;
  }
}

/** Scores in place become weights; branch scores are computed here. `queries` is packed and scaled. */
function softmaxRows(heap: Float32Array, part: Part, queries: Address): void {
  const { forest, tree, n, p, d, triple, k, weights } = part;
  let tail = weights + n * p;
  for (let i = 0; i < n; i++) {
    const row = weights + i * p;
    const limit = Math.min(i + 1, p);
    let top = -Infinity;
    for (let j = 0; j < limit; j++) top = Math.max(top, heap[row + j] ?? 0);
    const end = tail + Math.max(0, (forest.depths[tree.start + i] ?? 0) + 1 - p);
    let node = tree.start + i;
    for (let at = tail; at < end; at++) {
      const score = dot(heap, queries + i * d, k + node * triple, d);
      heap[at] = score;
      top = Math.max(top, score);
      node = forest.parents[node] ?? -1;
    }
    const sum = expRange(heap, row, limit, top) + expRange(heap, tail, end - tail, top);
    scaleRange(heap, row, limit, 1 / sum);
    scaleRange(heap, tail, end - tail, 1 / sum);
    heap.fill(0, row + limit, row + p);
    tail = end;
  }
}

function dot(heap: Float32Array, a: Address, b: Address, d: number): number {
  let sum = 0;
  for (let c = 0; c < d; c++) sum += (heap[a + c] ?? 0) * (heap[b + c] ?? 0);
  return sum;
}

function expRange(heap: Float32Array, at: Address, count: number, top: number): number {
  let sum = 0;
  for (let j = at; j < at + count; j++) {
    const value = exp((heap[j] ?? 0) - top);
    heap[j] = value;
    sum += value;
  }
  return sum;
}

function scaleRange(heap: Float32Array, at: Address, count: number, factor: number): void {
  for (let j = at; j < at + count; j++) heap[j] = (heap[j] ?? 0) * factor;
}

/** out row = trunk's mix (in `mixed`) plus the branch's. `out` is the head's place in row 0. */
function writeMixed(heap: Float32Array, part: Part, kept: Address, mixed: Address, out: Address): void {
  const { forest, tree, n, p, d, triple, width, v } = part;
  let tail = kept + n * p;
  for (let i = 0; i < n; i++) {
    const to = out + (tree.start + i) * width;
    for (let c = 0; c < d; c++) heap[to + c] = heap[mixed + i * d + c] ?? 0;
    const end = tail + Math.max(0, (forest.depths[tree.start + i] ?? 0) + 1 - p);
    let node = tree.start + i;
    for (; tail < end; tail++) {
      addScaled(heap, to, v + node * triple, heap[tail] ?? 0, d);
      node = forest.parents[node] ?? -1;
    }
  }
}

function addScaled(heap: Float32Array, to: Address, from: Address, factor: number, d: number): void {
  for (let c = 0; c < d; c++) heap[to + c] = (heap[to + c] ?? 0) + factor * (heap[from + c] ?? 0);
}

export const attentionBackward = defineKernel<AttentionAttributes>(
  'attention-gradient',
  (memory, inputs, attributes) => {
    const { forest, heads, rate } = attributes;
    const [rows, triple] = matrixShape(input(inputs, 'qkv'));
    const gradient = memory.output([rows, triple]);
    memory.heap().fill(0, gradient.address, gradient.address + rows * triple);
    const space = scratchFor(memory, forest, triple / 3 / heads, rate > 0);
    const qkv = memory.input(input(inputs, 'qkv'));
    const dy = memory.input(input(inputs, 'dy'));
    for (const part of parts(attributes, qkv, triple, memory.input(input(inputs, 'weights')))) {
      goBack(memory, part, space, rate, {
        dy: dy + (part.q - qkv),
        gradient: gradient.address + (part.q - qkv),
      });
    }
    return gradient.info;
  },
);

interface Flow {
  /** The head's first channel in row 0 of the output's gradient, and of the gradient of its queries. */
  readonly dy: Address;
  readonly gradient: Address;
}

function goBack(memory: Memory, part: Part, space: Space, rate: number, flow: Flow): void {
  const { n, p, d, weights } = part;
  const count = n * p + part.branch;
  const kept = rate > 0 ? space.kept : weights;
  if (rate > 0) dropElements(memory.heap(), { from: weights, to: kept, count, rate, seed: part.seed });
  // Values: dV = kept' dO.
  packGradient(memory.heap(), part, flow.dy, space.o);
  transpose(memory.heap(), kept, n, p, space.turned);
  memory.multiply({ m: p, k: n, n: d, a: space.turned, b: space.o, out: space.v });
  addRows(memory.heap(), part, space.v, flow.gradient + 2 * part.width);
  // Weights: dW = dO V', through the dropout, then through the softmax.
  packTurned(memory.heap(), part, part.v, space.v);
  memory.multiply({ m: n, k: d, n: p, a: space.o, b: space.v, out: space.slopes });
  branchSlopes(memory.heap(), part, kept, space, flow);
  if (rate > 0)
    dropElements(memory.heap(), { from: space.slopes, to: space.slopes, count, rate, seed: part.seed });
  softmaxSlopes(memory.heap(), part, space.slopes);
  // Queries and keys: dQ = dS K, dK = dS' Q.
  packRows(memory.heap(), part, part.k, space.k);
  memory.multiply({ m: n, k: p, n: d, a: space.slopes, b: space.k, out: space.q });
  writeQueries(memory.heap(), part, space.q, flow.gradient);
  packQueries(memory.heap(), part, space.q);
  transpose(memory.heap(), space.slopes, n, p, space.turned);
  memory.multiply({ m: p, k: n, n: d, a: space.turned, b: space.q, out: space.k });
  addRows(memory.heap(), part, space.k, flow.gradient + part.width);
  branchKeysAndQueries(memory.heap(), part, space, flow);
}

/** to (n, d) = the head's part of the output's gradient. */
function packGradient(heap: Float32Array, { tree, n, d, width }: Part, dy: Address, to: Address): void {
  for (let i = 0; i < n; i++) {
    const from = dy + (tree.start + i) * width;
    for (let c = 0; c < d; c++) heap[to + i * d + c] = heap[from + c] ?? 0;
  }
}

function addRows(heap: Float32Array, { tree, p, d, triple }: Part, from: Address, to: Address): void {
  for (let i = 0; i < p; i++) addScaled(heap, to + (tree.start + i) * triple, from + i * d, 1, d);
}

/** Branch part of dV and of dW. */
function branchSlopes(heap: Float32Array, part: Part, kept: Address, space: Space, flow: Flow): void {
  const { n, p, d, triple, width, v } = part;
  eachBranchKey(part, (i, node, offset) => {
    const upper = space.o + i * d;
    addScaled(heap, flow.gradient + 2 * width + node * triple, upper, heap[kept + n * p + offset] ?? 0, d);
    heap[space.slopes + n * p + offset] = dot(heap, upper, v + node * triple, d);
  });
}

/** dS = W (dW - sum W dW) in place, over trunk and branch. */
function softmaxSlopes(heap: Float32Array, part: Part, slopes: Address): void {
  const { forest, tree, n, p, weights } = part;
  let tail = n * p;
  for (let i = 0; i < n; i++) {
    const limit = Math.min(i + 1, p);
    const count = Math.max(0, (forest.depths[tree.start + i] ?? 0) + 1 - p);
    const sum =
      dot(heap, weights + i * p, slopes + i * p, limit) + dot(heap, weights + tail, slopes + tail, count);
    for (let j = i * p; j < i * p + limit; j++)
      heap[slopes + j] = (heap[weights + j] ?? 0) * ((heap[slopes + j] ?? 0) - sum);
    for (let j = tail; j < tail + count; j++)
      heap[slopes + j] = (heap[weights + j] ?? 0) * ((heap[slopes + j] ?? 0) - sum);
    heap.fill(0, slopes + i * p + limit, slopes + (i + 1) * p);
    tail += count;
  }
}

function writeQueries(heap: Float32Array, { tree, n, d, triple }: Part, from: Address, to: Address): void {
  const scale = 1 / Math.sqrt(d);
  for (let i = 0; i < n; i++) addScaled(heap, to + (tree.start + i) * triple, from + i * d, scale, d);
}

/** Branch part of dQ and dK; `space.q` holds the scaled queries. */
function branchKeysAndQueries(heap: Float32Array, part: Part, space: Space, flow: Flow): void {
  const { tree, n, p, d, triple, width, k } = part;
  const scale = 1 / Math.sqrt(d);
  eachBranchKey(part, (i, node, offset) => {
    const slope = heap[space.slopes + n * p + offset] ?? 0;
    addScaled(heap, flow.gradient + (tree.start + i) * triple, k + node * triple, slope * scale, d);
    addScaled(heap, flow.gradient + width + node * triple, space.q + i * d, slope, d);
  });
}

/** Visits (node in the tree, key node, index among the branch weights). */
function eachBranchKey(
  { forest, tree, n, p }: Part,
  visit: (i: number, node: number, offset: number) => void,
): void {
  let offset = 0;
  for (let i = p; i < n; i++) {
    let node = tree.start + i;
    const end = offset + (forest.depths[node] ?? 0) + 1 - p;
    for (; offset < end; offset++) {
      visit(i, node, offset);
      node = forest.parents[node] ?? -1;
    }
  }
}
