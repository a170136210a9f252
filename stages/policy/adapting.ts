/** Low-rank adapters of a frozen reference as what a policy trains: how they are merged, and what their gradients are. */
import {
  adapted,
  adaptersOf,
  disposeTensors,
  factorGradients,
  linearCombination,
  pick,
  rowFactors,
  svdAdapted,
  svdAdaptersOf,
  svdGradients,
  svdRowFactors,
  type Adapters,
  type SvdAdapters,
  type SvdMixture,
} from '../lm/index.js';
import type { ModelConfig } from '../lm/config.js';
import type { Linear } from '../lm/architecture.js';
import type { NamedTensors } from '../lm/types.js';
import type { PolicyManifest } from '../../schemas/artifact.js';
import { shareOf, type Mixture } from './mixture.js';

/** Factors that every trade-off has, and those that are kept once an objective. */
export interface Factors {
  readonly shared: NamedTensors;
  readonly copies: readonly NamedTensors[];
}

/** Gradients of merged weights, and the mixture that they were merged with. */
export interface MergedGradient {
  readonly gradients: NamedTensors;
  readonly mixture: Mixture;
}

export interface Adapting {
  /** Weights that are adapted; all others stay the reference's. */
  readonly names: readonly string[];
  /** The adapted weights at a mixture; s scales all that is added. The caller disposes. */
  merge(reference: NamedTensors, factors: Factors, mixture: Mixture): NamedTensors;
  /** Gradients of the factors, averaged over the merges. New tensors. */
  distribute(merged: readonly MergedGradient[], factors: Factors): Factors;
  /**
   * What the rows of a batch add to products of the reference, each by a mixture of its own: with `RowAdapters` the same
   * as on merged weights. Undefined where the mixture is no sum of low rank. The caller disposes.
   */
  readonly rows?: (factors: Factors, mixtures: readonly Mixture[]) => NamedTensors;
  /** Operations of a merge. */
  flops(weights: readonly number[]): number;
}

/** Undefined where a policy trains the parameters themselves. */
export function adaptingOf(
  { lora, svd, conditioning, objectives }: PolicyManifest,
  config: ModelConfig,
): Adapting | undefined {
  if (svd) return decomposed(svdAdaptersOf(config, svd, objectives.length));
  if (!lora) return undefined;
  const adapters = adaptersOf(config, lora);
  return conditioning === 'lora' ? summed(adapters) : averaged(adapters);
}

/** The lora conditioning: W + (1-s) scale sum_i w_i B_i A_i. */
function summed(adapters: Adapters): Adapting {
  const names = weightNames(adapters.linears);
  return {
    names,
    merge(reference, { copies }, mixture) {
      const parts = copies.map((factors, i) => ({ share: shareOf(mixture, i), factors }));
      return adapted(
        reference,
        adapters,
        parts.filter(({ share }) => share !== 0),
      );
    },
    rows: ({ copies }, mixtures) =>
      rowFactors(
        adapters,
        copies,
        mixtures.map((mixture) => copies.map((_, i) => shareOf(mixture, i))),
      ),
    distribute: (merged, { copies }) => ({
      shared: {},
      copies: copies.map((factors, i) => {
        const shares = merged.map(({ mixture }) => shareOf(mixture, i) / merged.length);
        const gradients = linearCombination(
          shares,
          merged.map((one) => pick(one.gradients, names)),
        );
        const found = factorGradients(gradients, adapters, factors);
        disposeTensors(gradients);
        return found;
      }),
    }),
    flops: (weights) => productFlops(adapters.linears, adapters.rank * weights.filter((w) => w !== 0).length),
  };
}

/**
 * One adapter: an expert's, or a soup's, whose A and B are averaged each by itself. Soups are not trained, so the
 * gradients are those of an expert.
 */
function averaged(adapters: Adapters): Adapting {
  const names = weightNames(adapters.linears);
  return {
    names,
    merge(reference, { shared, copies }, mixture) {
      const taking = copies.flatMap((factors, i) => {
        const share = shareOf(mixture, i);
        return share === 0 ? [] : [{ share, factors }];
      });
      if (taking.length === 0) return adapted(reference, adapters, [{ share: 1, factors: shared }]);
      const shares = taking.map(({ share }) => share);
      const factors = linearCombination(
        shares,
        taking.map((one) => one.factors),
      );
      const merged = adapted(reference, adapters, [{ share: 1, factors }]);
      disposeTensors(factors);
      return merged;
    },
    distribute: (merged, { shared }) => {
      const gradients = linearCombination(
        merged.map(() => 1 / merged.length),
        merged.map((one) => pick(one.gradients, names)),
      );
      const found = factorGradients(gradients, adapters, shared);
      disposeTensors(gradients);
      return { shared: found, copies: [] };
    },
    flops: (weights) => {
      const factors = adapters.linears.reduce(
        (sum, { inputs, outputs }) => sum + adapters.rank * (inputs + outputs),
        0,
      );
      const taking = weights.filter((w) => w !== 0).length;
      return (taking > 1 ? 2 * taking * factors : 0) + productFlops(adapters.linears, adapters.rank);
    },
  };
}

/** The svd-lora conditioning: W + (1-s) U diag(sigma, eta w) V. */
function decomposed(adapters: SvdAdapters): Adapting {
  const at = ({ weights, referenceShare }: Mixture): SvdMixture => ({ weights, share: 1 - referenceShare });
  return {
    names: weightNames(adapters.linears),
    merge: (reference, { shared }, mixture) => svdAdapted(reference, adapters, shared, at(mixture)),
    rows: ({ shared }, mixtures) => svdRowFactors(adapters, shared, mixtures.map(at)),
    distribute(merged, { shared }) {
      const found = merged.map(({ gradients, mixture }) =>
        svdGradients(gradients, adapters, shared, at(mixture)),
      );
      const mean = linearCombination(
        found.map(() => 1 / found.length),
        found,
      );
      found.forEach(disposeTensors);
      return { shared: mean, copies: [] };
    },
    flops: () => productFlops(adapters.linears, adapters.rank + adapters.objectives),
  };
}

const weightNames = (linears: readonly Linear[]): readonly string[] =>
  linears.map(({ name }) => `${name}.weight`);

/** A product of factors of that rank, and an addition to what they adapt. */
const productFlops = (linears: readonly Linear[], rank: number): number =>
  linears.reduce((sum, { inputs, outputs }) => sum + inputs * outputs * (2 * rank + 1), 0);
