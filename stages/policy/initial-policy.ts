import type { PolicyManifest } from '../../schemas/artifact.js';
import {
  adaptersOf,
  cloneTensors,
  disposeTensors,
  freshFactors,
  pick,
  untie,
  type Model,
} from '../lm/index.js';
import type { NamedTensors } from '../lm/types.js';
import { Random } from '../random.js';
import type { ConditioningMethod } from './conditioning/types.js';
import type { StoredPolicy } from './stored-policy.js';

/** Without a conditioning all parameters are shared: one policy for one trade-off. */
export const unconditioned: ConditioningMethod = { conditions: () => false, untied: false };

/** The same of an adapter: experts of one seed begin with the same factors, so that these can be averaged. */
export const unconditionedAdapter: ConditioningMethod = {
  ...unconditioned,
  factors({ config }, { lora }, seed) {
    if (!lora) throw new Error('internal error: an adapter without a rank; please report it');
    return { shared: freshFactors(adaptersOf(config, lora), new Random(seed, 'policy/adapter')), copies: [] };
  },
};

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
  const factors = method.factors?.(reference, manifest, seed);
  const { config, weights } = method.untied ? untied(reference) : reference;
  const all = { ...weights, ...method.added?.(reference, manifest, seed) };
  return {
    ...{ manifest, config, tokenizer, reference: all },
    ...(factors ?? startingAt(all, manifest.objectives, method)),
  };
}

function startingAt(
  weights: NamedTensors,
  objectives: readonly string[],
  method: ConditioningMethod,
): Pick<StoredPolicy, 'shared' | 'copies'> {
  const names = Object.keys(weights);
  const conditioned = names.filter((name) => method.conditions(name));
  const shared = names.filter((name) => !method.conditions(name));
  const copies = conditioned.length > 0 ? objectives : [];
  return {
    shared: cloneTensors(pick(weights, shared)),
    copies: copies.map(() => cloneTensors(pick(weights, conditioned))),
  };
}

function untied(reference: Model): Pick<Model, 'config' | 'weights'> {
  const result = untie(reference.config, reference.weights);
  disposeTensors(reference.weights);
  return result;
}
