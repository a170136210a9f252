import type { Tensor } from '@tensorflow/tfjs';
import type { AdamTensors } from '../../stages/backend/ops/combine.js';
import { tf } from '../../stages/backend/tf.js';
import { decoderConfig, initialWeights, mapTensors } from '../../stages/lm/index.js';
import type { Gpt2Config, ModelConfig } from '../../stages/lm/config.js';
import type { NamedTensors, Tokens } from '../../stages/lm/types.js';
import { Random } from '../../stages/random.js';

export const tokens = (...ids: number[]): Tokens => Int32Array.from(ids);

export function tinyConfig(change: Partial<Gpt2Config> = {}): Gpt2Config {
  return decoderConfig({
    vocab_size: 11,
    n_positions: 24,
    n_embd: 12,
    n_layer: 2,
    n_head: 3,
    bos_token_id: 1,
    eos_token_id: 2,
    ...change,
  });
}

/** Weights large enough for distributions that are far from uniform. */
export function sharpWeights(config: ModelConfig, seed = 0): NamedTensors {
  const weights = initialWeights(
    { ...config, initializer_range: 0.3 } as ModelConfig,
    new Random(seed, 'weights'),
  );
  const random = new Random(seed, 'vectors');
  const moved = mapTensors(weights, (tensor) =>
    tensor.rank > 1 ? tensor.clone() : addNoise(tensor, random),
  );
  for (const tensor of Object.values(weights)) tensor.dispose();
  return moved;
}

function addNoise(tensor: Tensor, random: Random): Tensor {
  const values = tensor.dataSync().map((value) => value + 0.2 * random.normal());
  return tf.tensor(values, tensor.shape);
}

export function randomTexts(count: number, length: number, vocabulary: number, seed = 0): Tokens[] {
  const random = new Random(seed, 'texts');
  return Array.from({ length: count }, () =>
    Int32Array.from({ length }, () => 3 + random.integer(vocabulary - 3)),
  );
}

export function randomTensor(shape: number[], seed: number, scale = 1): Tensor {
  const random = new Random(seed, 'tensor');
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => scale * random.normal()),
    shape,
  );
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN));
    most = Number.isNaN(difference) ? Infinity : Math.max(most, difference);
  }
  return most;
}

/** The same of what an optimiser's step made of parameters and moments. */
export const largestOfUpdates = (a: readonly AdamTensors[], b: readonly AdamTensors[]): number =>
  Math.max(
    ...a.flatMap((found, i) =>
      (['parameter', 'first', 'second'] as const).map((name) =>
        largestDifference(found[name].dataSync(), b[i]?.[name].dataSync() ?? [NaN]),
      ),
    ),
  );

/** Log-probabilities of one row of logits, in Float64. */
export function logSoftmaxRow(logits: ArrayLike<number>, masked: readonly number[] = []): number[] {
  const kept = Array.from(logits, (value, token) => (masked.includes(token) ? -Infinity : value));
  const top = Math.max(...kept);
  const norm = top + Math.log(kept.reduce((sum, value) => sum + Math.exp(value - top), 0));
  return kept.map((value) => value - norm);
}
