/** One trade-off of one step: responses of the merged model, and the gradient of V with respect to its parameters. */
import { clipByGlobalNorm, disposeTensors, languageModel } from '../lm/index.js';
import type { NamedTensors } from '../lm/types.js';
import { writtenAt } from '../policy/parameter-policy.js';
import { promptedModel } from '../policy/prompted-model.js';
import type { StoredPolicy } from '../policy/stored-policy.js';
import type { TradeOff } from '../policy/types.js';
import { Random } from '../random.js';
import type { Reward } from '../rewards/types.js';
import type { KlEstimator } from './estimators.js';
import { accumulatedGradient } from './accumulation.js';
import type { PolicyGradient } from './policy-gradient.js';
import type { Prompt } from './prompts.js';
import { rollOut, type Rollout } from './rollout.js';

export interface EpisodeSetting {
  readonly policy: StoredPolicy;
  readonly rewards: readonly Reward[];
  readonly samples: number;
  readonly maxTokens: number;
  /** Texts that end a response. */
  readonly stop?: readonly string[];
  /** Prompts that run through the model at once in the gradient; all without. */
  readonly micro_batch?: number;
  readonly kl: KlEstimator;
  readonly max_grad_norm: number;
}

export interface EpisodeInput {
  /** Parameters of the language model at `asked`, and the names of those that are trained. */
  readonly weights: NamedTensors;
  readonly trained: readonly string[];
  /** What the policy is asked for. */
  readonly asked: TradeOff;
  /** What its value is measured with: the same, unless alpha is annealed. */
  readonly tradeOff: TradeOff;
  readonly prompts: readonly Prompt[];
  /** The seed and the name of the random streams of the responses. */
  readonly stream: { readonly seed: number; readonly name: string };
}

/** What one trade-off of a step gave. */
export interface Episode {
  readonly tradeOff: TradeOff;
  readonly rollout: Rollout;
  readonly figures: Omit<PolicyGradient, 'gradients'>;
  /** Of the merged gradient, before clipping. */
  readonly gradNorm: number;
}

/** The caller disposes the gradients, which are clipped to `max_grad_norm` (the merged gradient, before any copy's). */
export function runEpisode(
  { policy, rewards, samples, maxTokens, stop = [], micro_batch, kl, max_grad_norm }: EpisodeSetting,
  { weights, trained, asked, tradeOff, prompts, stream }: EpisodeInput,
): Episode & { readonly gradients: NamedTensors } {
  const { config, tokenizer, reference } = policy;
  const before = writtenAt(policy, asked);
  const bare = languageModel(config, weights, tokenizer, { keepWeights: true });
  const model = promptedModel(bare, { tokenizer, before: () => before, dispose: () => undefined });
  const random = (row: number): Random => new Random(stream.seed, `${stream.name}/${row}`);
  const rollout = rollOut(model, prompts, { tokenizer, rewards, samples, maxTokens, stop, random });
  model.dispose();
  const input = { config, weights, trained, reference, before, tokenizer, estimator: kl };
  const microBatch = micro_batch ?? prompts.length;
  const { gradients, ...figures } = accumulatedGradient(input, rollout, { tradeOff, microBatch });
  const clipped = clipByGlobalNorm(gradients, max_grad_norm);
  disposeTensors(gradients);
  return { tradeOff, rollout, figures, gradNorm: clipped.norm, gradients: clipped.gradients };
}
