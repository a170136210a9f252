/** An affine map and its whole gradient as one operation each. */
import type { Tensor1D, Tensor2D, TensorInfo } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { matrixShape, transpose, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';

/** (N, C) (C, D) + (D) -> (N, D). */
export function linear(x: Tensor2D, weight: Tensor2D, bias: Tensor1D): Tensor2D {
  if (!fused()) return tf.tidy(() => tf.matMul(x, weight).add<Tensor2D>(bias));
  return first(forward({ x, weight, bias }, {})) as Tensor2D;
}

/** (N, C) (V, C) -> (N, V): the output layer, whose weight lies as the embedding does. */
export function linearTransposed(x: Tensor2D, weight: Tensor2D): Tensor2D {
  return tf.matMul(x, weight, false, true);
}

const forward = defineKernel<object>('linear', (memory, inputs) => {
  const [rows] = matrixShape(input(inputs, 'x'));
  const [, columns] = matrixShape(input(inputs, 'weight'));
  const y = memory.output([rows, columns]);
  const x = memory.input(input(inputs, 'x'));
  affineRows(memory, { rows, x, weight: input(inputs, 'weight'), bias: input(inputs, 'bias'), y: y.address });
  return y.info;
});

interface AffineRows {
  readonly rows: number;
  readonly x: Address;
  readonly weight: TensorInfo;
  readonly bias: TensorInfo;
  readonly y: Address;
}

/** y (rows, D) = x (rows, C) weight + bias, inside a kernel. */
export function affineRows(memory: Memory, { rows, x, weight, bias, y }: AffineRows): void {
  const [inner, columns] = matrixShape(weight);
  memory.multiply({ m: rows, k: inner, n: columns, a: x, b: memory.input(weight), out: y, weight });
  const from = memory.input(bias);
  const heap = memory.heap();
  for (let to = y; to < y + rows * columns; to += columns) {
    for (let c = 0; c < columns; c++) heap[to + c] = (heap[to + c] ?? 0) + (heap[from + c] ?? 0);
  }
}

/** dx = dy W', dW = x' dy, db = sum of the rows of dy. */
const backward = defineKernel<object>('linear-gradient', (memory, inputs) => {
  const [rows, inner] = matrixShape(input(inputs, 'x'));
  const [, columns] = matrixShape(input(inputs, 'weight'));
  const dx = memory.output([rows, inner]);
  const dweight = memory.output([inner, columns]);
  const dbias = memory.output([columns]);
  const turned = memory.scratch(inner * Math.max(rows, columns));
  const dy = memory.input(input(inputs, 'dy'));
  transpose(memory.heap(), memory.input(input(inputs, 'weight')), inner, columns, turned);
  memory.multiply({ m: rows, k: columns, n: inner, a: dy, b: turned, out: dx.address });
  transpose(memory.heap(), memory.input(input(inputs, 'x')), rows, inner, turned);
  memory.multiply({ m: inner, k: rows, n: columns, a: turned, b: dy, out: dweight.address });
  sumRows(memory.heap(), dy, rows, columns, dbias.address);
  return [dx.info, dweight.info, dbias.info];
});

function sumRows(heap: Float32Array, from: number, rows: number, columns: number, to: number): void {
  heap.fill(0, to, to + columns);
  for (let row = 0; row < rows; row++) {
    const base = from + row * columns;
    for (let c = 0; c < columns; c++) heap[to + c] = (heap[to + c] ?? 0) + (heap[base + c] ?? 0);
  }
}

defineGradient<object>('linear', { inputs: ['x', 'weight'] }, ([dy], [x, weight], attributes) => {
  if (!dy || !x || !weight)
    throw new Error('internal error: an affine map saved too little; please report it');
  const [dx, dweight, dbias] = backward({ x, weight, dy }, attributes);
  if (!dx || !dweight || !dbias)
    throw new Error('internal error: an affine map gave no gradients; please report it');
  return { x: dx, weight: dweight, bias: dbias };
});
