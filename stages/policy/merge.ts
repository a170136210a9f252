/**
 * Merge and distribute, the same for every conditioning in the parameters:
 *   theta_S(alpha,w) = s theta_S^ref + (1-s) sum_i w_i theta_S^(i),   d/d theta_S^(i) = (1-s) w_i d/d theta_S(alpha,w).
 * Where adapters are trained instead, `adapting.ts` merges their factors, and the gradient goes on through the product.
 * The model runs forward and backward once, on the merged weights, however many copies there are.
 * Source: Wang et al., "Conditional Language Policy", EMNLP Findings 2024, section 3.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { disposeTensors, linearCombination, mapTensors, parameter, pick, type Scaled } from '../lm/index.js';
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

/** Gradients of all trained parameters, under the names of `flatten`. */
export interface Distributed {
  readonly gradients: Readonly<Record<string, Scaled>>;
  /** Frees what distributing made; gradients of merged models stay the caller's, and must live as long. */
  dispose(): void;
}

/**
 * The gradient of every trained parameter from the gradients of several merged models (one a trade-off), averaged:
 * shared parameters get the mean, copy i the mean of (1-s) w_i times the merged gradient. At one trade-off that is the
 * merged gradient itself and a factor a copy.
 */
export function distribute(
  merged: readonly MergedGradient[],
  parameters: ConditionedParameters,
): Distributed {
  const { shared, copies, adapting } = parameters;
  if (adapting) return made(flatten(adapting.distribute(merged, parameters)));
  const [first, ...more] = merged;
  if (first && more.length === 0) {
    const { gradients, mixture } = first;
    const times = (set: NamedTensors, factor: number): Readonly<Record<string, Scaled>> =>
      mapTensors(pick(gradients, Object.keys(set)), (tensor) => ({ tensor, factor }));
    const tree = {
      shared: times(shared, 1),
      copies: copies.map((copy, i) => times(copy, shareOf(mixture, i))),
    };
    return { gradients: flatten(tree), dispose: () => undefined };
  }
  const mean = (set: NamedTensors, share: (mixture: Mixture) => number): NamedTensors =>
    linearCombination(
      merged.map(({ mixture }) => share(mixture) / merged.length),
      merged.map(({ gradients }) => pick(gradients, Object.keys(set))),
    );
  return made(
    flatten({
      shared: mean(shared, () => 1),
      copies: copies.map((copy, i) => mean(copy, (mixture) => shareOf(mixture, i))),
    }),
  );
}

function made(gradients: NamedTensors): Distributed {
  return {
    gradients: mapTensors(gradients, (tensor) => ({ tensor, factor: 1 })),
    dispose: () => disposeTensors(gradients),
  };
}

/** All trained tensors under names that tell shared ones and copies apart, as an optimiser and a checkpoint see them. */
export function flatten<T = Tensor>({ shared, copies }: Tree<T>): Readonly<Record<string, T>> {
  const sets = [['shared', shared] as const, ...copies.map((copy, i) => [`copy${i}`, copy] as const)];
  return Object.fromEntries(
    sets.flatMap(([prefix, set]) =>
      Object.entries(set).map(([name, value]): [string, T] => [`${prefix}/${name}`, value]),
    ),
  );
}

interface Tree<T> {
  readonly shared: Readonly<Record<string, T>>;
  readonly copies: readonly Readonly<Record<string, T>>[];
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
