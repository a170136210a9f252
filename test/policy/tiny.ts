/** A tiny model with a readable vocabulary, and policies of it. */
import { tf } from '../../stages/backend/tf.js';
import {
  buildTokenizer,
  decoderConfig,
  initialWeights,
  mapTensors,
  type Model,
} from '../../stages/lm/index.js';
import type { NamedTensors } from '../../stages/lm/types.js';
import { conditioningMethod } from '../../stages/policy/conditioning/index.js';
import { initialPolicy } from '../../stages/policy/initial-policy.js';
import type { ConditionedParameters, Distributed } from '../../stages/policy/merge.js';
import { conditioningTokens } from '../../stages/policy/prompt-writing.js';
import type { StoredPolicy } from '../../stages/policy/stored-policy.js';
import { Random } from '../../stages/random.js';
import type { PolicyManifest } from '../../schemas/artifact.js';
import type { ConditioningName } from '../../schemas/conditionings.js';

export const objectives = ['left', 'right'];

/** Words a and b (and c where asked for), everything else reserved or special. */
export function tinyModel(seed = 0, words = 'a b'): Model {
  const tokenizer = buildTokenizer([words], { reserved: conditioningTokens });
  const config = decoderConfig({
    vocab_size: tokenizer.vocabulary.length,
    n_positions: 16,
    n_embd: 8,
    n_layer: 1,
    n_head: 2,
    bos_token_id: tokenizer.bos,
    eos_token_id: tokenizer.eos,
    initializer_range: 0.4,
  });
  return { config, weights: initialWeights(config, new Random(seed, 'weights')), tokenizer };
}

export function manifestOf(
  conditioning: ConditioningName,
  change: Partial<PolicyManifest> = {},
): PolicyManifest {
  return {
    v: 1,
    method: 'clp',
    objectives,
    reference: '0'.repeat(64),
    conditioning,
    alpha: { fixed: 0.1 },
    referenceShare: 'none',
    ...(conditioning === 'lora' ? { lora: { rank: 2, alpha: 4, targets: 'all' as const } } : {}),
    ...(conditioning === 'svd-lora' ? { svd: { rank: 2, targets: 'all' as const } } : {}),
    ...(conditioning === 'soft-tokens' ? { softTokens: 3 } : {}),
    ...change,
  };
}

/** A policy whose copies have moved from the reference, each its own way. */
export async function movedPolicy(
  conditioning: ConditioningName,
  change: Partial<PolicyManifest> = {},
  model = tinyModel(),
): Promise<StoredPolicy> {
  const method = await conditioningMethod(conditioning);
  const start = initialPolicy(model, manifestOf(conditioning, change), { method, seed: 0 });
  return {
    ...start,
    shared: moved(start.shared, 1),
    copies: start.copies.map((copy, i) => moved(copy, 2 + i)),
  };
}

/** New tensors beside the given ones. */
export function moved(tensors: NamedTensors, seed: number): NamedTensors {
  const random = new Random(seed, 'moved');
  return mapTensors(tensors, (tensor) => {
    const values = tensor.dataSync().map((value) => value + 0.3 * random.normal());
    return tf.tensor(values, tensor.shape);
  });
}

/** Every value of every tensor, by name. */
export function valuesOf(tensors: NamedTensors): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, Array.from(tensor.dataSync())]),
  );
}

/** Every value of every gradient, by name. */
export function slopesOf({ gradients }: Distributed): Record<string, number[]> {
  const products = Object.entries(gradients).map(
    ([name, { tensor, factor }]) => [name, tensor.mul(factor)] as const,
  );
  return valuesOf(Object.fromEntries(products));
}

export function allTensors({ shared, copies }: ConditionedParameters): NamedTensors[] {
  return [shared, ...copies];
}
