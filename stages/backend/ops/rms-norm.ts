/** Root mean square normalisation over the channels (Zhang and Sennrich 2019). */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { matrixShape, type Address } from '../memory.js';
import { tf } from '../tf.js';

interface Attributes {
  readonly epsilon: number;
}

/** (N, C) -> (N, C): each row to a mean square of 1, times gain (C). */
export function rmsNorm(x: Tensor2D, gain: Tensor1D, epsilon: number): Tensor2D {
  if (fused()) return first(forward({ x, gain }, { epsilon })) as Tensor2D;
  return tf.tidy(() => x.mul(x.square().mean(-1, true).add(epsilon).rsqrt()).mul<Tensor2D>(gain));
}

const forward = defineKernel<Attributes>(
  'rms-norm',
  (memory, inputs, { epsilon }) => {
    const [rows, columns] = matrixShape(input(inputs, 'x'));
    const y = memory.output([rows, columns]);
    const scales = memory.output([rows]);
    const x = memory.input(input(inputs, 'x'));
    const gain = memory.input(input(inputs, 'gain'));
    const sizes = { rows, columns, epsilon };
    rmsRows(memory.heap(), { ...sizes, x, gain, y: y.address, scales: scales.address });
    return [y.info, scales.info];
  },
  (call, { epsilon }) => call.ours('RmsNorm', ['x', 'gain'], { numbers: [epsilon], outputs: 2 }),
);

interface RmsRows {
  readonly rows: number;
  readonly columns: number;
  readonly epsilon: number;
  readonly x: Address;
  readonly gain: Address;
  readonly y: Address;
  /** (rows) one over the root of the mean square, for the way back. */
  readonly scales?: Address;
}

/** The plain loop; y may be x. */
export function rmsRows(heap: Float32Array, { rows, columns, epsilon, x, gain, y, scales }: RmsRows): void {
  for (let row = 0; row < rows; row++) {
    const from = x + row * columns;
    const to = y + row * columns;
    let squares = 0;
    for (let c = 0; c < columns; c++) squares += (heap[from + c] ?? 0) ** 2;
    const scale = 1 / Math.sqrt(squares / columns + epsilon);
    for (let c = 0; c < columns; c++) heap[to + c] = (heap[from + c] ?? 0) * scale * (heap[gain + c] ?? 0);
    if (scales !== undefined) heap[scales + row] = scale;
  }
}

/** dx = scale (g - xhat mean(g xhat)) with g = gain dy and xhat = scale x. */
const backward = defineKernel<Attributes>(
  'rms-norm-gradient',
  (memory, inputs) => {
    const [rows, columns] = matrixShape(input(inputs, 'x'));
    const dx = memory.output([rows, columns]);
    const dgain = memory.output([columns]);
    const [x = 0, gain = 0, scales = 0, dy = 0] = ['x', 'gain', 'scales', 'dy'].map((name) =>
      memory.input(input(inputs, name)),
    );
    const heap = memory.heap();
    heap.fill(0, dgain.address, dgain.address + columns);
    for (let row = 0; row < rows; row++) {
      const scale = heap[scales + row] ?? 0;
      const base = row * columns;
      let dot = 0;
      for (let c = 0; c < columns; c++) {
        const normal = (heap[x + base + c] ?? 0) * scale;
        const upper = heap[dy + base + c] ?? 0;
        dot += upper * (heap[gain + c] ?? 0) * normal;
        heap[dgain.address + c] = (heap[dgain.address + c] ?? 0) + upper * normal;
      }
      dot /= columns;
      for (let c = 0; c < columns; c++) {
        const normal = (heap[x + base + c] ?? 0) * scale;
        heap[dx.address + base + c] =
          scale * ((heap[dy + base + c] ?? 0) * (heap[gain + c] ?? 0) - normal * dot);
      }
    }
    return [dx.info, dgain.info];
  },
  (call) => call.ours('RmsNormGradient', ['x', 'gain', 'scales', 'dy'], { outputs: 2 }),
);

defineGradient<Attributes>(
  'rms-norm',
  { inputs: ['x', 'gain'], outputs: [false, true] },
  ([dy], [x, gain, scales], attributes) => {
    if (!dy || !x || !gain || !scales)
      throw new Error('internal error: an RMS norm saved too little; please report it');
    const [dx, dgain] = backward({ x, gain, scales, dy }, attributes);
    if (!dx || !dgain) throw new Error('internal error: an RMS norm gave no gradients; please report it');
    return { x: dx, gain: dgain };
  },
);
