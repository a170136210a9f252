import type { LanguageModel, TokenBatch, Tokenizer, Tokens } from '../lm/types.js';

/** A language model that reads tokens before the prompt of each row; `dispose` frees what was made for it. */
export function promptedModel(
  model: LanguageModel,
  {
    tokenizer,
    before,
    dispose,
  }: {
    /** Of the prompts. */
    readonly tokenizer: Pick<Tokenizer, 'bos'>;
    readonly before: (row: number) => Tokens;
    readonly dispose: () => void;
  },
): LanguageModel {
  const extend = (prompts: TokenBatch): TokenBatch =>
    prompts.map((prompt, row) => conditioned(before(row), prompt, tokenizer));
  return {
    start: (prompts) => model.start(extend(prompts)),
    next: (state, tokens) => model.next(state, tokens),
    end: (state) => model.end?.(state),
    score: (prompts, responses) => model.score(extend(prompts), responses),
    room: (prompt, row = 0) => model.room(conditioned(before(row), prompt, tokenizer), row),
    dispose: () => {
      model.dispose();
      dispose();
    },
  };
}

/** A prompt behind tokens of ours; where it begins with the token that begins a text, they stand behind that. */
export function conditioned(before: Tokens, prompt: Tokens, tokenizer: Pick<Tokenizer, 'bos'>): Tokens {
  if (before.length === 0) return prompt;
  const start = prompt[0] === tokenizer.bos ? 1 : 0;
  return joined(prompt.subarray(0, start), joined(before, prompt.subarray(start)));
}

/** One text after the other. */
export function joined(first: Tokens, second: Tokens): Tokens {
  if (first.length === 0) return second;
  const tokens = new Int32Array(first.length + second.length);
  tokens.set(first);
  tokens.set(second, first.length);
  return tokens;
}
