/** Token and position embeddings as one operation. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { defineGradient, defineKernel, first, fused, input } from '../fused.js';
import { matrixShape, type Address } from '../memory.js';
import { tf } from '../tf.js';

interface Attributes {
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
}

/** (V, C), (P, C) -> (N, C): row i is tokens[i]'s plus positions[i]'s. */
export function embed(
  table: Tensor2D,
  places: Tensor2D,
  tokens: Int32Array,
  positions: Int32Array,
): Tensor2D {
  if (fused()) return first(forward({ table, places }, { tokens, positions })) as Tensor2D;
  const rows = (from: Tensor2D, index: Int32Array): Tensor2D => tf.gather(from, tf.tensor1d(index, 'int32'));
  return tf.tidy(() => rows(table, tokens).add<Tensor2D>(rows(places, positions)));
}

const forward = defineKernel<Attributes>(
  'embed',
  (memory, inputs, { tokens, positions }) => {
    const [, width] = matrixShape(input(inputs, 'table'));
    const y = memory.output([tokens.length, width]);
    const table = memory.input(input(inputs, 'table'));
    const places = memory.input(input(inputs, 'places'));
    embedRows(memory.heap(), { table, places, to: y.address, width, tokens, positions });
    return y.info;
  },
  (call, { tokens, positions }) => call.one('Embed', ['table', 'places'], { indices: [tokens, positions] }),
);

interface EmbedRows extends Attributes {
  readonly table: Address;
  /** Of positions, where they are learnt. */
  readonly places: Address | undefined;
  readonly to: Address;
  readonly width: number;
}

/** The plain loop. */
export function embedRows(
  heap: Float32Array,
  { table, places, to, width, tokens, positions }: EmbedRows,
): void {
  for (let i = 0; i < tokens.length; i++) {
    const a = table + (tokens[i] ?? 0) * width;
    if (places === undefined) {
      heap.copyWithin(to + i * width, a, a + width);
      continue;
    }
    const b = places + (positions[i] ?? 0) * width;
    for (let c = 0; c < width; c++) heap[to + i * width + c] = (heap[a + c] ?? 0) + (heap[b + c] ?? 0);
  }
}

interface BackwardAttributes extends Attributes {
  readonly sizes: readonly [number, number];
}

const backward = defineKernel<BackwardAttributes>(
  'embed-gradient',
  (memory, inputs, { tokens, positions, sizes }) => {
    const [, width] = matrixShape(input(inputs, 'dy'));
    const dtable = memory.output([sizes[0], width]);
    const dplaces = memory.output([sizes[1], width]);
    const dy = memory.input(input(inputs, 'dy'));
    const heap = memory.heap();
    heap.fill(0, dtable.address, dtable.address + sizes[0] * width);
    heap.fill(0, dplaces.address, dplaces.address + sizes[1] * width);
    for (let i = 0; i < tokens.length; i++) {
      const a = dtable.address + (tokens[i] ?? 0) * width;
      const b = dplaces.address + (positions[i] ?? 0) * width;
      for (let c = 0; c < width; c++) {
        const gradient = heap[dy + i * width + c] ?? 0;
        heap[a + c] = (heap[a + c] ?? 0) + gradient;
        heap[b + c] = (heap[b + c] ?? 0) + gradient;
      }
    }
    return [dtable.info, dplaces.info];
  },
  (call, { tokens, positions, sizes }) =>
    call.ours('EmbedGradient', ['dy'], { indices: [tokens, positions, Int32Array.from(sizes)], outputs: 2 }),
);

defineGradient<Attributes>('embed', { inputs: ['table', 'places'] }, ([dy], [table, places], attributes) => {
  if (!dy || !table || !places)
    throw new Error('internal error: an embedding saved too little; please report it');
  const sizes = [matrixShape(table)[0], matrixShape(places)[0]] as const;
  const [dtable, dplaces] = backward({ dy }, { ...attributes, sizes });
  if (!dtable || !dplaces)
    throw new Error('internal error: an embedding gave no gradients; please report it');
  return { table: dtable, places: dplaces };
});
