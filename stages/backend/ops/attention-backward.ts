/** Forest attention backward: from the gradient of the mix to that of queries, keys and values. */
import { addScaled, dot } from '../dot.js';
import { defineKernel, input } from '../fused.js';
import { matrixShape, transpose, type Address, type Memory } from '../memory.js';
import {
  eachBranchKey,
  headWidth,
  nativeForest,
  packQueries,
  packRows,
  packTurned,
  parts,
  scratchFor,
  type AttentionAttributes,
  type Flow,
  type Part,
  type Space,
} from './attention-parts.js';
import { vectorsFor } from './attention-vectors.js';
import { dropElements } from './dropout.js';

export const attentionBackward = defineKernel<AttentionAttributes>(
  'attention-gradient',
  (memory, inputs, attributes) => {
    const { forest, rate } = attributes;
    const [rows, row] = matrixShape(input(inputs, 'qkv'));
    const gradient = memory.output([rows, row]);
    memory.heap().fill(0, gradient.address, gradient.address + rows * row);
    const d = headWidth(attributes, row);
    const vectors = vectorsFor(memory, attributes, d);
    const space = vectors ? undefined : scratchFor(memory, forest, d, rate > 0);
    const qkv = memory.input(input(inputs, 'qkv'));
    const dy = memory.input(input(inputs, 'dy'));
    for (const part of parts(attributes, qkv, row, memory.input(input(inputs, 'weights')))) {
      const shift = gradient.address - qkv;
      const flow = {
        dy: dy + (part.q - qkv),
        q: part.q + shift,
        k: part.k + shift,
        v: part.v + shift,
      };
      if (space) goBack(memory, part, space, rate, flow);
      else vectors?.goBack(part, flow);
    }
    return gradient.info;
  },
  (call, attributes) => call.one('AttentionGradient', ['qkv', 'weights', 'dy'], nativeForest(attributes)),
);

function goBack(memory: Memory, part: Part, space: Space, rate: number, flow: Flow): void {
  const { n, p, d, weights } = part;
  const count = n * p + part.branch;
  const kept = rate > 0 ? space.kept : weights;
  if (rate > 0) dropElements(memory.heap(), { from: weights, to: kept, count, rate, seed: part.seed });
  // Values: dV = kept' dO.
  packGradient(memory.heap(), part, flow.dy, space.o);
  transpose(memory, kept, n, p, space.turned);
  memory.multiply({ m: p, k: n, n: d, a: space.turned, b: space.o, out: space.v });
  addRows(memory.heap(), part, space.v, flow.v);
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
  writeQueries(memory.heap(), part, space.q, flow.q);
  packQueries(memory.heap(), part, space.q);
  transpose(memory, space.slopes, n, p, space.turned);
  memory.multiply({ m: p, k: n, n: d, a: space.turned, b: space.q, out: space.k });
  addRows(memory.heap(), part, space.k, flow.k);
  branchKeysAndQueries(memory.heap(), part, space, flow);
}

/** to (n, d) = the head's part of the output's gradient. */
function packGradient(heap: Float32Array, { tree, n, d, width }: Part, dy: Address, to: Address): void {
  for (let i = 0; i < n; i++) {
    const from = dy + (tree.start + i) * width;
    for (let c = 0; c < d; c++) heap[to + i * d + c] = heap[from + c] ?? 0;
  }
}

function addRows(heap: Float32Array, { tree, p, d, row }: Part, from: Address, to: Address): void {
  for (let i = 0; i < p; i++) addScaled(heap, to + (tree.start + i) * row, heap, from + i * d, 1, d);
}

/** Branch part of dV and of dW. */
function branchSlopes(heap: Float32Array, part: Part, kept: Address, space: Space, flow: Flow): void {
  const { n, p, d, row, v } = part;
  eachBranchKey(part, (i, node, offset) => {
    const upper = space.o + i * d;
    addScaled(heap, flow.v + node * row, heap, upper, heap[kept + n * p + offset] ?? 0, d);
    heap[space.slopes + n * p + offset] = dot(heap, upper, heap, v + node * row, d);
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
      dot(heap, weights + i * p, heap, slopes + i * p, limit) +
      dot(heap, weights + tail, heap, slopes + tail, count);
    for (let j = i * p; j < i * p + limit; j++)
      heap[slopes + j] = (heap[weights + j] ?? 0) * ((heap[slopes + j] ?? 0) - sum);
    for (let j = tail; j < tail + count; j++)
      heap[slopes + j] = (heap[weights + j] ?? 0) * ((heap[slopes + j] ?? 0) - sum);
    heap.fill(0, slopes + i * p + limit, slopes + (i + 1) * p);
    tail += count;
  }
}

function writeQueries(heap: Float32Array, { tree, n, d, row }: Part, from: Address, to: Address): void {
  const scale = 1 / Math.sqrt(d);
  for (let i = 0; i < n; i++) addScaled(heap, to + (tree.start + i) * row, heap, from + i * d, scale, d);
}

/** Branch part of dQ and dK; `space.q` holds the scaled queries. */
function branchKeysAndQueries(heap: Float32Array, part: Part, space: Space, flow: Flow): void {
  const { tree, n, p, d, row, k } = part;
  const scale = 1 / Math.sqrt(d);
  eachBranchKey(part, (i, node, offset) => {
    const slope = heap[space.slopes + n * p + offset] ?? 0;
    addScaled(heap, flow.q + (tree.start + i) * row, heap, k + node * row, slope * scale, d);
    addScaled(heap, flow.k + node * row, heap, space.q + i * d, slope, d);
  });
}
