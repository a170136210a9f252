/** Responses of one merged model to the prompts of one trade-off, with their rewards. */
import { sample, stopAt, type Filter, type MaskedTokenizer } from '../lm/index.js';
import type { LanguageModel, PromptGroup, Tokens } from '../lm/types.js';
import type { Random } from '../random.js';
import { scoreAll } from '../rewards/index.js';
import type { Reward } from '../rewards/types.js';
import type { Prompt } from './prompts.js';

export interface Response {
  readonly tokens: Tokens;
  /** Up to what stopped it. */
  readonly text: string;
  /** log pi of each token under the policy itself. */
  readonly logProbs: Float32Array;
  /** Cut before it ended. */
  readonly clipped: boolean;
  /** One an objective; null where a reward does not apply. */
  readonly rewards: readonly number[] | null;
}

export interface Rollout {
  readonly prompts: readonly Prompt[];
  /** responses[i] are the K responses to prompts[i]. */
  readonly responses: readonly (readonly Response[])[];
  /** Of all responses in order: log-probabilities of what was drawn from, which with a filter is not the policy. */
  readonly logDrawn: readonly Float32Array[];
}

export interface RolloutOptions {
  readonly tokenizer: MaskedTokenizer;
  readonly rewards: readonly Reward[];
  /** Responses a prompt. */
  readonly samples: number;
  readonly maxTokens: number;
  /** The stream of response j of prompt i at i * samples + j. */
  readonly random: (row: number) => Random;
  /** Texts that end a response. */
  readonly stop: readonly string[];
}

/** Draws from the policy itself without a filter: anything else is not the policy whose value training estimates. */
export function rollOut(
  model: LanguageModel,
  prompts: readonly Prompt[],
  options: RolloutOptions,
  filter: Filter = {},
): Rollout {
  const { tokenizer, samples, maxTokens, random } = options;
  const stopping = stopAt(options.stop, tokenizer);
  const drawn = sample(model, {
    prompts: prompts.map(({ tokens }) => tokens),
    samples,
    maxTokens,
    eos: tokenizer.ends,
    random,
    filter,
    stopping,
  });
  const responses = prompts.map(({ row }, i) =>
    (drawn.groups[i]?.responses ?? []).map((tokens, j): Response => {
      const ended = tokenizer.ends.includes(tokens.at(-1) ?? -1);
      // Of several ends some may be no special tokens, which a decoder would show.
      const text = stopping.cut(tokenizer.decode(ended ? tokens.subarray(0, -1) : tokens));
      const drawnAs = i * samples + j;
      const logProbs = drawn.logProbs[drawnAs] ?? new Float32Array();
      const clipped = drawn.clipped[drawnAs] ?? false;
      return { tokens, text, logProbs, clipped, rewards: scoreAll(options.rewards, row, text) };
    }),
  );
  return { prompts, responses, logDrawn: drawn.logDrawn };
}

/** As the scorer packs them: the prompt as the reference reads it, and its responses. */
export function promptGroups({
  prompts,
  responses,
}: Pick<Rollout, 'prompts' | 'responses'>): readonly PromptGroup[] {
  return prompts.map(({ tokens }, i) => ({
    prompt: tokens,
    responses: (responses[i] ?? []).map((response) => response.tokens),
  }));
}
