import type { Row } from '../data/types.js';

/**
 * Scores one response to one row; higher is better. null: the reward does not apply to the row, whatever the response,
 * and the row is left out.
 */
export interface Reward {
  readonly name: string;
  score(row: Row, response: string): number | null;
}
