/** Values and gradients over named tensors. */
import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { combineAll, sumOfSquares } from '../backend/ops/combine.js';
import { freeOnTheWayBack } from '../backend/tape.js';
import { tf } from '../backend/tf.js';
import type { NamedTensors } from './types.js';
import { parameter } from './weights.js';

/** A scalar and its gradients with respect to the named tensors; those it does not depend on get zeros. */
export function valueAndGradients(
  loss: (weights: NamedTensors) => Scalar,
  weights: NamedTensors,
): { readonly value: Scalar; readonly gradients: NamedTensors } {
  const names = Object.keys(weights);
  // Fresh tensors on the same values: the engine follows each from its identity.
  return tf.tidy(() => {
    const leaves = names.map((name) => parameter(weights, name).clone());
    const { value, grads } = gradientsOf(
      () => loss(Object.fromEntries(names.map((name, i) => [name, at(leaves, i)]))),
      leaves,
    );
    const gradients = names.map((name, i): [string, Tensor] => [
      name,
      grads[i] ?? tf.zerosLike(at(leaves, i)),
    ]);
    return { value, gradients: Object.fromEntries(gradients) };
  });
}

/** tf.valueAndGrads refuses an input that the value does not depend on; the engine itself does not. */
function gradientsOf(
  loss: () => Scalar,
  leaves: readonly Tensor[],
): { value: Scalar; grads: readonly (Tensor | null)[] } {
  const differentiated = (): Scalar => {
    const value = loss();
    freeOnTheWayBack();
    return value;
  };
  const { value, grads } = tf.engine().gradients(differentiated, [...leaves], undefined, true) as {
    value: Scalar;
    grads: (Tensor | null)[];
  };
  return { value, grads };
}

function at(tensors: readonly Tensor[], i: number): Tensor {
  const tensor = tensors[i];
  if (!tensor) throw new Error('internal error: a set lost its tensor; please report it');
  return tensor;
}

/** L2 norm over all. */
export function globalNorm(gradients: NamedTensors): number {
  return Math.sqrt(sumOfSquares(Object.values(gradients)));
}

/** Scaled so that the norm is at most `max` (Pascanu et al. 2013); a new set, and the norm before. */
export function clipByGlobalNorm(
  gradients: NamedTensors,
  max: number,
): { readonly gradients: NamedTensors; readonly norm: number } {
  const norm = globalNorm(gradients);
  return { gradients: linearCombination([norm > max ? max / norm : 1], [gradients]), norm };
}

/** sum_i coefficients[i] * sets[i] as one operation: merging, gradient accumulation, distribution. */
export function linearCombination(
  coefficients: readonly number[],
  sets: readonly NamedTensors[],
): NamedTensors {
  const [head] = sets;
  if (!head || sets.length !== coefficients.length) {
    throw new Error(
      `internal error: ${coefficients.length} coefficients for ${sets.length} sets of tensors; please report it`,
    );
  }
  const names = Object.keys(head);
  const sums = combineAll(
    coefficients,
    names.map((name) => sets.map((set) => parameter(set, name))),
  );
  return Object.fromEntries(names.map((name, i) => [name, at(sums, i)]));
}
