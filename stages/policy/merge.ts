/**
 * Merge and distribute, the same for every conditioning in the parameters:
 *   theta_S(alpha,w) = s theta_S^ref + (1-s) sum_i w_i theta_S^(i),   d/d theta_S^(i) = (1-s) w_i d/d theta_S(alpha,w).
 * The model runs forward and backward once, on the merged weights, however many copies there are.
 * Source: Wang et al., "Conditional Language Policy", EMNLP Findings 2024, section 3.
 */
import { disposeTensors, linearCombination } from '../lm/index.js';
import type { NamedTensors } from '../lm/types.js';

/** The trained parameters of a policy, and what they are merged with. */
export interface ConditionedParameters {
  /** Parameters that do not depend on the trade-off. */
  readonly shared: NamedTensors;
  /** theta_S^(i): one copy of the conditioned set S an objective; empty where nothing is conditioned. */
  readonly copies: readonly NamedTensors[];
  /** Parameters of the reference, S among them; needed where `referenceShare` > 0. */
  readonly reference?: NamedTensors;
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
    copies: parameters.copies.map((copy, i) => combine(Object.keys(copy), (mixture) => shareOf(mixture, i))),
  };
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
  };
}

function prefixed(tensors: NamedTensors, prefix: string): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor]));
}
