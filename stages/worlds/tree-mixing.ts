/**
 * Zero-shot mixing on trees: at every node the logits of exact experts are combined linearly. What a prefix is
 * worth under a mixed reward is convex in the weights while mixing interpolates linearly, so something is lost:
 * the mixing gap, which `mixingBound` bounds.
 * Sources: Shi et al. 2024 (MOD); Liu et al., "Decoding-time Realignment of Language Models", 2024 (DeRa).
 */
import type { TradeOff } from '../policy/types.js';
import { betaOf } from './finite.js';
import { oneHot, weightedSum } from '../vector.js';
import {
  conditionals,
  leafLogProbabilities,
  type Levels,
  optimalLogits,
  softValues,
  type Tree,
} from './tree.js';

/**
 * Node logits sum_i w_i h_i. Policies of weight 0 are skipped; the logits are normalised first, so that constants
 * in a node don't matter.
 */
export function mixLogits(
  policies: readonly Levels[],
  weights: readonly number[],
  branching: number,
): Float64Array[] {
  const mixed = (policies[0] ?? []).map((level) => new Float64Array(level.length));
  policies.forEach((policy, i) => {
    const weight = weights[i] ?? 0;
    if (weight === 0) return;
    conditionals(policy, branching).forEach((level, t) => {
      const sums = mixed[t] ?? level;
      for (let child = 0; child < sums.length; child++)
        sums[child] = (sums[child] ?? 0) + weight * (level[child] ?? 0);
    });
  });
  return mixed;
}

/** The mixture of the exact single-reward optima at one alpha: tabular rewarded soups and MOD alike. */
export function mixedExperts(tree: Tree, tradeOff: TradeOff): Float64Array[] {
  const wanted = tradeOff.weights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
  const experts = wanted.map((objective) => expert(tree, tradeOff, objective));
  return mixLogits(
    experts,
    wanted.map((objective) => tradeOff.weights[objective] ?? 0),
    tree.branching,
  );
}

/** The exact optimum of one objective alone, at the trade-off's alpha. */
export function expert(tree: Tree, tradeOff: TradeOff, objective: number): Float64Array[] {
  return optimalLogits(tree, corner(tradeOff, objective));
}

function corner(tradeOff: TradeOff, objective: number): TradeOff {
  return { ...tradeOff, weights: oneHot(objective, tradeOff.weights.length) };
}

/** DeRa: h_ref + lambda (h_expert - h_ref) at every node; lambda 0 is the reference, 1 the expert. */
export function realigned(tree: Tree, expert: Levels, lambda: number): Float64Array[] {
  return mixLogits([tree.reference, expert], [1 - lambda, lambda], tree.branching);
}

/** DeRa's lambda for a target alpha and an expert trained at `expertAlpha`: beta_expert / beta. */
export function realignmentFactor(expertAlpha: number, alpha: number): number {
  return betaOf(expertAlpha) / betaOf(alpha);
}

/**
 * Upper bound of what mixing exact experts loses in J = V / (1-alpha):
 *   E_mix sum_t min(osc, osc^2 / (8 beta)),  osc the range over a node's children of sum_i w_i v_i - v_w,
 * over the reference's support. 0 where that difference doesn't depend on the token: bandits, rewards additive over
 * the tokens of a factorised reference, rewards that differ by a constant.
 */
export function mixingBound(tree: Tree, tradeOff: TradeOff): number {
  const gaps = valueGaps(tree, tradeOff);
  const beta = betaOf(tradeOff.alpha);
  const mixed = mixedExperts(tree, tradeOff);
  const support = conditionals(tree.reference, tree.branching);
  let bound = 0;
  gaps.forEach((level, t) => {
    leafLogProbabilities(mixed.slice(0, t), tree.branching).forEach((logMass, node) => {
      const osc = oscillation(level, support[t] ?? level, { node, branching: tree.branching });
      bound += Math.exp(logMass) * Math.min(osc, osc ** 2 / (8 * beta));
    });
  });
  return bound;
}

/** sum_i w_i v_i - v_w of every child: T arrays. Never negative. */
function valueGaps(tree: Tree, tradeOff: TradeOff): Float64Array[] {
  const corners = tradeOff.weights.map((_, own) => softValues(tree, corner(tradeOff, own)));
  return softValues(tree, tradeOff)
    .slice(1)
    .map((level, t) =>
      level.map(
        (value, child) =>
          weightedSum(
            tradeOff.weights,
            corners.map((v) => v[t + 1]?.[child] ?? 0),
          ) - value,
      ),
    );
}

function oscillation(
  level: Float64Array,
  support: Float64Array,
  at: { readonly node: number; readonly branching: number },
): number {
  let low = Infinity;
  let high = -Infinity;
  for (let child = at.node * at.branching; child < (at.node + 1) * at.branching; child++) {
    if (support[child] === -Infinity) continue;
    low = Math.min(low, level[child] ?? 0);
    high = Math.max(high, level[child] ?? 0);
  }
  return Math.max(0, high - low);
}
