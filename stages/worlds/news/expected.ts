/**
 * What is expected of the news world before anything is trained: with exact single-reward optima as experts, how much
 * V does mixing them decision by decision lose against the optimum?
 */
import type { TradeOff } from '../../policy/types.js';
import { oneHot } from '../../vector.js';
import { evaluate, optimalPolicy, optimum } from '../finite.js';
import { mixTokens } from '../token-mixing.js';
import type { NewsReward } from './rewards.js';
import { treeProblem, type ClauseTree } from './tree.js';

export interface Expectation {
  readonly weights: readonly number[];
  /** V* and V of the reference. */
  readonly optimum: number;
  readonly reference: number;
  /** V* minus V of the mixture. */
  readonly mixingGap: number;
  /** Expected reward an objective, and the probability of a hedge, under the optimum. */
  readonly rewards: readonly number[];
  readonly hedge: number;
}

/** Exact expectations on the clause tree, one a point of the simplex (`weights` in the order of `objectives`). */
export function expectations(
  tree: ClauseTree,
  objectives: readonly NewsReward[],
  { alpha, weights }: { readonly alpha: number; readonly weights: readonly (readonly number[])[] },
): Expectation[] {
  const problem = treeProblem(tree, objectives);
  const experts = objectives.map((_, i) =>
    optimalPolicy(problem, { alpha, weights: oneHot(i, objectives.length) }),
  );
  return weights.map((point) => {
    const tradeOff: TradeOff = { alpha, weights: point };
    const best = optimum(problem, tradeOff);
    const mixture = mixTokens(tree.paths, experts, point);
    return {
      weights: point,
      optimum: best.value,
      reference: best.referenceValue,
      mixingGap: best.value - evaluate(problem, mixture, tradeOff).value,
      rewards: best.rewards,
      hedge: hedgeProbability(tree, optimalPolicy(problem, tradeOff)),
    };
  });
}

function hedgeProbability(tree: ClauseTree, logPolicy: Float64Array): number {
  return tree.decisions.reduce(
    (sum, { opener }, leaf) => sum + (opener === 'H' ? Math.exp(logPolicy[leaf] ?? -Infinity) : 0),
    0,
  );
}
