import type { Tokenizer, Tokens } from '../../lm/types.js';
import type { Spelling } from '../options.js';
import type { TradeOff } from '../types.js';

/** How a trade-off enters a policy. A mechanism is one file that says what makes it different. */
export interface ConditioningMethod {
  /** Whether a parameter belongs to S, the set that is kept once an objective. */
  conditions(parameter: string): boolean;
  /** The output layer must not share the input embedding: it is conditioned and the embedding is not. */
  readonly untied: boolean;
  /** Parameters stay the reference's, and low-rank adapters are kept once an objective instead. */
  readonly adapted?: boolean;
  /** Tokens that are put before the prompt; undefined where the prompt stays as it is. */
  readonly write?: TradeOffWriter;
}

/** `alphaRange`: undefined where alpha is fixed and therefore not written. */
export type TradeOffWriter = (
  tradeOff: TradeOff,
  options: {
    readonly tokenizer: Pick<Tokenizer, 'encode'> & { readonly reserved: ReadonlyMap<string, number> };
    readonly spelling: Spelling;
    readonly alphaRange?: readonly [number, number];
  },
) => Tokens;
