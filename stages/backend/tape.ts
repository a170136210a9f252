/** What TensorFlow.js remembers of a forward pass, freed on the way back. */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from './tf.js';

/**
 * Called at the end of a function that is being differentiated: what an operation saved, and the gradients of what it
 * gave, then go as soon as the way back is past it. TensorFlow.js itself keeps both to the end, which takes twice the
 * memory.
 */
export function freeOnTheWayBack(): void {
  const { activeTape, gradientDepth } = tf.engine().state;
  // A gradient of a gradient comes by here once more.
  if (gradientDepth !== 1) return;
  let past: readonly (Tensor | null)[] = [];
  for (const node of activeTape) {
    const { gradient, saved = [] } = node;
    if (!gradient) continue;
    node.gradient = (dys) => {
      for (const tensor of past) tensor?.dispose();
      past = [...dys, ...saved];
      return gradient(dys);
    };
  }
}
