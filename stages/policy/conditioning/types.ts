import type { PolicyManifest } from '../../../schemas/artifact.js';
import type { Model } from '../../lm/index.js';
import type { NamedTensors, Tokenizer, Tokens } from '../../lm/types.js';
import type { Factors } from '../adapting.js';
import type { Spelling } from '../settings.js';
import type { TradeOff } from '../types.js';

/** How a trade-off enters a policy. A mechanism is one file that says what makes it different. */
export interface ConditioningMethod {
  /** Whether a parameter belongs to S, the set that is kept once an objective. */
  conditions(parameter: string): boolean;
  /** The output layer must not share the input embedding: it is conditioned and the embedding is not. */
  readonly untied: boolean;
  /** Parameters stay the reference's, and these factors of adapters are trained instead; at first they change nothing. */
  readonly factors?: (reference: Model, manifest: PolicyManifest, seed: number) => Factors;
  /** Parameters that the reference gets beside its own, which it never reads. */
  readonly added?: (reference: Model, manifest: PolicyManifest, seed: number) => NamedTensors;
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
