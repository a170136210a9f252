/** Log-probabilities of responses: one forward pass over tries, no padding, nothing computed twice. */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { logSoftmax } from '../backend/ops/distribution.js';
import { gatherRows, pick, segmentSum } from '../backend/ops/rows.js';
import { tf } from '../backend/tf.js';
import { hiddenStates, outputLogits, type ForwardOptions } from './decoder.js';
import { packGroups, type Packed } from './forest.js';
import type { ModelConfig } from './config.js';
import type { NamedTensors, TokenBatch, Tokens } from './types.js';

export { packGroups, type Packed } from './forest.js';
export { entropies, rowKl } from '../backend/ops/distribution.js';

export interface ScoreOptions extends ForwardOptions {
  /** Tokens of probability 0 (the tokenizer's `masked`): the distribution is normalised over the rest. */
  readonly masked?: Int32Array;
}

export interface Scored {
  /** (S) log-probability of each scored token. */
  readonly logProbs: Tensor1D;
  /** (M, V) log-probabilities at each prediction place; masked tokens have about -1e9. */
  readonly distributions: Tensor2D;
}

/** Differentiable with respect to the weights; the caller disposes (or tidies). */
export function scorePacked(
  config: ModelConfig,
  weights: NamedTensors,
  packed: Packed,
  options: ScoreOptions,
): Scored {
  return tf.tidy(() => {
    const { forest, source, placeNodes: rows } = packed;
    const hidden = hiddenStates(config, weights, forest, { ...options, rows, ...(source ? { source } : {}) }); // (M, C)
    const distributions = logSoftmax(outputLogits(config, weights, hidden), options.masked); // (M, V)
    return { distributions, logProbs: pick(distributions, packed.rows, packed.tokens) }; // (S)
  });
}

/** (S) -> (responses) sums per response. Differentiable. */
export function sumPerResponse(values: Tensor1D, packed: Packed): Tensor1D {
  return segmentSum(values, packed.response, packed.responses);
}

/** (M) -> (S): the value of the place that predicts each scored token. Differentiable. */
export function placesToTokens(values: Tensor1D, packed: Packed): Tensor1D {
  return tf.tidy(() => gatherRows(values.as2D(-1, 1), packed.rows).as1D());
}

/** (strings) log-probability of each string behind the prompt, EOS as given, in one pass over their trie. Differentiable. */
export function scoreTrie(
  config: ModelConfig,
  weights: NamedTensors,
  prompt: Tokens,
  strings: TokenBatch,
  options: ScoreOptions,
): Tensor1D {
  const packed = packGroups([{ prompt, responses: strings }], { config });
  return tf.tidy(() => sumPerResponse(scorePacked(config, weights, packed, options).logProbs, packed));
}
