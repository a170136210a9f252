/** What the checks share: weights that are drawn for them, and how errors are taken together. */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../backend/tf.js';
import { Random } from '../../random.js';
import type { ModelConfig } from '../config.js';
import type { NamedTensors } from '../types.js';
import { disposeTensors, initialWeights } from '../weights.js';
import type { Parameters64 } from './reference.js';

/** Weights far from uniform. */
export function drawn(config: ModelConfig): { readonly weights: NamedTensors; readonly exact: Parameters64 } {
  const random = new Random(0, 'conformance/weights');
  const weights = initialWeights({ ...config, initializer_range: 0.3 } as ModelConfig, random);
  const moved = Object.entries(weights).map(([name, tensor]) => {
    const noise = tensor.rank > 1 ? 0 : 0.2;
    return [
      name,
      Float32Array.from(tensor.dataSync(), (value) => value + noise * random.normal()),
      tensor,
    ] as const;
  });
  const own = moved.map(([name, values, { shape }]): [string, Tensor] => [name, tf.tensor(values, shape)]);
  disposeTensors(weights);
  return {
    weights: Object.fromEntries(own),
    exact: Object.fromEntries(moved.map(([name, values]) => [name, Float64Array.from(values)])),
  };
}

/** Largest absolute value; NaN counts as infinite, so that nothing passes by being no number. */
export function largest(errors: readonly number[]): number {
  return errors.reduce((most, error) => Math.max(most, Number.isNaN(error) ? Infinity : Math.abs(error)), 0);
}

/** Against finite differences: at the first, middle and last element, and at the one of the steepest slope. */
export function gradientErrors(
  name: string,
  gradient: Tensor,
  { exact, lossAt }: { readonly exact: Parameters64; readonly lossAt: (weights: Parameters64) => number },
): number[] {
  const found = gradient.dataSync<'float32'>();
  const steepest = found.reduce(
    (best, value, i) => (Math.abs(value) > Math.abs(found[best] ?? 0) ? i : best),
    0,
  );
  return [0, found.length >> 1, found.length - 1, steepest].map((element) => {
    const shifted = (shift: number): number => {
      const moved = Float64Array.from(exact[name] ?? []);
      moved[element] = (moved[element] ?? NaN) + shift;
      return lossAt({ ...exact, [name]: moved });
    };
    const slope = (shifted(1e-4) - shifted(-1e-4)) / 2e-4;
    return ((found[element] ?? NaN) - slope) / (1 + Math.abs(slope));
  });
}
