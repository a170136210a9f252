/** Rows of logits as distributions: log-softmax, entropy and KL divergence, in nats. */
import type { Tensor, Tensor1D, Tensor2D, TensorInfo } from '@tensorflow/tfjs';
import { exp } from '../exp.js';
import { defineGradient, defineKernel, first, fused, input, type Inputs } from '../fused.js';
import { matrixShape, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';

/** What a masked token's log-probability becomes: its probability is 0 in single precision. */
export const MASKED = -1e9;

interface MaskAttributes {
  /** Columns of probability 0. */
  readonly masked: Int32Array;
}

/** (M, V) -> (M, V) log-probabilities, normalised over the columns that are not masked. */
export function logSoftmax(logits: Tensor2D, masked: Int32Array = new Int32Array()): Tensor2D {
  if (fused()) return first(forward({ x: logits }, { masked })) as Tensor2D;
  return tf.tidy(() => {
    if (masked.length === 0) return tf.logSoftmax(logits);
    const [, width] = matrixShape(logits);
    const bias = new Float32Array(width);
    for (const column of masked) bias[column] = MASKED;
    return tf.logSoftmax(logits.add<Tensor2D>(tf.tensor1d(bias)));
  });
}

const forward = defineKernel<MaskAttributes>(
  'log-softmax',
  (memory, inputs, { masked }) => {
    const [rows, columns] = matrixShape(input(inputs, 'x'));
    const y = memory.output([rows, columns]);
    const x = memory.input(input(inputs, 'x'));
    memory.heap().copyWithin(y.address, x, x + rows * columns);
    logSoftmaxRows(memory, { at: y.address, rows, columns, masked });
    return y.info;
  },
  (call, { masked }) => call.one('LogSoftmax', ['x'], { indices: [masked] }),
);

interface DistributionRows extends MaskAttributes {
  readonly at: Address;
  readonly rows: number;
  readonly columns: number;
}

/** In place. */
export function logSoftmaxRows(memory: Memory, { at, rows, columns, masked }: DistributionRows): void {
  const heap = memory.heap();
  for (let row = at; row < at + rows * columns; row += columns) {
    for (const column of masked) heap[row + column] = MASKED;
    if (!memory.simd) normalise(heap, row, columns);
  }
  memory.simd?.logSoftmax(4 * at, rows, columns);
}

function normalise(heap: Float32Array, at: number, columns: number): void {
  let top = -Infinity;
  for (let c = 0; c < columns; c++) top = Math.max(top, heap[at + c] ?? 0);
  let sum = 0;
  for (let c = 0; c < columns; c++) sum += exp((heap[at + c] ?? 0) - top);
  const shift = top + Math.log(sum);
  for (let c = 0; c < columns; c++) heap[at + c] = (heap[at + c] ?? 0) - shift;
}

/** dx = dy - softmax sum(dy); a masked column has none. */
const backward = defineKernel<MaskAttributes>(
  'log-softmax-gradient',
  (memory, inputs, { masked }) => {
    const [rows, columns] = matrixShape(input(inputs, 'y'));
    const dx = memory.output([rows, columns]);
    const y = memory.input(input(inputs, 'y'));
    const dy = memory.input(input(inputs, 'dy'));
    const heap = memory.heap();
    const { simd } = memory;
    for (let row = 0; row < rows; row++) {
      const base = row * columns;
      let less = 0;
      for (const column of masked) less += heap[dy + base + column] ?? 0;
      if (simd) {
        const places = [y, dy, dx.address].map((at) => 4 * (at + base)) as [number, number, number];
        simd.logSoftmaxGradient(...places, columns, less);
        for (const column of masked) heap[dx.address + base + column] = 0;
        continue;
      }
      let sum = -less;
      for (let c = 0; c < columns; c++) sum += heap[dy + base + c] ?? 0;
      for (let c = 0; c < columns; c++) {
        heap[dx.address + base + c] = (heap[dy + base + c] ?? 0) - sum * exp(heap[y + base + c] ?? 0);
      }
      for (const column of masked) heap[dx.address + base + column] = 0;
    }
    return dx.info;
  },
  (call, { masked }) => call.one('LogSoftmaxGradient', ['y', 'dy'], { indices: [masked] }),
);

defineGradient<MaskAttributes>('log-softmax', { inputs: [], outputs: [true] }, ([dy], [y], attributes) => {
  if (!dy || !y) throw new Error('internal error: a log-softmax saved too little; please report it');
  return { x: first(backward({ y, dy }, attributes)) };
});

/** (M, V) log-probabilities -> (M) entropy. */
export function entropies(p: Tensor2D): Tensor1D {
  if (!fused()) return tf.tidy(() => p.exp().mul(p).sum(-1).neg() as Tensor1D);
  return first(entropyKernel({ p }, {})) as Tensor1D;
}

const entropyKernel = defineKernel<object>(
  'entropy',
  (memory, inputs) => {
    const [rows, columns] = matrixShape(input(inputs, 'p'));
    const y = memory.output([rows]);
    const p = memory.input(input(inputs, 'p'));
    const heap = memory.heap();
    const { simd } = memory;
    for (let row = 0; row < rows; row++) {
      const from = p + row * columns;
      heap[y.address + row] = simd ? simd.entropy(4 * from, columns) : entropyOf(heap, from, columns);
    }
    return y.info;
  },
  (call) => call.one('Entropy', ['p']),
);

function entropyOf(heap: Float32Array, from: Address, columns: number): number {
  let sum = 0;
  for (let i = from; i < from + columns; i++) sum -= exp(heap[i] ?? 0) * (heap[i] ?? 0);
  return sum;
}

const entropySlope = defineKernel<object>(
  'entropy-gradient',
  (memory, inputs) =>
    eachElement(memory, { ...inputs, q: input(inputs, 'p') }, (p, _q, dy) => -dy * exp(p) * (p + 1)),
  (call) => call.one('EntropyGradient', ['p', 'dy']),
);

defineGradient<object>('entropy', { inputs: ['p'] }, ([dy], [p], attributes) => {
  if (!dy || !p) throw new Error('internal error: an entropy saved too little; please report it');
  return { p: first(entropySlope({ p, dy }, attributes)) };
});

/** (M, V), (M, V) log-probabilities -> (M) KL(p || q). */
export function rowKl(p: Tensor2D, q: Tensor2D): Tensor1D {
  if (!fused()) return tf.tidy(() => p.exp().mul(p.sub(q)).sum<Tensor1D>(-1));
  return first(klKernel({ p, q }, {})) as Tensor1D;
}

const klKernel = defineKernel<object>(
  'row-kl',
  (memory, inputs) => {
    const [rows, columns] = matrixShape(input(inputs, 'p'));
    const y = memory.output([rows]);
    const p = memory.input(input(inputs, 'p'));
    const q = memory.input(input(inputs, 'q'));
    const heap = memory.heap();
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let i = row * columns; i < (row + 1) * columns; i++) {
        sum += exp(heap[p + i] ?? 0) * ((heap[p + i] ?? 0) - (heap[q + i] ?? 0));
      }
      heap[y.address + row] = sum;
    }
    return y.info;
  },
  (call) => call.one('RowKl', ['p', 'q']),
);

const klSlopeP = defineKernel<object>(
  'row-kl-gradient-p',
  (memory, inputs) => eachElement(memory, inputs, (p, q, dy) => dy * exp(p) * (p - q + 1)),
  (call) => call.one('RowKlGradientP', ['p', 'q', 'dy']),
);
const klSlopeQ = defineKernel<object>(
  'row-kl-gradient-q',
  (memory, inputs) => eachElement(memory, inputs, (p, _q, dy) => -dy * exp(p)),
  (call) => call.one('RowKlGradientQ', ['p', 'q', 'dy']),
);

defineGradient<object>('row-kl', { inputs: ['p', 'q'] }, ([dy], saved: Tensor[], attributes) => {
  const [p, q] = saved;
  if (!dy || !p || !q) throw new Error('internal error: a KL divergence saved too little; please report it');
  return { p: first(klSlopeP({ p, q, dy }, attributes)), q: first(klSlopeQ({ p, q, dy }, attributes)) };
});

/** out[row, c] = slope(p[row, c], q[row, c], dy[row]). */
function eachElement(
  memory: Memory,
  inputs: Inputs,
  slope: (p: number, q: number, dy: number) => number,
): TensorInfo {
  const [rows, columns] = matrixShape(input(inputs, 'p'));
  const out = memory.output([rows, columns]);
  const p = memory.input(input(inputs, 'p'));
  const q = memory.input(input(inputs, 'q'));
  const dy = memory.input(input(inputs, 'dy'));
  const heap = memory.heap();
  for (let row = 0; row < rows; row++) {
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      heap[out.address + i] = slope(heap[p + i] ?? 0, heap[q + i] ?? 0, heap[dy + row] ?? 0);
    }
  }
  return out.info;
}
