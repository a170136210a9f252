/** Responses of one merged model to the prompts of one trade-off, with their rewards. */
import { sample, type MaskedTokenizer } from '../lm/index.js';
import type { LanguageModel, PromptGroup, Tokens } from '../lm/types.js';
import type { Random } from '../random.js';
import { scoreAll } from '../rewards/index.js';
import type { Reward } from '../rewards/types.js';
import type { Prompt } from './prompts.js';

export interface Response {
  readonly tokens: Tokens;
  readonly text: string;
  /** log pi of each token under the model that drew it. */
  readonly logProbs: Float32Array;
  /** One an objective; null where a reward does not apply. */
  readonly rewards: readonly number[] | null;
}

export interface Rollout {
  readonly prompts: readonly Prompt[];
  /** responses[i] are the K responses to prompts[i]. */
  readonly responses: readonly (readonly Response[])[];
  /** Responses cut before they ended. */
  readonly clipped: number;
}

export interface RolloutOptions {
  readonly tokenizer: MaskedTokenizer;
  readonly rewards: readonly Reward[];
  /** Responses a prompt. */
  readonly samples: number;
  readonly maxTokens: number;
  /** The stream of response j of prompt i at i * samples + j. */
  readonly random: (row: number) => Random;
}

/** Draws at temperature 1, without truncation: anything else would not be the policy whose value is estimated. */
export function rollOut(model: LanguageModel, prompts: readonly Prompt[], options: RolloutOptions): Rollout {
  const { tokenizer, samples, maxTokens, random } = options;
  const drawn = sample(model, {
    prompts: prompts.map(({ tokens }) => tokens),
    samples,
    maxTokens,
    eos: tokenizer.eos,
    random,
  });
  const responses = prompts.map(({ row }, i) =>
    (drawn.groups[i]?.responses ?? []).map((tokens, j): Response => {
      const text = tokenizer.decode(tokens);
      const logProbs = drawn.logProbs[i * samples + j] ?? new Float32Array();
      return { tokens, text, logProbs, rewards: scoreAll(options.rewards, row, text) };
    }),
  );
  return { prompts, responses, clipped: drawn.clipped };
}

/** As the scorer packs them: the prompt as the reference reads it, and its responses. */
export function promptGroups({ prompts, responses }: Rollout): readonly PromptGroup[] {
  return prompts.map(({ tokens }, i) => ({
    prompt: tokens,
    responses: (responses[i] ?? []).map((response) => response.tokens),
  }));
}
