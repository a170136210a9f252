/**
 * Low-rank adapters: W + (alpha / rank) B A for some products, W itself frozen (Hu et al., "LoRA", ICLR 2022,
 * section 4.1). A (rank, inputs) and B (outputs, rank) have the names that PEFT gives them.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../backend/tf.js';
import type { Random } from '../random.js';
import type { Architecture, Linear } from './architecture.js';
import { architectureOf, type ModelConfig } from './config.js';
import { named } from './row-adapters.js';
import type { NamedTensors } from './types.js';
import { parameter } from './weights.js';

/** Which products: the query, key, value and output projections of attention, or the feed-forward layers too. */
export const loraTargets = ['attention', 'all'] as const;
export type LoraTargets = (typeof loraTargets)[number];

export interface LoraShape {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: LoraTargets;
}

/** Adapters of a model, as data. */
export interface Adapters {
  readonly linears: readonly Linear[];
  readonly rank: number;
  /** What B A is multiplied by. */
  readonly scale: number;
}

export function adaptersOf(config: ModelConfig, { rank, alpha, targets }: LoraShape): Adapters {
  return { linears: linearsOf(architectureOf(config), targets), rank, scale: alpha / rank };
}

/** In the order of the forward pass. */
export function linearsOf({ encoder, decoder }: Architecture, targets: LoraTargets): readonly Linear[] {
  return [...(encoder?.blocks ?? []), ...decoder.blocks].flatMap(({ attention, cross, feedForward }) => [
    ...[attention, ...(cross ? [cross] : [])].flatMap(({ project, out }) => [...project, out]),
    ...(targets === 'all' ? [feedForward.gate, feedForward.up, feedForward.down] : []).flatMap(
      (linear) => linear ?? [],
    ),
  ]);
}

export const factorNames = ({ name }: Linear): { readonly a: string; readonly b: string } => ({
  a: `${name}.lora_A.weight`,
  b: `${name}.lora_B.weight`,
});

/** As PEFT begins: A uniform within 1 / sqrt(inputs), B zero, so that the model is the base. The caller disposes. */
export function freshFactors({ linears, rank }: Adapters, random: Random): NamedTensors {
  const factors: Record<string, Tensor> = {};
  for (const linear of linears) {
    const { a, b } = factorNames(linear);
    const bound = 1 / Math.sqrt(linear.inputs);
    const values = Float32Array.from(
      { length: rank * linear.inputs },
      () => bound * (2 * random.uniform() - 1),
    );
    factors[a] = tf.tensor2d(values, [rank, linear.inputs]);
    factors[b] = tf.zeros([linear.outputs, rank]);
  }
  return factors;
}

/** Factors, and their share of the sum. */
export interface Part {
  readonly share: number;
  readonly factors: NamedTensors;
}

/**
 * The adapted weights, W + scale sum_i share_i B_i A_i, and no others: one product for all parts. Differentiable in
 * the factors; the caller disposes.
 */
export function adapted(
  base: NamedTensors,
  { linears, scale }: Adapters,
  parts: readonly Part[],
): NamedTensors {
  return Object.fromEntries(
    linears.map((linear): [string, Tensor] => {
      const weight = parameter<Tensor2D>(base, `${linear.name}.weight`);
      const merged =
        parts.length === 0 ? weight.clone() : tf.tidy(() => weight.add(delta(linear, scale, parts)));
      return [`${linear.name}.weight`, merged];
    }),
  );
}

/**
 * The same sum as what rows add, each by a mixture of its own: `shares` has a row a mixture, a share a set of factors.
 * The caller disposes.
 */
export function rowFactors(
  { linears, rank, scale }: Adapters,
  sets: readonly NamedTensors[],
  shares: readonly (readonly number[])[],
): NamedTensors {
  return tf.tidy(() => {
    const gains = tf.tensor2d(
      shares.map((row) => row.flatMap((share) => Array.from({ length: rank }, () => scale * share))),
    ); // (mixtures, sum of ranks)
    return Object.assign(
      {},
      ...linears.map((linear) => {
        const { a, b } = factorNames(linear);
        const of = (name: string, axis: number): Tensor2D =>
          tf
            .concat(
              sets.map((factors) => parameter<Tensor2D>(factors, name)),
              axis,
            )
            .transpose<Tensor2D>();
        return named(linear.name, { down: of(a, 0), up: of(b, 1), gains });
      }),
    ) as NamedTensors;
  });
}

/** In the layout of the weight: (outputs, inputs) where it is turned, as PEFT has it, else (inputs, outputs). */
function delta(linear: Linear, scale: number, parts: readonly Part[]): Tensor2D {
  const { a, b } = factorNames(linear);
  const downs = parts.map(({ factors }) => parameter<Tensor2D>(factors, a));
  const ups = parts.map(({ factors, share }) => parameter<Tensor2D>(factors, b).mul<Tensor2D>(scale * share));
  const [down, up] = [tf.concat(downs, 0), tf.concat(ups, 1)]; // (sum of ranks, inputs), (outputs, sum of ranks)
  return linear.turned ? tf.matMul(up, down) : tf.matMul(down, up, true, true);
}

/**
 * Gradients of one part's factors from that of the adapted weights, whose share is in it already: for G in
 * (outputs, inputs), dB = scale G A' and dA = scale B' G. New tensors.
 */
export function factorGradients(
  gradients: NamedTensors,
  { linears, scale }: Adapters,
  factors: NamedTensors,
): NamedTensors {
  const found: Record<string, Tensor> = {};
  for (const linear of linears) {
    const names = factorNames(linear);
    const [a, b] = [parameter<Tensor2D>(factors, names.a), parameter<Tensor2D>(factors, names.b)];
    const gradient = parameter<Tensor2D>(gradients, `${linear.name}.weight`);
    found[names.a] = tf.tidy(() => tf.matMul(b, gradient, true, !linear.turned).mul(scale));
    found[names.b] = tf.tidy(() => tf.matMul(gradient, a, !linear.turned, true).mul(scale));
  }
  return found;
}
