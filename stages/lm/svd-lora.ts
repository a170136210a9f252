/**
 * Adapters in the shape of a singular value decomposition: W + share U diag(sigma, eta w) V for some products, W itself
 * frozen. The first `rank` singular values are learnt, the last are the weights w of the objectives times a learnt eta:
 * one adapter for every trade-off. U and V are not held to be orthogonal.
 * Source: Zhong et al., "Panacea: Pareto Alignment via Preference Adaptation for LLMs", NeurIPS 2024.
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../backend/tf.js';
import type { Random } from '../random.js';
import type { Linear } from './architecture.js';
import { architectureOf, type ModelConfig } from './config.js';
import { adapted, factorGradients, factorNames, linearsOf, type LoraTargets } from './lora.js';
import { named } from './row-adapters.js';
import type { NamedTensors } from './types.js';
import { parameter } from './weights.js';

export interface SvdShape {
  readonly rank: number;
  readonly targets: LoraTargets;
}

export interface SvdAdapters {
  readonly linears: readonly Linear[];
  /** Singular values that are learnt, and those that are weights. */
  readonly rank: number;
  readonly objectives: number;
}

/** What the adapters are asked for. */
export interface SvdMixture {
  /** What the whole addition is multiplied by. */
  readonly share: number;
  readonly weights: readonly number[];
}

export function svdAdaptersOf(
  config: ModelConfig,
  { rank, targets }: SvdShape,
  objectives: number,
): SvdAdapters {
  return { linears: linearsOf(architectureOf(config), targets), rank, objectives };
}

const svdNames = ({ name }: Linear) => ({
  u: `${name}.svd_U`, // (outputs, rank + objectives)
  v: `${name}.svd_V`, // (rank + objectives, inputs)
  sigma: `${name}.svd_sigma`, // (rank)
  eta: `${name}.svd_eta`, // (1)
});

/** Columns of U and rows of V of about unit length; sigma and eta 0, so that the model is the base. The caller disposes. */
export function freshSvdFactors({ linears, rank, objectives }: SvdAdapters, random: Random): NamedTensors {
  const factors: Record<string, Tensor> = {};
  const values = rank + objectives;
  const normal = (rows: number, columns: number, length: number): Tensor2D => {
    const drawn = Float32Array.from({ length: rows * columns }, () => random.normal() / Math.sqrt(length));
    return tf.tensor2d(drawn, [rows, columns]);
  };
  for (const linear of linears) {
    const names = svdNames(linear);
    factors[names.u] = normal(linear.outputs, values, linear.outputs);
    factors[names.v] = normal(values, linear.inputs, linear.inputs);
    factors[names.sigma] = tf.zeros([rank]);
    factors[names.eta] = tf.zeros([1]);
  }
  return factors;
}

/** The adapted weights, and no others. Differentiable in the factors; the caller disposes. */
export function svdAdapted(
  base: NamedTensors,
  adapters: SvdAdapters,
  factors: NamedTensors,
  mixture: SvdMixture,
): NamedTensors {
  return tf.tidy(() => {
    const part = { share: mixture.share, factors: lowRank(adapters, factors, mixture) };
    return adapted(base, { ...adapters, scale: 1 }, mixture.share === 0 ? [] : [part]);
  });
}

/** The same as what rows add, each by a mixture of its own. The caller disposes. */
export function svdRowFactors(
  { linears }: SvdAdapters,
  factors: NamedTensors,
  mixtures: readonly SvdMixture[],
): NamedTensors {
  return tf.tidy(
    () =>
      Object.assign(
        {},
        ...linears.map((linear) => {
          const { u, v } = svdNames(linear);
          const gains = mixtures.map(({ share, weights }) =>
            singularValues(linear, factors, weights).mul<Tensor1D>(share),
          );
          return named(linear.name, {
            down: parameter<Tensor2D>(factors, v).transpose(),
            up: parameter<Tensor2D>(factors, u).transpose(),
            gains: tf.stack(gains), // (mixtures, rank + objectives)
          });
        }),
      ) as NamedTensors,
  );
}

/** At one trade-off it is a plain low-rank product: B = U diag(sigma, eta w), A = V. */
function lowRank({ linears }: SvdAdapters, factors: NamedTensors, { weights }: SvdMixture): NamedTensors {
  return Object.fromEntries(
    linears.flatMap((linear): [string, Tensor][] => {
      const [names, { u, v }] = [factorNames(linear), svdNames(linear)];
      const scaled = parameter<Tensor2D>(factors, u).mul<Tensor2D>(singularValues(linear, factors, weights));
      return [
        [names.a, parameter(factors, v)],
        [names.b, scaled],
      ];
    }),
  );
}

/** (rank + objectives) sigma, eta w. */
function singularValues(linear: Linear, factors: NamedTensors, weights: readonly number[]): Tensor1D {
  const { sigma, eta } = svdNames(linear);
  const last = tf.tensor1d([...weights]).mul<Tensor1D>(parameter(factors, eta));
  return tf.concat([parameter<Tensor1D>(factors, sigma), last]);
}

/**
 * Gradients of the factors from that of the adapted weights at one trade-off. With those of the low-rank product,
 * dV = dA, dU = dB diag(d) and d(d) = column sums of U dB, d = (sigma, eta w); so d(eta) = w d(d). New tensors.
 */
export function svdGradients(
  gradients: NamedTensors,
  adapters: SvdAdapters,
  factors: NamedTensors,
  mixture: SvdMixture,
): NamedTensors {
  return tf.tidy(() => {
    const { linears, rank, objectives } = adapters;
    const product = lowRank(adapters, factors, mixture);
    const found = factorGradients(gradients, { ...adapters, scale: mixture.share }, product);
    const entries = linears.flatMap((linear): [string, Tensor][] => {
      const [{ a, b }, names] = [factorNames(linear), svdNames(linear)];
      const up = parameter<Tensor2D>(found, b);
      const values = up.mul<Tensor2D>(parameter(factors, names.u)).sum<Tensor1D>(0); // (rank + objectives)
      const last = values.slice(rank, objectives).mul<Tensor1D>(tf.tensor1d([...mixture.weights]));
      return [
        [names.u, up.mul(singularValues(linear, factors, mixture.weights))],
        [names.v, parameter(found, a)],
        [names.sigma, values.slice(0, rank)],
        [names.eta, last.sum().reshape([1])],
      ];
    });
    return Object.fromEntries(entries);
  });
}
