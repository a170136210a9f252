import type { LanguageModel, TokenBatch, Tokens } from '../lm/types.js';

/** A language model that reads the same tokens before every prompt; `dispose` frees what was made for it. */
export function promptedModel(
  model: LanguageModel,
  { before, dispose }: { readonly before: Tokens; readonly dispose: () => void },
): LanguageModel {
  const extend = (prompts: TokenBatch): TokenBatch => prompts.map((prompt) => joined(before, prompt));
  return {
    start: (prompts) => model.start(extend(prompts)),
    next: (state, tokens) => model.next(state, tokens),
    score: (prompts, responses) => model.score(extend(prompts), responses),
    room: (prompt) => model.room(joined(before, prompt)),
    dispose: () => {
      model.dispose();
      dispose();
    },
  };
}

/** One text after the other. */
export function joined(first: Tokens, second: Tokens): Tokens {
  const tokens = new Int32Array(first.length + second.length);
  tokens.set(first);
  tokens.set(second, first.length);
  return tokens;
}
