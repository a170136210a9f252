/** Dropout drawn from an explicit seed: TensorFlow.js's own asks Math.random, which stages may not. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { sizeOf, type Address } from '../memory.js';
import { tf } from '../tf.js';

interface Attributes {
  readonly rate: number;
  readonly seed: number;
}

/** A share `rate` of the elements set to 0, the rest scaled up by 1/(1 - rate). The same seed drops the same. */
export function dropout(x: Tensor2D, rate: number, seed: number): Tensor2D {
  if (rate === 0) return x;
  if (fused()) return first(kernel({ x }, { rate, seed })) as Tensor2D;
  return tf.tidy(() => x.mul<Tensor2D>(dropoutMask(x.shape, { rate, seed })));
}

/** What dropout multiplies by. */
export function dropoutMask(shape: readonly number[], { rate, seed }: Attributes): Tensor {
  const mask = new Float32Array(sizeOf(shape)).fill(1);
  dropElements(mask, { from: 0, to: 0, count: mask.length, rate, seed });
  return tf.tensor(mask, [...shape]);
}

const kernel = defineKernel<Attributes>(
  'dropout',
  (memory, inputs, { rate, seed }) => {
    const tensor = input(inputs, 'x');
    const y = memory.output(tensor.shape);
    const from = memory.input(tensor);
    dropElements(memory.heap(), { from, to: y.address, count: sizeOf(tensor.shape), rate, seed });
    return y.info;
  },
  (call, { rate, seed }) =>
    call.one('Dropout', ['x'], { numbers: inTwo(rate), indices: [Int32Array.of(seed)] }),
);

defineGradient<Attributes>('dropout', { inputs: [] }, ([dy], _saved, attributes) => {
  if (!dy) throw new Error('internal error: dropout has no gradient to hand on; please report it');
  return { x: first(kernel({ x: dy }, attributes)) };
});

/** A number as two of single precision, which are as exact together. */
export function inTwo(value: number): readonly number[] {
  return [Math.fround(value), value - Math.fround(value)];
}

export interface Drop extends Attributes {
  readonly from: Address;
  /** May be `from`. */
  readonly to: Address;
  readonly count: number;
}

export function dropElements(heap: Float32Array, { from, to, count, rate, seed }: Drop): void {
  const draw = mulberry32(seed);
  const scale = 1 / (1 - rate);
  for (let i = 0; i < count; i++) heap[to + i] = draw() < rate ? 0 : (heap[from + i] ?? 0) * scale;
}

/** Tommy Ettinger's 32-bit generator: small and quick; our own streams only give its seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
