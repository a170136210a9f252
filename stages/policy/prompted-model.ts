import type { LanguageModel, TokenBatch, Tokens } from '../lm/types.js';

/** A language model that reads tokens before the prompt of each row; `dispose` frees what was made for it. */
export function promptedModel(
  model: LanguageModel,
  { before, dispose }: { readonly before: (row: number) => Tokens; readonly dispose: () => void },
): LanguageModel {
  const extend = (prompts: TokenBatch): TokenBatch =>
    prompts.map((prompt, row) => joined(before(row), prompt));
  return {
    start: (prompts) => model.start(extend(prompts)),
    next: (state, tokens) => model.next(state, tokens),
    end: (state) => model.end?.(state),
    score: (prompts, responses) => model.score(extend(prompts), responses),
    room: (prompt, row = 0) => model.room(joined(before(row), prompt), row),
    dispose: () => {
      model.dispose();
      dispose();
    },
  };
}

/** One text after the other. */
export function joined(first: Tokens, second: Tokens): Tokens {
  if (first.length === 0) return second;
  const tokens = new Int32Array(first.length + second.length);
  tokens.set(first);
  tokens.set(second, first.length);
  return tokens;
}
