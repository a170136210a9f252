/**
 * Rows of one batch whose weights differ by sums of low rank: they share every product with the base, x W, and add
 * ((x A) * g) B, A and B the factors of all parts side by side and g the shares of the row's own mixture.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Forest } from '../backend/ops/forest.js';
import { addLowRank, type LowRank } from '../backend/ops/low-rank.js';
import { tf } from '../backend/tf.js';
import type { Linear } from './architecture.js';
import type { NamedTensors } from './types.js';

export interface RowAdapters {
  /** Of each adapted product under `factorNames`: A (inputs, R), B (R, outputs) and the mixtures, (M, R). */
  readonly tensors: NamedTensors;
  /** The mixture of each row; of each tree, or node, where a forest or a pass is spoken of. */
  readonly of: Int32Array;
}

const names = (product: string): LowRank<string> => ({
  down: `${product}.rows_down`,
  up: `${product}.rows_up`,
  gains: `${product}.rows_gains`,
});

/** Under their names among tensors. */
export function named(product: string, { down, up, gains }: LowRank<Tensor>): NamedTensors {
  const called = names(product);
  return { [called.down]: down, [called.up]: up, [called.gains]: gains };
}

/** Those of a product among tensors; undefined where it is not adapted. */
export function factorsOf<T>(tensors: Readonly<Record<string, T>>, product: string): LowRank<T> | undefined {
  const called = names(product);
  const [down, up, gains] = [tensors[called.down], tensors[called.up], tensors[called.gains]];
  return down === undefined || up === undefined || gains === undefined ? undefined : { down, up, gains };
}

/** y, a product of x, with what each row adds. */
export function withOwn(
  { tensors, of }: RowAdapters,
  { name }: Linear,
  { x, y }: { readonly x: Tensor2D; readonly y: Tensor2D },
): Tensor2D {
  const factors = factorsOf(tensors as Readonly<Record<string, Tensor2D>>, name);
  return factors ? addLowRank(y, { x, factors, of }) : y;
}

/** Of nodes, from those of their trees. */
export function ofNodes({ tensors, of }: RowAdapters, { tokens, trees }: Forest): RowAdapters {
  const nodes = new Int32Array(tokens.length);
  trees.forEach(({ start, end }, tree) => nodes.fill(of[tree] ?? 0, start, end));
  return { tensors, of: nodes };
}

/** Of some of the rows. */
export function ofRows({ tensors, of }: RowAdapters, rows: Int32Array): RowAdapters {
  return { tensors, of: rows.map((row) => of[row] ?? 0) };
}

/** Of products that are laid side by side as one: each adds to columns of its own. None where none is adapted. */
export function joinedFactors(tensors: NamedTensors, parts: readonly Linear[]): LowRank<Tensor> | undefined {
  const found = parts.map(({ name }) => factorsOf(tensors, name)).filter((factors) => factors !== undefined);
  if (found.length === 0) return undefined;
  if (found.length !== parts.length)
    throw new Error('internal error: a joined product is adapted in part; please report it');
  const outputs = parts.map((part) => part.outputs);
  const sum = (widths: readonly number[]): number => widths.reduce((a, b) => a + b, 0);
  const ups = found.map(({ up }, i) =>
    tf.pad2d(up as Tensor2D, [
      [0, 0],
      [sum(outputs.slice(0, i)), sum(outputs.slice(i + 1))],
    ]),
  );
  return {
    down: tf.concat(
      found.map(({ down }) => down),
      1,
    ),
    up: tf.concat(ups, 0),
    gains: tf.concat(
      found.map(({ gains }) => gains),
      1,
    ),
  };
}

/** The most columns of any A. */
export function largestRank(
  tensors: Readonly<Record<string, { readonly shape: readonly number[] }>>,
): number {
  const downs = Object.entries(tensors).filter(([name]) => name.endsWith(names('').down));
  return downs.reduce((most, [, { shape }]) => Math.max(most, shape[1] ?? 0), 0);
}
