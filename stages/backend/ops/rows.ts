/** Picking rows and elements by index. Their gradients add up where an index comes twice, in plain loops. */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { matrixShape } from '../memory.js';
import { tf } from '../tf.js';

interface RowAttributes {
  readonly rows: Int32Array;
}

/** (N, C) -> (rows, C). */
export function gatherRows(x: Tensor2D, rows: Int32Array): Tensor2D {
  if (!fused()) return tf.tidy(() => tf.gather(x, tf.tensor1d(rows, 'int32')));
  return first(gather({ x }, { rows })) as Tensor2D;
}

const gather = defineKernel<RowAttributes>(
  'gather-rows',
  (memory, inputs, { rows }) => {
    const [, columns] = matrixShape(input(inputs, 'x'));
    const y = memory.output([rows.length, columns]);
    const x = memory.input(input(inputs, 'x'));
    const heap = memory.heap();
    rows.forEach((row, i) =>
      heap.copyWithin(y.address + i * columns, x + row * columns, x + (row + 1) * columns),
    );
    return y.info;
  },
  (call, { rows }) => call.one('GatherRows', ['x'], { indices: [rows] }),
);

const scatter = defineKernel<RowAttributes & { readonly count: number }>(
  'scatter-rows',
  (memory, inputs, { rows, count }) => {
    const [, columns] = matrixShape(input(inputs, 'dy'));
    const dx = memory.output([count, columns]);
    const dy = memory.input(input(inputs, 'dy'));
    const heap = memory.heap();
    heap.fill(0, dx.address, dx.address + count * columns);
    for (let i = 0; i < rows.length; i++) {
      const to = dx.address + (rows[i] ?? 0) * columns;
      const from = dy + i * columns;
      for (let c = 0; c < columns; c++) heap[to + c] = (heap[to + c] ?? 0) + (heap[from + c] ?? 0);
    }
    return dx.info;
  },
  (call, { rows, count }) => call.one('ScatterRows', ['dy'], { indices: [rows, Int32Array.of(count)] }),
);

defineGradient<RowAttributes>('gather-rows', { inputs: ['x'] }, ([dy], [x], { rows }) => {
  if (!dy || !x) throw new Error('internal error: a gather saved too little; please report it');
  return { x: first(scatter({ dy }, { rows, count: matrixShape(x)[0] })) };
});

interface PickAttributes {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

/** (M, V) -> (S): element (rows[s], columns[s]). */
export function pick(x: Tensor2D, rows: Int32Array, columns: Int32Array): Tensor1D {
  if (fused()) return first(pickKernel({ x }, { rows, columns })) as Tensor1D;
  return tf.tidy(() => {
    const [, width] = matrixShape(x);
    const flat = rows.map((row, s) => row * width + (columns[s] ?? 0));
    return tf.gather(x.as1D(), tf.tensor1d(flat, 'int32'));
  });
}

const pickKernel = defineKernel<PickAttributes>(
  'pick',
  (memory, inputs, { rows, columns }) => {
    const [, width] = matrixShape(input(inputs, 'x'));
    const y = memory.output([rows.length]);
    const x = memory.input(input(inputs, 'x'));
    const heap = memory.heap();
    for (let s = 0; s < rows.length; s++)
      heap[y.address + s] = heap[x + (rows[s] ?? 0) * width + (columns[s] ?? 0)] ?? 0;
    return y.info;
  },
  (call, { rows, columns }) => call.one('Pick', ['x'], { indices: [rows, columns] }),
);

const unpick = defineKernel<PickAttributes & { readonly shape: readonly number[] }>(
  'pick-gradient',
  (memory, inputs, attributes) => {
    const { rows, columns, shape } = attributes;
    const [count = 0, width = 0] = shape;
    const dx = memory.output(shape);
    const dy = memory.input(input(inputs, 'dy'));
    const heap = memory.heap();
    heap.fill(0, dx.address, dx.address + count * width);
    for (let s = 0; s < rows.length; s++) {
      const to = dx.address + (rows[s] ?? 0) * width + (columns[s] ?? 0);
      heap[to] = (heap[to] ?? 0) + (heap[dy + s] ?? 0);
    }
    return dx.info;
  },
  (call, { rows, columns, shape }) =>
    call.one('PickGradient', ['dy'], { indices: [rows, columns, Int32Array.from(shape)] }),
);

defineGradient<PickAttributes>('pick', { inputs: ['x'] }, ([dy], [x], attributes) => {
  if (!dy || !x) throw new Error('internal error: a pick saved too little; please report it');
  return { x: first(unpick({ dy }, { ...attributes, shape: x.shape })) };
});

interface SegmentAttributes {
  readonly segments: Int32Array;
  readonly count: number;
}

/** (S) -> (count): sums of the values of each segment. */
export function segmentSum(values: Tensor1D, segments: Int32Array, count: number): Tensor1D {
  if (!fused()) return tf.tidy(() => tf.unsortedSegmentSum(values, tf.tensor1d(segments, 'int32'), count));
  return first(segmentKernel({ values }, { segments, count })) as Tensor1D;
}

const segmentKernel = defineKernel<SegmentAttributes>(
  'segment-sum',
  (memory, inputs, { segments, count }) => {
    const y = memory.output([count]);
    const values = memory.input(input(inputs, 'values'));
    const heap = memory.heap();
    heap.fill(0, y.address, y.address + count);
    for (let s = 0; s < segments.length; s++) {
      const to = y.address + (segments[s] ?? 0);
      heap[to] = (heap[to] ?? 0) + (heap[values + s] ?? 0);
    }
    return y.info;
  },
  (call, { segments, count }) =>
    call.one('SegmentSum', ['values'], { indices: [segments, Int32Array.of(count)] }),
);

const spread = defineKernel<SegmentAttributes>(
  'segment-sum-gradient',
  (memory, inputs, { segments }) => {
    const y = memory.output([segments.length]);
    const dy = memory.input(input(inputs, 'dy'));
    const heap = memory.heap();
    for (let s = 0; s < segments.length; s++) heap[y.address + s] = heap[dy + (segments[s] ?? 0)] ?? 0;
    return y.info;
  },
  (call, { segments }) => call.one('SegmentSumGradient', ['dy'], { indices: [segments] }),
);

defineGradient<SegmentAttributes>('segment-sum', { inputs: [] }, ([dy], _saved: Tensor[], attributes) => {
  if (!dy) throw new Error('internal error: a segment sum has no gradient to hand on; please report it');
  return { values: first(spread({ dy }, attributes)) };
});
