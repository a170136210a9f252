import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';

/** Parameters under their Hugging Face names. */
export type NamedTensors = Readonly<Record<string, Tensor>>;
/** Token ids of one text, without padding. */
export type Tokens = Int32Array;
/** B rows of tokens, ragged. */
export type TokenBatch = readonly Tokens[];

declare const opaque: unique symbol;
/** A running generation: its key-value cache and lengths; opaque outside the model that made it. */
export interface State {
  readonly [opaque]: true;
}

/** A language model that owns its parameters and key-value caches. */
export interface LanguageModel {
  start(prompts: TokenBatch): State;
  /** (B) token ids of the last step -> (B, V) log-probabilities of the next; the first call takes no tokens. */
  next(state: State, tokens?: Tensor1D): Tensor2D;
  /** (B, T) log-probability of each response token (EOS included), 0 beyond the end of a row. */
  score(prompts: TokenBatch, responses: TokenBatch): Tensor2D;
  /** Frees what a generation holds, which dispose() does of all. */
  end?(state: State): void;
  /** Tokens left for the response; `row` tells where rows differ. */
  room(prompt: Tokens, row?: number): number;
  dispose(): void;
}

/** A packed group: several responses to one prompt, each behind the prompt under a mask. */
export interface PromptGroup {
  readonly prompt: Tokens;
  readonly responses: TokenBatch;
}

export interface Tokenizer {
  readonly vocabulary: readonly string[];
  readonly bos: number;
  readonly eos: number;
  /** The token before a response; the end of a text where no token separates. */
  readonly sep: number;
  readonly pad: number;
  /** -1 where every text can be said. */
  readonly unknown: number;
  encode(text: string): Tokens;
  /** What comes before a response: the prompt with its separator, or in the model's chat template. */
  encodePrompt(text: string): Tokens;
  decode(tokens: ArrayLike<number>): string;
}
