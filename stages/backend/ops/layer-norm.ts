/** Layer normalisation over the channels (Ba et al. 2016). */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { matrixShape, type Address, type Memory } from '../memory.js';
import { tf } from '../tf.js';

interface Attributes {
  readonly epsilon: number;
}

/** (N, C) -> (N, C): each row to mean 0 and variance 1, times gain (C) plus bias (C). */
export function layerNorm(x: Tensor2D, gain: Tensor1D, bias: Tensor1D, epsilon: number): Tensor2D {
  return fused()
    ? (first(forward({ x, gain, bias }, { epsilon })) as Tensor2D)
    : composed(x, gain, bias, epsilon);
}

function composed(x: Tensor2D, gain: Tensor1D, bias: Tensor1D, epsilon: number): Tensor2D {
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(x, -1, true);
    return x.sub(mean).mul(variance.add(epsilon).rsqrt()).mul(gain).add<Tensor2D>(bias);
  });
}

const forward = defineKernel<Attributes>(
  'layer-norm',
  (memory, inputs, { epsilon }) => {
    const [rows, columns] = matrixShape(input(inputs, 'x'));
    const y = memory.output([rows, columns]);
    const statistics = memory.output([rows, 2]);
    const x = memory.input(input(inputs, 'x'));
    const gain = memory.input(input(inputs, 'gain'));
    const bias = memory.input(input(inputs, 'bias'));
    normRows(memory, {
      rows,
      columns,
      x,
      gain,
      bias,
      epsilon,
      y: y.address,
      statistics: statistics.address,
    });
    return [y.info, statistics.info];
  },
  (call, { epsilon }) => call.ours('LayerNorm', ['x', 'gain', 'bias'], { numbers: [epsilon], outputs: 2 }),
);

interface NormRows {
  readonly rows: number;
  readonly columns: number;
  readonly epsilon: number;
  readonly x: Address;
  readonly gain: Address;
  readonly bias: Address;
  readonly y: Address;
  /** (rows, 2) means and scales, for the way back. */
  readonly statistics?: Address;
}

/** The plain loop; y may be x. */
export function normRows(
  memory: Memory,
  { rows, columns, epsilon, x, gain, bias, y, statistics }: NormRows,
): void {
  if (memory.simd && columns % 4 === 0) {
    const kept = 4 * (statistics ?? 0);
    memory.simd.layerNorm(4 * x, 4 * gain, 4 * bias, 4 * y, kept, rows, columns, epsilon);
    return;
  }
  const heap = memory.heap();
  for (let row = 0; row < rows; row++) {
    const from = x + row * columns;
    const to = y + row * columns;
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += heap[from + c] ?? 0;
    const mean = sum / columns;
    let squares = 0;
    for (let c = 0; c < columns; c++) squares += ((heap[from + c] ?? 0) - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / columns + epsilon);
    for (let c = 0; c < columns; c++) {
      heap[to + c] = ((heap[from + c] ?? 0) - mean) * scale * (heap[gain + c] ?? 0) + (heap[bias + c] ?? 0);
    }
    if (statistics === undefined) continue;
    heap[statistics + 2 * row] = mean;
    heap[statistics + 2 * row + 1] = scale;
  }
}

const backward = defineKernel<Attributes>(
  'layer-norm-gradient',
  (memory, inputs) => {
    const [rows, columns] = matrixShape(input(inputs, 'x'));
    const dx = memory.output([rows, columns]);
    const dgain = memory.output([columns]);
    const dbias = memory.output([columns]);
    fillGradients(memory, {
      rows,
      columns,
      x: memory.input(input(inputs, 'x')),
      gain: memory.input(input(inputs, 'gain')),
      statistics: memory.input(input(inputs, 'statistics')),
      dy: memory.input(input(inputs, 'dy')),
      dx: dx.address,
      dgain: dgain.address,
      dbias: dbias.address,
    });
    return [dx.info, dgain.info, dbias.info];
  },
  (call) => call.ours('LayerNormGradient', ['x', 'gain', 'statistics', 'dy'], { outputs: 3 }),
);

type Places = Readonly<Record<'x' | 'gain' | 'statistics' | 'dy' | 'dx' | 'dgain' | 'dbias', Address>>;

/** dx = scale (g - mean(g) - xhat mean(g xhat)) with g = gain dy. */
function fillGradients(
  memory: Memory,
  at: Places & { readonly rows: number; readonly columns: number },
): void {
  const { rows, columns, x, gain, statistics, dy, dx, dgain, dbias } = at;
  if (memory.simd && columns % 4 === 0) {
    const read = [4 * x, 4 * gain, 4 * statistics, 4 * dy] as const;
    memory.simd.layerNormGradient(...read, 4 * dx, 4 * dgain, 4 * dbias, rows, columns);
    return;
  }
  const heap = memory.heap();
  heap.fill(0, dgain, dgain + columns);
  heap.fill(0, dbias, dbias + columns);
  for (let row = 0; row < rows; row++) {
    const mean = heap[statistics + 2 * row] ?? 0;
    const scale = heap[statistics + 2 * row + 1] ?? 0;
    const base = row * columns;
    let sum = 0;
    let dot = 0;
    for (let c = 0; c < columns; c++) {
      const normal = ((heap[x + base + c] ?? 0) - mean) * scale;
      const upper = heap[dy + base + c] ?? 0;
      const g = upper * (heap[gain + c] ?? 0);
      sum += g;
      dot += g * normal;
      heap[dgain + c] = (heap[dgain + c] ?? 0) + upper * normal;
      heap[dbias + c] = (heap[dbias + c] ?? 0) + upper;
    }
    sum /= columns;
    dot /= columns;
    for (let c = 0; c < columns; c++) {
      const normal = ((heap[x + base + c] ?? 0) - mean) * scale;
      heap[dx + base + c] = scale * ((heap[dy + base + c] ?? 0) * (heap[gain + c] ?? 0) - sum - normal * dot);
    }
  }
}

defineGradient<Attributes>(
  'layer-norm',
  { inputs: ['x', 'gain'], outputs: [false, true] },
  ([dy], [x, gain, statistics], attributes) => {
    if (!dy || !x || !gain || !statistics)
      throw new Error('internal error: layer norm saved too little; please report it');
    const [dx, dgain, dbias] = backward({ x, gain, statistics, dy }, attributes);
    if (!dx || !dgain || !dbias)
      throw new Error('internal error: layer norm gave no gradients; please report it');
    return { x: dx, gain: dgain, bias: dbias };
  },
);
