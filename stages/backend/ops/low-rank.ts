/** Additions of low rank to the rows of a product, each row by numbers of its own. */
import type { Tensor2D, TensorInfo } from '@tensorflow/tfjs';
import { defineKernel, first, fusedInMemory, input } from '../fused.js';
import { matrixShape, sizeOf, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';
import { linear } from './linear.js';
import { gatherRows } from './rows.js';

/** The factors, (C, R) and (R, D), and (M, R) what the R numbers between them are multiplied by, one row a mixture. */
export interface LowRank<T> {
  readonly down: T;
  readonly up: T;
  readonly gains: T;
}

/** What x (N, C) brings; `of` is the mixture of each row. */
export interface LowRankRows {
  readonly x: Tensor2D;
  readonly factors: LowRank<Tensor2D>;
  readonly of: Int32Array;
}

/** (N, D) -> (N, D) y + ((x down) * gains[of]) up. */
export function addLowRank(y: Tensor2D, { x, factors: { down, up, gains }, of }: LowRankRows): Tensor2D {
  if (fusedInMemory()) return first(kernel({ y, x, down, up, gains }, { of })) as Tensor2D;
  return tf.tidy(() => {
    const between = linear(x, down).mul<Tensor2D>(gatherRows(gains, of)); // (N, R)
    return y.add<Tensor2D>(linear(between, up));
  });
}

const kernel = defineKernel<{ readonly of: Int32Array }>('low-rank', (memory, inputs, { of }) => {
  const y = input(inputs, 'y');
  const factors = { down: input(inputs, 'down'), up: input(inputs, 'up'), gains: input(inputs, 'gains') };
  const out = memory.output(y.shape);
  const between = memory.scratch(of.length * matrixShape(factors.down)[1]);
  const added = memory.scratch(sizeOf(y.shape));
  const [x, from] = [memory.input(input(inputs, 'x')), memory.input(y)];
  memory.heap().copyWithin(out.address, from, from + sizeOf(y.shape));
  addLowRankRows(memory, { of, x, factors, y: out.address, between, added });
  return out.info;
});

interface Places {
  readonly of: Int32Array;
  readonly x: Address;
  readonly factors: LowRank<TensorInfo>;
  readonly y: Address;
  /** Room for (N, R) and (N, D). */
  readonly between: Address;
  readonly added: Address;
}

/** The same in place of y, inside a kernel. */
export function addLowRankRows(
  memory: Memory,
  { of, x, factors: { down, up, gains }, y, between, added }: Places,
): void {
  const m = of.length;
  const [inner, rank] = matrixShape(down);
  const columns = matrixShape(up)[1];
  memory.multiply({ m, k: inner, n: rank, a: x, b: memory.input(down), out: between, weight: down });
  scaleRows(memory.heap(), of, { at: between, rank, gains: memory.input(gains) });
  memory.multiply({ m, k: rank, n: columns, a: between, b: memory.input(up), out: added, weight: up });
  const heap = memory.heap();
  for (let i = 0; i < m * columns; i++) heap[y + i] = (heap[y + i] ?? 0) + (heap[added + i] ?? 0);
}

function scaleRows(
  heap: Float32Array,
  of: Int32Array,
  { at, rank, gains }: { readonly at: Address; readonly rank: number; readonly gains: Address },
): void {
  of.forEach((mixture, row) => {
    const [to, from] = [at + row * rank, gains + mixture * rank];
    for (let r = 0; r < rank; r++) heap[to + r] = (heap[to + r] ?? 0) * (heap[from + r] ?? 0);
  });
}
