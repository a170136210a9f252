/** An affine map and its whole gradient as one operation each. */
import type { Tensor1D, Tensor2D, TensorInfo } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { matrixShape, transpose, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';

interface Attributes {
  /** The weight lies as (D, C). */
  readonly turned: boolean;
}

/** (N, C) (C, D) + (D) -> (N, D); the weight may lie as (D, C), and there may be no bias. */
export function linear(x: Tensor2D, weight: Tensor2D, bias?: Tensor1D, turned = false): Tensor2D {
  if (fused()) return first(forward(bias ? { x, weight, bias } : { x, weight }, { turned })) as Tensor2D;
  if (!bias) return tf.matMul(x, weight, false, turned);
  return tf.tidy(() => tf.matMul(x, weight, false, turned).add<Tensor2D>(bias));
}

/** (N, C) (V, C) -> (N, V): the output layer, whose weight lies as the embedding does. */
export function linearTransposed(x: Tensor2D, weight: Tensor2D): Tensor2D {
  return tf.matMul(x, weight, false, true);
}

const forward = defineKernel<Attributes>(
  'linear',
  (memory, inputs, { turned }) => {
    const [rows] = matrixShape(input(inputs, 'x'));
    const weight = input(inputs, 'weight');
    const [inner, columns] = innerAndColumns(weight, turned);
    const y = memory.output([rows, columns]);
    const x = memory.input(input(inputs, 'x'));
    const { bias } = inputs;
    if (!turned) affineRows(memory, { rows, x, weight, bias, y: y.address });
    else {
      const straight = memory.scratch(inner * columns);
      transpose(memory, memory.input(weight), columns, inner, straight);
      memory.multiply({ m: rows, k: inner, n: columns, a: x, b: straight, out: y.address });
      if (bias) addToRows(memory, bias, y.address, rows);
    }
    return y.info;
  },
  (call, { turned }) =>
    call.product('x', 'weight', { b: turned }, call.names.includes('bias') ? 'bias' : undefined),
);

function innerAndColumns(weight: TensorInfo, turned: boolean): readonly [number, number] {
  const [first, second] = matrixShape(weight);
  return turned ? [second, first] : [first, second];
}

interface AffineRows {
  readonly rows: number;
  readonly x: Address;
  readonly weight: TensorInfo;
  readonly bias: TensorInfo | undefined;
  readonly y: Address;
}

/** y (rows, D) = x (rows, C) weight + bias, inside a kernel. */
export function affineRows(memory: Memory, { rows, x, weight, bias, y }: AffineRows): void {
  const [inner, columns] = matrixShape(weight);
  memory.multiply({ m: rows, k: inner, n: columns, a: x, b: memory.input(weight), out: y, weight });
  if (bias) addToRows(memory, bias, y, rows);
}

function addToRows(memory: Memory, bias: TensorInfo, y: Address, rows: number): void {
  const from = memory.input(bias);
  const columns = bias.shape[0] ?? 0;
  if (memory.simd) {
    memory.simd.addToRows(4 * from, 4 * y, rows, columns);
    return;
  }
  const heap = memory.heap();
  for (let to = y; to < y + rows * columns; to += columns) {
    for (let c = 0; c < columns; c++) heap[to + c] = (heap[to + c] ?? 0) + (heap[from + c] ?? 0);
  }
}

/** dx = dy W', dW = x' dy (its transpose dy' x where the weight is turned), db = sum of the rows of dy. */
const backward = defineKernel<Attributes>(
  'linear-gradient',
  (memory, inputs, { turned }) => {
    const weight = input(inputs, 'weight');
    const [rows] = matrixShape(input(inputs, 'x'));
    const [inner, columns] = innerAndColumns(weight, turned);
    const dx = memory.output([rows, inner]);
    const dweight = memory.output(weight.shape);
    const dbias = memory.output([columns]);
    const space = memory.scratch(Math.max(turned ? 0 : inner * columns, rows * (turned ? columns : inner)));
    const x = memory.input(input(inputs, 'x'));
    const dy = memory.input(input(inputs, 'dy'));
    const w = memory.input(weight);
    if (turned) {
      memory.multiply({ m: rows, k: columns, n: inner, a: dy, b: w, out: dx.address, weight });
      transpose(memory, dy, rows, columns, space);
      memory.multiply({ m: columns, k: rows, n: inner, a: space, b: x, out: dweight.address });
    } else {
      transpose(memory, w, inner, columns, space);
      memory.multiply({ m: rows, k: columns, n: inner, a: dy, b: space, out: dx.address });
      transpose(memory, x, rows, inner, space);
      memory.multiply({ m: inner, k: rows, n: columns, a: space, b: dy, out: dweight.address });
    }
    sumRows(memory, { from: dy, rows, columns, to: dbias.address });
    return [dx.info, dweight.info, dbias.info];
  },
  (call, { turned }) => [
    call.product('dy', 'weight', { b: !turned }),
    turned ? call.product('dy', 'x', { a: true }) : call.product('x', 'dy', { a: true }),
    call.one('ColumnSums', ['dy']),
  ],
);

interface RowSums {
  readonly from: Address;
  readonly rows: number;
  readonly columns: number;
  readonly to: Address;
}

function sumRows(memory: Memory, { from, rows, columns, to }: RowSums): void {
  if (memory.simd) {
    memory.simd.sumRows(4 * from, rows, columns, 4 * to);
    return;
  }
  const heap = memory.heap();
  heap.fill(0, to, to + columns);
  for (let row = 0; row < rows; row++) {
    const base = from + row * columns;
    for (let c = 0; c < columns; c++) heap[to + c] = (heap[to + c] ?? 0) + (heap[base + c] ?? 0);
  }
}

defineGradient<Attributes>('linear', { inputs: ['x', 'weight'] }, ([dy], [x, weight], attributes) => {
  if (!dy || !x || !weight)
    throw new Error('internal error: an affine map saved too little; please report it');
  const [dx, dweight, dbias] = backward({ x, weight, dy }, attributes);
  if (!dx || !dweight || !dbias)
    throw new Error('internal error: an affine map gave no gradients; please report it');
  return { x: dx, weight: dweight, bias: dbias };
});
