/** Forest attention forward: scores, softmax, mix. */
import { addScaled, dot } from '../dot.js';
import { exp } from '../exp.js';
import { defineKernel, input } from '../fused.js';
import { matrixShape, type Address, type Memory } from '../memory.js';
import {
  headWidth,
  nativeForest,
  packQueries,
  packRows,
  packTurned,
  parts,
  scratchFor,
  weightCount,
  type AttentionAttributes,
  type Part,
  type Space,
} from './attention-parts.js';
import { vectorsFor } from './attention-vectors.js';
import { dropElements } from './dropout.js';

export const attentionForward = defineKernel<AttentionAttributes>(
  'attention',
  (memory, inputs, attributes) => {
    const { forest, heads } = attributes;
    const [rows, row] = matrixShape(input(inputs, 'qkv'));
    const d = headWidth(attributes, row);
    const out = memory.output([rows, heads * d]);
    const weights = memory.output([weightCount(forest, heads)]);
    const qkv = memory.input(input(inputs, 'qkv'));
    const vectors = vectorsFor(memory, attributes, d);
    const space = vectors ? undefined : scratchFor(memory, forest, d, attributes.rate > 0);
    for (const part of parts(attributes, qkv, row, weights.address)) {
      const to = out.address + (part.q - qkv);
      if (space) attend(memory, part, space, attributes.rate, to);
      else vectors?.attend(part, to);
    }
    return [out.info, weights.info];
  },
  (call, attributes) => call.ours('Attention', ['qkv'], { ...nativeForest(attributes), outputs: 2 }),
);

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

/** Scores in place become weights; branch scores are computed here. `queries` is packed and scaled. */
function softmaxRows(heap: Float32Array, part: Part, queries: Address): void {
  const { forest, tree, n, p, d, row: stride, k, weights } = part;
  let tail = weights + n * p;
  for (let i = 0; i < n; i++) {
    const row = weights + i * p;
    const limit = Math.min(i + 1, p);
    let top = -Infinity;
    for (let j = 0; j < limit; j++) top = Math.max(top, heap[row + j] ?? 0);
    const end = tail + Math.max(0, (forest.depths[tree.start + i] ?? 0) + 1 - p);
    let node = tree.start + i;
    for (let at = tail; at < end; at++) {
      const score = dot(heap, queries + i * d, heap, k + node * stride, d);
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
  const { forest, tree, n, p, d, row, width, v } = part;
  let tail = kept + n * p;
  for (let i = 0; i < n; i++) {
    const to = out + (tree.start + i) * width;
    for (let c = 0; c < d; c++) heap[to + c] = heap[mixed + i * d + c] ?? 0;
    const end = tail + Math.max(0, (forest.depths[tree.start + i] ?? 0) + 1 - p);
    let node = tree.start + i;
    for (; tail < end; tail++) {
      addScaled(heap, to, heap, v + node * row, heap[tail] ?? 0, d);
      node = forest.parents[node] ?? -1;
    }
  }
}
