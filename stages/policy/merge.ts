/**
 * Merge and distribute, the same for every conditioning in the parameters:
 *   theta_S(alpha,w) = s theta_S^ref + (1-s) sum_i w_i theta_S^(i),   d/d theta_S^(i) = (1-s) w_i d/d theta_S(alpha,w).
 * Under lora the copies are pairs of factors, theta_S^(i) = theta_S^ref + scale B_i A_i, and what is frozen stays the
 * reference's: the same sum, whose gradient goes on through the product.
 * The model runs forward and backward once, on the merged weights, however many copies there are.
 * Source: Wang et al., "Conditional Language Policy", EMNLP Findings 2024, section 3.
 */
import { adapted, disposeTensors, factorGradients, linearCombination, type Adapters } from '../lm/index.js';
import type { NamedTensors } from '../lm/types.js';

/** The trained parameters of a policy, and what they are merged with. */
export interface ConditionedParameters {
  /** Parameters that do not depend on the trade-off. */
  readonly shared: NamedTensors;
  /** theta_S^(i): one copy of the conditioned set S an objective; empty where nothing is conditioned. */
  readonly copies: readonly NamedTensors[];
  /** Parameters of the reference, S among them; needed where `referenceShare` > 0, and under lora. */
  readonly reference?: NamedTensors;
  /** Under lora: what the factors, which are then the copies, adapt. */
  readonly adapters?: Adapters;
}

export interface Mixture {
  /** w: one weight an objective. */
  readonly weights: readonly number[];
  /** s in [0,1): the reference's share; 0 where alpha is fixed. */
  readonly referenceShare: number;
}

export interface Merged {
  /** All parameters of the language model; the shared ones are the policy's own tensors. */
  readonly weights: NamedTensors;
  /** Frees what was merged, and nothing shared. */
  dispose(): void;
}

/**
 * The parameters of the language model at one trade-off. Copies of weight 0 take no part, so a one-hot w gives that
 * copy bit for bit.
 */
export function materialize(parameters: ConditionedParameters, mixture: Mixture): Merged {
  const { shared, copies, reference } = parameters;
  const [first] = copies;
  if (!first) return { weights: shared, dispose: () => undefined };
  if (parameters.adapters) return adaptedReference(parameters, parameters.adapters, mixture);
  const terms = copies.map((copy, i) => ({ share: shareOf(mixture, i), set: copy }));
  if (mixture.referenceShare > 0 && reference)
    terms.unshift({ share: mixture.referenceShare, set: pick(reference, Object.keys(first)) });
  const present = terms.filter(({ share }) => share !== 0);
  const merged = linearCombination(
    present.map(({ share }) => share),
    present.map(({ set }) => set),
  );
  return { weights: { ...shared, ...merged }, dispose: () => disposeTensors(merged) };
}

/** The reference with adapters; s scales all that they add. */
function adaptedReference(
  { copies, reference = {} }: ConditionedParameters,
  adapters: Adapters,
  mixture: Mixture,
): Merged {
  const parts = copies.map((factors, i) => ({ share: shareOf(mixture, i), factors }));
  const merged = adapted(
    reference,
    adapters,
    parts.filter(({ share }) => share !== 0),
  );
  return { weights: { ...reference, ...merged }, dispose: () => disposeTensors(merged) };
}

/** Names of the merged parameters whose gradients are wanted: all, or those that are adapted. */
export function trainedNames({ weights }: Merged, { adapters }: ConditionedParameters): readonly string[] {
  return adapters ? adaptedNames(adapters) : Object.keys(weights);
}

/** (1-s) w_i. */
function shareOf({ weights, referenceShare }: Mixture, i: number): number {
  return (1 - referenceShare) * (weights[i] ?? 0);
}

/**
 * The gradient of every trained parameter from the gradients of several merged models (one a trade-off), averaged:
 * shared parameters get the mean, copy i the mean of (1-s) w_i times the merged gradient. New tensors.
 */
export function distribute(
  merged: readonly { readonly gradients: NamedTensors; readonly mixture: Mixture }[],
  parameters: ConditionedParameters,
): ConditionedParameters {
  const combine = (names: readonly string[], share: (mixture: Mixture) => number): NamedTensors =>
    linearCombination(
      merged.map(({ mixture }) => share(mixture) / merged.length),
      merged.map(({ gradients }) => pick(gradients, names)),
    );
  return {
    shared: combine(Object.keys(parameters.shared), () => 1),
    copies: parameters.copies.map((copy, i) => {
      const share = (mixture: Mixture): number => shareOf(mixture, i);
      return parameters.adapters
        ? throughFactors(combine(adaptedNames(parameters.adapters), share), parameters.adapters, copy)
        : combine(Object.keys(copy), share);
    }),
  };
}

const adaptedNames = ({ linears }: Adapters): readonly string[] =>
  linears.map(({ name }) => `${name}.weight`);

/** Takes the gradients of the adapted weights over. */
function throughFactors(gradients: NamedTensors, adapters: Adapters, factors: NamedTensors): NamedTensors {
  const found = factorGradients(gradients, adapters, factors);
  disposeTensors(gradients);
  return found;
}

/** Those of the named tensors that are wanted. */
export function pick(tensors: NamedTensors, names: readonly string[]): NamedTensors {
  return Object.fromEntries(
    names.map((name) => {
      const tensor = tensors[name];
      if (!tensor) throw new Error(`internal error: there is no parameter ${name}; please report it`);
      return [name, tensor];
    }),
  );
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
    Object.fromEntries(
      Object.keys(set).map((name) => [name, pick(flat, [`${prefix}/${name}`])[`${prefix}/${name}`]]),
    ) as NamedTensors;
  return {
    shared: take(like.shared, 'shared'),
    copies: like.copies.map((copy, i) => take(copy, `copy${i}`)),
    ...(like.reference ? { reference: like.reference } : {}),
    ...(like.adapters ? { adapters: like.adapters } : {}),
  };
}

function prefixed(tensors: NamedTensors, prefix: string): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor]));
}
