/** Rotary positions (Su et al. 2021): pairs of channels of the leading heads of a row are turned by their position. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { matrixShape, type Address } from '../memory.js';
import { tf } from '../tf.js';

export interface Rotation {
  /** Angle a position, one for each of the pairs (j, j + half) of a head. */
  readonly frequencies: readonly number[];
  /** Heads that turn, from the front of a row; the rest stays. */
  readonly heads: number;
  /** (N) */
  readonly positions: Int32Array;
}

interface Attributes extends Rotation {
  /** Turns back: the way of the gradient. */
  readonly back: boolean;
}

/** (N, C) -> (N, C). */
export function rotate(x: Tensor2D, rotation: Rotation): Tensor2D {
  if (fused()) return first(kernel({ x }, { ...rotation, back: false })) as Tensor2D;
  return tf.tidy(() => composed(x, rotation));
}

const kernel = defineKernel<Attributes>(
  'rotate',
  (memory, inputs, rotation) => {
    const [rows, columns] = matrixShape(input(inputs, 'x'));
    const y = memory.output([rows, columns]);
    const x = memory.input(input(inputs, 'x'));
    const heap = memory.heap();
    heap.copyWithin(y.address, x, x + rows * columns);
    rotateRows(heap, rotation, { at: y.address, columns, back: rotation.back });
    return y.info;
  },
  (call, { frequencies, heads, positions, back }) => {
    const half = frequencies.length;
    const last = largest(positions);
    const numbers = turnsOf(frequencies, last).subarray(0, (last + 1) * 2 * half);
    return call.one('Rotate', ['x'], {
      numbers,
      indices: [positions, Int32Array.of(heads, Number(back), half)],
    });
  },
);

defineGradient<Attributes>('rotate', { inputs: [] }, ([dy], _saved, attributes) => {
  if (!dy) throw new Error('internal error: a rotation has no gradient to hand on; please report it');
  return { x: first(kernel({ x: dy }, { ...attributes, back: !attributes.back })) };
});

/** The plain loop, in place. */
export function rotateRows(
  heap: Float32Array,
  { frequencies, heads, positions }: Rotation,
  { at, columns, back }: { readonly at: Address; readonly columns: number; readonly back: boolean },
): void {
  const half = frequencies.length;
  const turns = turnsOf(frequencies, largest(positions));
  const sign = back ? -1 : 1;
  for (let row = 0; row < positions.length; row++) {
    const turn = 2 * half * (positions[row] ?? 0);
    for (let head = 0; head < heads; head++) {
      const from = at + row * columns + head * 2 * half;
      for (let j = 0; j < half; j++) {
        const cos = turns[turn + 2 * j] ?? 0;
        const sin = sign * (turns[turn + 2 * j + 1] ?? 0);
        const [a, b] = [heap[from + j] ?? 0, heap[from + half + j] ?? 0];
        heap[from + j] = a * cos - b * sin;
        heap[from + half + j] = b * cos + a * sin;
      }
    }
  }
}

function largest(positions: Int32Array): number {
  let most = 0;
  for (const position of positions) if (position > most) most = position;
  return most;
}

/** (positions, pairs, 2) cosines and sines. */
export function turnsAt(frequencies: readonly number[], positions: Int32Array): Float32Array {
  const size = 2 * frequencies.length;
  const table = turnsOf(frequencies, largest(positions));
  const turns = new Float32Array(positions.length * size);
  positions.forEach((position, i) =>
    turns.set(table.subarray(position * size, (position + 1) * size), i * size),
  );
  return turns;
}

/** Cosine and sine of each pair at each position, as far as they were asked for. */
const tables = new WeakMap<readonly number[], Float32Array>();

/** Angles are rounded to single precision, as Transformers computes them. */
function turnsOf(frequencies: readonly number[], position: number): Float32Array {
  const known = tables.get(frequencies);
  const size = 2 * frequencies.length;
  if (known && known.length > position * size) return known;
  const positions = Math.max(64, 2 * (position + 1));
  const table = new Float32Array(positions * size);
  for (let p = 0; p < positions; p++) {
    frequencies.forEach((frequency, j) => {
      const angle = Math.fround(p * frequency);
      table[p * size + 2 * j] = Math.cos(angle);
      table[p * size + 2 * j + 1] = Math.sin(angle);
    });
  }
  tables.set(frequencies, table);
  return table;
}

/** x cos + swapped(x) sin over the turning heads, with tables spread out to every channel. */
function composed(x: Tensor2D, { frequencies, heads, positions }: Rotation): Tensor2D {
  const [rows, columns] = matrixShape(x);
  const half = frequencies.length;
  const width = heads * 2 * half;
  const turns = turnsOf(frequencies, largest(positions));
  const spread = (offset: 0 | 1): Tensor2D => {
    const values = new Float32Array(rows * width);
    for (let i = 0; i < values.length; i++) {
      const turn = 2 * half * (positions[Math.floor(i / width)] ?? 0);
      values[i] = turns[turn + 2 * ((i % width) % half) + offset] ?? 0;
    }
    return tf.tensor2d(values, [rows, width]);
  };
  const turning = x.slice([0, 0], [rows, width]);
  const pairs = turning.reshape([rows * heads, 2, half]);
  const [a, b] = tf.split(pairs, 2, 1);
  if (!a || !b) throw new Error('internal error: a head has no two halves; please report it');
  const swapped = tf.concat([b.neg(), a], 1).reshape([rows, width]);
  const turned = turning.mul(spread(0)).add(swapped.mul(spread(1)));
  if (width === columns) return turned as Tensor2D;
  return tf.concat([turned, x.slice([0, width], [rows, columns - width])], 1) as Tensor2D;
}
