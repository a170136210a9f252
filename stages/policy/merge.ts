/**
 * Merge and distribute, the same for every conditioning in the parameters:
 *   theta_S(alpha,w) = s theta_S^ref + (1-s) sum_i w_i theta_S^(i),   d/d theta_S^(i) = (1-s) w_i d/d theta_S(alpha,w).
 * Where adapters are trained instead, `adapting.ts` merges their factors, and the gradient goes on through the product.
 * The model runs forward and backward once, on the merged weights, however many copies there are.
 * Source: Wang et al., "Conditional Language Policy", EMNLP Findings 2024, section 3.
 */
import { disposeTensors, linearCombination, parameter, pick } from '../lm/index.js';
import type { NamedTensors } from '../lm/types.js';
import type { Adapting, MergedGradient } from './adapting.js';
import { shareOf, type Mixture } from './mixture.js';

/** The trained parameters of a policy, and what they are merged with. */
export interface ConditionedParameters {
  /** Parameters that do not depend on the trade-off. */
  readonly shared: NamedTensors;
  /** theta_S^(i): one copy of the conditioned set S an objective; empty where nothing is conditioned. */
  readonly copies: readonly NamedTensors[];
  /** Parameters of the reference, S among them; needed where `referenceShare` > 0, and by adapters. */
  readonly reference?: NamedTensors;
  /** Where factors of adapters are trained, and no parameters themselves. */
  readonly adapting?: Adapting;
}

export interface Merged {
  /** All parameters of the language model; the shared ones are the policy's own tensors. */
  readonly weights: NamedTensors;
  /** Names of those whose gradients are wanted: all, or those that are adapted. */
  readonly trained: readonly string[];
  /** Frees what was merged, and nothing shared. */
  dispose(): void;
}

/**
 * The parameters of the language model at one trade-off. Copies of weight 0 take no part, so a one-hot w gives that
 * copy bit for bit.
 */
export function materialize(parameters: ConditionedParameters, mixture: Mixture): Merged {
  const { shared, copies, reference = {}, adapting } = parameters;
  const merged = adapting
    ? adapting.merge(reference, parameters, mixture)
    : mergedCopies(copies, reference, mixture);
  const weights = { ...(adapting ? reference : shared), ...merged };
  return {
    weights,
    trained: adapting?.names ?? Object.keys(weights),
    dispose: () => disposeTensors(merged),
  };
}

/** s theta_S^ref + (1-s) sum_i w_i theta_S^(i); nothing where nothing is conditioned. */
function mergedCopies(
  copies: readonly NamedTensors[],
  reference: NamedTensors,
  mixture: Mixture,
): NamedTensors {
  const [first] = copies;
  if (!first) return {};
  const terms = copies.map((copy, i) => ({ share: shareOf(mixture, i), set: copy }));
  if (mixture.referenceShare > 0)
    terms.unshift({ share: mixture.referenceShare, set: pick(reference, Object.keys(first)) });
  const present = terms.filter(({ share }) => share !== 0);
  return linearCombination(
    present.map(({ share }) => share),
    present.map(({ set }) => set),
  );
}

/**
 * The gradient of every trained parameter from the gradients of several merged models (one a trade-off), averaged:
 * shared parameters get the mean, copy i the mean of (1-s) w_i times the merged gradient. New tensors.
 */
export function distribute(
  merged: readonly MergedGradient[],
  parameters: ConditionedParameters,
): ConditionedParameters {
  if (parameters.adapting) return parameters.adapting.distribute(merged, parameters);
  const combine = (names: readonly string[], share: (mixture: Mixture) => number): NamedTensors =>
    linearCombination(
      merged.map(({ mixture }) => share(mixture) / merged.length),
      merged.map(({ gradients }) => pick(gradients, names)),
    );
  return {
    shared: combine(Object.keys(parameters.shared), () => 1),
    copies: parameters.copies.map((copy, i) => combine(Object.keys(copy), (mixture) => shareOf(mixture, i))),
  };
}

/** All trained tensors under names that tell shared ones and copies apart, as an optimiser and a checkpoint see them. */
export function flatten(parameters: ConditionedParameters): NamedTensors {
  return {
    ...prefixed(parameters.shared, 'shared'),
    ...Object.assign({}, ...parameters.copies.map((copy, i) => prefixed(copy, `copy${i}`))),
  } as NamedTensors;
}

/** Back from `flatten`, in the shape of `like`, whose reference is kept. */
export function unflatten(flat: NamedTensors, like: ConditionedParameters): ConditionedParameters {
  const take = (set: NamedTensors, prefix: string): NamedTensors =>
    Object.fromEntries(Object.keys(set).map((name) => [name, parameter(flat, `${prefix}/${name}`)]));
  return {
    shared: take(like.shared, 'shared'),
    copies: like.copies.map((copy, i) => take(copy, `copy${i}`)),
    ...(like.reference ? { reference: like.reference } : {}),
    ...(like.adapting ? { adapting: like.adapting } : {}),
  };
}

function prefixed(tensors: NamedTensors, prefix: string): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor]));
}
