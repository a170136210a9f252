/**
 * What a fused kernel sees of an engine: one long array of floats in which tensors have addresses. On wasm it
 * is the engine's own heap, so nothing is copied; on `cpu` an arena that inputs are copied into.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import type { Simd } from './simd.js';

/** An address counts floats from the start of the heap. */
export type Address = number;

export interface Output {
  readonly info: TensorInfo;
  readonly address: Address;
}

/** out (m, n) = a (m, k) b (k, n), rows contiguous. */
export interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly a: Address;
  readonly b: Address;
  readonly out: Address;
  /** The tensor that b is, where it is a whole one used again and again: wasm then packs it once. */
  readonly weight?: TensorInfo;
}

export interface Memory {
  /** Loops over the heap that are faster than ours, where the engine has them. */
  readonly simd?: Simd | undefined;
  /** All floats. A view dies when memory grows: take it anew after output(), scratch() and multiply(). */
  heap(): Float32Array;
  /** Where an input of the kernel lies; they all lie there from its start. */
  input(tensor: TensorInfo): Address;
  /** Uninitialised on wasm: write every element. */
  output(shape: readonly number[]): Output;
  /** Uninitialised, until the kernel returns. */
  scratch(size: number): Address;
  multiply(product: Product): void;
  /** Called once after the kernel. */
  close(): void;
}

/** For one call of a kernel with those inputs. */
export type OpenMemory = (backend: unknown, inputs: readonly TensorInfo[]) => Memory;

/** Rows and columns of a matrix, checked. */
export function matrixShape(tensor: TensorInfo): readonly [number, number] {
  const shape: readonly number[] = tensor.shape;
  const [rows, columns] = shape;
  if (rows === undefined || columns === undefined || shape.length !== 2) {
    throw new Error(`internal error: expected a matrix, found shape [${shape.join(', ')}]; please report it`);
  }
  return [rows, columns];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}

/** to (columns, rows) = from (rows, columns) transposed, in square blocks that stay in the cache. */
export function transpose(memory: Memory, from: Address, rows: number, columns: number, to: Address): void {
  if (memory.simd) {
    memory.simd.transpose(4 * from, rows, columns, 4 * to);
    return;
  }
  const heap = memory.heap();
  const block = 16;
  for (let top = 0; top < rows; top += block) {
    const bottom = Math.min(rows, top + block);
    for (let left = 0; left < columns; left += block) {
      const right = Math.min(columns, left + block);
      for (let c = left; c < right; c++) {
        for (let r = top; r < bottom; r++) heap[to + c * rows + r] = heap[from + r * columns + c] ?? 0;
      }
    }
  }
}
