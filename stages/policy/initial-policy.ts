import type { PolicyManifest } from '../../schemas/artifact.js';
import { adaptersOf, cloneTensors, disposeTensors, freshFactors, untie, type Model } from '../lm/index.js';
import type { ConditioningMethod } from './conditioning/types.js';
import { pick } from './merge.js';
import { Random } from '../random.js';
import type { StoredPolicy } from './stored-policy.js';

/** Without a conditioning all parameters are shared: one policy for one trade-off. */
export const unconditioned: ConditioningMethod = { conditions: () => false, untied: false };

/**
 * A policy before training: shared parameters and every copy at the reference's values, or adapters that change nothing
 * yet, which the seed draws. Takes over the reference's tensors; the rest are clones.
 */
export function initialPolicy(
  reference: Model,
  manifest: PolicyManifest,
  { method, seed }: { readonly method: ConditioningMethod; readonly seed: number },
): StoredPolicy {
  const { tokenizer } = reference;
  if (method.adapted) return adaptedPolicy(reference, manifest, seed);
  const { config, weights } = method.untied ? untied(reference) : reference;
  const names = Object.keys(weights);
  const conditioned = names.filter((name) => method.conditions(name));
  const copies = conditioned.length > 0 ? manifest.objectives : [];
  return {
    manifest,
    config,
    tokenizer,
    shared: cloneTensors(
      pick(
        weights,
        names.filter((name) => !method.conditions(name)),
      ),
    ),
    copies: copies.map(() => cloneTensors(pick(weights, conditioned))),
    reference: weights,
  };
}

function adaptedPolicy(
  { config, tokenizer, weights }: Model,
  manifest: PolicyManifest,
  seed: number,
): StoredPolicy {
  if (!manifest.lora) throw new Error('internal error: adapters without a rank; please report it');
  const adapters = adaptersOf(config, manifest.lora);
  const copies = manifest.objectives.map((objective) =>
    freshFactors(adapters, new Random(seed, `policy/adapter/${objective}`)),
  );
  return { manifest, config, tokenizer, shared: {}, copies, reference: weights };
}

function untied(reference: Model): Pick<Model, 'config' | 'weights'> {
  const result = untie(reference.config, reference.weights);
  disposeTensors(reference.weights);
  return result;
}
