/** Biases of attention by relative position, in T5's buckets (Raffel et al. 2020). */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Forest } from '../backend/ops/forest.js';
import type { Padding } from '../backend/ops/padded-attention.js';
import { gatherRows } from '../backend/ops/rows.js';
import type { RelativePositions } from './architecture.js';
import type { NamedTensors } from './types.js';
import { parameter } from './weights.js';

/**
 * The bucket of a key `distance` places after its query. Half of the buckets are for one distance each, the rest widen
 * to `furthest`. In single precision, as Transformers computes it: a rounding may decide the bucket.
 */
export function bucketOf(
  { buckets, furthest, twoSided }: Pick<RelativePositions, 'buckets' | 'furthest' | 'twoSided'>,
  distance: number,
): number {
  const count = twoSided ? buckets >> 1 : buckets;
  const side = twoSided && distance > 0 ? count : 0;
  const apart = twoSided ? Math.abs(distance) : Math.max(0, -distance);
  const exact = count >> 1;
  if (apart < exact) return side + apart;
  const share = Math.fround(Math.fround(Math.log(apart / exact)) / Math.fround(Math.log(furthest / exact)));
  return side + Math.min(count - 1, exact + Math.floor(Math.fround(share * (count - exact))));
}

/** (G, H, T, T) biases of the padded batch of a forest. */
export function relativeBias(
  weights: NamedTensors,
  relative: RelativePositions,
  { trees, depths }: Forest,
  { length }: Padding,
): Tensor {
  const cells = new Int32Array(trees.length * length * length);
  trees.forEach(({ start, end }, t) => {
    for (let i = start; i < end; i++) {
      for (let j = start; j < end; j++) {
        const distance = (depths[j] ?? 0) - (depths[i] ?? 0);
        cells[(t * length + i - start) * length + j - start] = bucketOf(relative, distance);
      }
    }
  });
  return gatherRows(parameter<Tensor2D>(weights, relative.name), cells)
    .reshape([trees.length, length, length, relative.heads])
    .transpose([0, 3, 1, 2]);
}
