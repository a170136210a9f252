/** Exact worlds behind datasets: whatever can list the responses to a row that earn anything. */
import { StageFailure } from '../../runner/contract.js';
import type { Reward } from '../rewards/types.js';
import type { FiniteProblem } from '../worlds/types.js';
import type { Row } from './types.js';

/** One response with its value on every reward of the world. */
export interface ListedResponse {
  readonly text: string;
  readonly rewards: Readonly<Record<string, number>>;
}

/** A world in which V* and V of any language model are exact, row by row. */
export interface ListedWorld {
  readonly name: string;
  readonly rewards: readonly Reward[];
  /** Every response that earns anything on any reward, without repeats; all others earn 0 on each. */
  responses(row: Row): readonly ListedResponse[];
}

/**
 * The finite problem of one row. `logReference` holds log pi_ref of `responses`, in their order and with the end of
 * the text; what they leave of 1 is the invalid mass, which earns 0.
 */
export function problemOf(
  responses: readonly ListedResponse[],
  objectives: readonly string[],
  logReference: Float64Array,
): FiniteProblem {
  const rewards = responses.map((response) =>
    objectives.map((name) => {
      const value = response.rewards[name];
      if (value === undefined)
        throw new StageFailure(
          'user',
          'unknown-reward',
          `the world has no reward ${JSON.stringify(name)}; it has ${Object.keys(response.rewards).join(', ')}`,
        );
      return value;
    }),
  );
  return { rewards, logReference };
}
