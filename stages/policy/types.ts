/** What can be steered, and what a trade-off is. Fronts, judges and reports know only this. */
import type { Cost } from '../../schemas/artifact.js';
import type { LanguageModel } from '../lm/types.js';

/** KL weight alpha in (0,1) and a point on the reward simplex, in the order of the policy's objectives. */
export interface TradeOff {
  readonly alpha: number;
  readonly weights: readonly number[];
}

export interface SteerablePolicy {
  readonly method: string;
  readonly objectives: readonly string[];
  readonly domain: {
    readonly alpha: number | readonly [number, number];
    readonly weights: 'simplex' | readonly (readonly number[])[];
  };
  /** The language model at a trade-off; outside the domain a StageFailure, never silently the nearest. */
  at(tradeOff: TradeOff): Promise<LanguageModel>;
  /** One trade-off a row, where the conditioning allows it. */
  atRows?(tradeOffs: readonly TradeOff[]): Promise<LanguageModel>;
  /** Whether such a batch, with so many rows at each trade-off, costs less than one trade-off after the other. */
  together(rows: number): boolean;
  cost(tradeOff: TradeOff): Cost;
  dispose(): void;
}

/** Of a policy whose rows run together. */
export function atRows(policy: SteerablePolicy, tradeOffs: readonly TradeOff[]): Promise<LanguageModel> {
  if (!policy.atRows) throw new Error('internal error: a policy answers no rows; please report it');
  return policy.atRows(tradeOffs);
}
