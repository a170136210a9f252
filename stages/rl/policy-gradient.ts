/** The gradient of V at one trade-off, from one rollout: one pass of the reference, one forward and backward. */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../backend/tf.js';
import {
  entropies,
  packGroups,
  pick,
  placesToTokens,
  rowKl,
  scorePacked,
  valueAndGradients,
  type MaskedTokenizer,
  type Packed,
} from '../lm/index.js';
import type { ModelConfig } from '../lm/config.js';
import type { NamedTensors, Tokens } from '../lm/types.js';
import { conditioned } from '../policy/prompted-model.js';
import type { TradeOff } from '../policy/types.js';
import { weightedSum } from '../vector.js';
import { groupCoefficients, type KlEstimator } from './estimators.js';
import { promptGroups, type Rollout } from './rollout.js';

export interface GradientInput {
  readonly config: ModelConfig;
  /** Parameters of the model that drew the rollout. */
  readonly weights: NamedTensors;
  /** Those of them whose gradients are wanted. */
  readonly trained: readonly string[];
  /** Parameters of pi_ref. */
  readonly reference: NamedTensors;
  /** Tokens that the policy, and never the reference, reads before each prompt. */
  readonly before: Tokens;
  readonly tokenizer: Pick<MaskedTokenizer, 'masked' | 'bos'>;
  readonly estimator: KlEstimator;
}

export interface PolicyGradient {
  /** Of the loss, with respect to what is trained: descending it ascends V. */
  readonly gradients: NamedTensors;
  readonly loss: number;
  /** log pi(y) - log pi_ref(y) of each response, prompt by prompt. */
  readonly logRatios: readonly (readonly number[])[];
  /** Mean over the tokens of responses that have rewards, in nats. */
  readonly entropy: number;
  /** Tokens that ran through the policy. */
  readonly tokens: number;
}

/**
 * The gradient of -(1/prompts) sum over prompts (1/K) sum_j sum_t [ c_jt log pi(y_jt) + e KL_jt ], with c and e those
 * of `groupCoefficients`, held constant. The caller disposes the gradients.
 */
export function policyGradient(input: GradientInput, rollout: Rollout, tradeOff: TradeOff): PolicyGradient {
  const { config, weights, trained, before, tokenizer } = input;
  const { masked } = tokenizer;
  const groups = promptGroups(rollout);
  const plain = packGroups(groups, { config });
  const packed =
    before.length === 0
      ? plain
      : packGroups(
          groups.map((g) => ({ ...g, prompt: conditioned(before, g.prompt, tokenizer) })),
          { config },
        );
  const reference = passReference(input, { plain, packed });
  const terms = lossTerms(rollout, { tradeOff, estimator: input.estimator, reference });
  let entropy = 0;
  const { value, gradients } = valueAndGradients(
    (parameters): Scalar => {
      const scored = scorePacked(config, { ...weights, ...parameters }, packed, { training: false, masked });
      const each = placesToTokens(entropies(scored.distributions), packed).dataSync<'float32'>(); // (S)
      entropy = mean(each.filter((_, s) => terms.counts[s]));
      const surrogate: Scalar = scored.logProbs.mul<Tensor1D>(tf.tensor1d(terms.score)).sum(); // sum_s c_s log pi_s
      if (!reference.distributions) return surrogate.neg();
      const kl = placesToTokens(rowKl(scored.distributions, reference.distributions), packed); // (S)
      return surrogate.add<Scalar>(kl.mul<Tensor1D>(tf.tensor1d(terms.exactKl)).sum()).neg();
    },
    pick(weights, trained),
  );
  const loss = value.dataSync<'float32'>()[0] ?? NaN;
  value.dispose();
  reference.distributions?.dispose();
  return { gradients, loss, logRatios: terms.logRatios, entropy, tokens: packed.nodes };
}

interface ReferencePass {
  /** (S) log pi_ref of each response token. */
  readonly logProbs: Float32Array;
  /** (M, V) where the estimator needs the exact KL, and (S) that KL. */
  readonly distributions?: Tensor2D;
  readonly exactKl?: Float32Array;
}

/** The reference reads the plain prompts; its prediction places are those of the policy, in the same order. */
function passReference(
  { config, weights, reference, tokenizer: { masked }, estimator }: GradientInput,
  { plain, packed }: { readonly plain: Packed; readonly packed: Packed },
): ReferencePass {
  const exact = estimator.includes('exact');
  const scored = scorePacked(config, reference, plain, { training: false, masked });
  const logProbs = scored.logProbs.dataSync<'float32'>().slice();
  scored.logProbs.dispose();
  if (!exact) {
    scored.distributions.dispose();
    return { logProbs };
  }
  const exactKl = tf.tidy(() => {
    const policy = scorePacked(config, weights, packed, { training: false, masked });
    return placesToTokens(rowKl(policy.distributions, scored.distributions), packed)
      .dataSync<'float32'>()
      .slice();
  });
  return { logProbs, distributions: scored.distributions, exactKl };
}

interface LossTerms {
  /** (S) c_jt / (K prompts). */
  readonly score: Float32Array;
  /** (S) e / (K prompts). */
  readonly exactKl: Float32Array;
  /** (S) 1 where the response has a reward. */
  readonly counts: Uint8Array;
  readonly logRatios: readonly (readonly number[])[];
}

function lossTerms(
  rollout: Rollout,
  at: { readonly tradeOff: TradeOff; readonly estimator: KlEstimator; readonly reference: ReferencePass },
): LossTerms {
  const { tradeOff, estimator, reference } = at;
  const score = new Float32Array(reference.logProbs.length);
  const exactKl = new Float32Array(reference.logProbs.length);
  const counts = new Uint8Array(reference.logProbs.length);
  const logRatios: number[][] = [];
  let s = 0;
  for (const responses of rollout.responses) {
    const group = responses.map(({ rewards, logProbs }) => {
      const span = [s, (s += logProbs.length)] as const;
      if (rewards) counts.fill(1, ...span);
      return {
        reward: rewards && weightedSum(tradeOff.weights, rewards),
        logPolicy: logProbs,
        logReference: reference.logProbs.subarray(...span),
        ...(reference.exactKl ? { exactKl: reference.exactKl.subarray(...span) } : {}),
        start: span[0],
      };
    });
    const coefficients = groupCoefficients(group, tradeOff.alpha, estimator);
    const count = coefficients.included.filter(Boolean).length * rollout.responses.length;
    group.forEach(({ start }, j) => {
      if (!coefficients.included[j]) return;
      score.set(coefficients.score[j]?.map((c) => c / count) ?? [], start);
      exactKl.fill(coefficients.exactKl / count, start, start + (coefficients.score[j]?.length ?? 0));
    });
    logRatios.push(group.map(({ logPolicy, logReference }) => total(logPolicy) - total(logReference)));
  }
  return { score, exactKl, counts, logRatios };
}

function total(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function mean(values: Float32Array): number {
  return values.length === 0 ? 0 : total(values) / values.length;
}
