import type { PolicyManifest } from '../../schemas/artifact.js';
import { cloneTensors, disposeTensors, untie, type Model } from '../lm/index.js';
import type { ConditioningMethod } from './conditioning/types.js';
import { pick } from './merge.js';
import type { StoredPolicy } from './stored-policy.js';

/** Without a conditioning all parameters are shared: one policy for one trade-off. */
export const unconditioned: ConditioningMethod = { conditions: () => false, untied: false };

/**
 * A policy before training: shared parameters and every copy at the reference's values. Takes over the reference's
 * tensors; the rest are clones.
 */
export function initialPolicy(
  reference: Model,
  manifest: PolicyManifest,
  method: ConditioningMethod,
): StoredPolicy {
  const { tokenizer } = reference;
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

function untied(reference: Model): Pick<Model, 'config' | 'weights'> {
  const result = untie(reference.config, reference.weights);
  disposeTensors(reference.weights);
  return result;
}
