/**
 * Trees: every response is T tokens of a vocabulary of V, so all V^T of them can be listed, and with them the
 * value of any tabular policy, its gradient and the optimum. Everything in Float64.
 *
 * A node at depth t is a prefix, numbered in base V by its tokens; its child by token a is number prefix * V + a.
 * A level array at depth t therefore has V^(t+1) entries: one a child, V in a row for each prefix. Leaves number
 * the responses: y0 V^(T-1) + ... + y_(T-1).
 */
import type { TradeOff } from '../policy/types.js';
import { betaOf, evaluate, type ExactValue, scalarRewards } from './finite.js';
import { logSoftmax, logSumExp } from './log-space.js';
import type { FiniteProblem } from './types.js';

/** T level arrays: level t holds V logits (or other numbers) for each of the V^t prefixes of length t. */
export type Levels = readonly Float64Array[];

export interface Tree {
  /** V: children of a node. */
  readonly branching: number;
  /** T: tokens of a response. */
  readonly depth: number;
  /** rewards[leaf][objective]. */
  readonly rewards: readonly (readonly number[])[];
  /** Node logits of pi_ref; -Infinity for a token that it excludes. */
  readonly reference: Levels;
}

/** log pi(token | prefix) at every child: a softmax in each node. A node that is never reached gets a uniform one. */
export function conditionals(logits: Levels, branching: number): Float64Array[] {
  return logits.map((level) => mapNodes(level, branching, nodeLogProbabilities));
}

function nodeLogProbabilities(logits: Float64Array): Float64Array {
  const log = logSoftmax(logits);
  return Number.isNaN(log[0]) ? log.fill(-Math.log(log.length)) : log;
}

/** log pi of every leaf: the sum of its conditionals. */
export function leafLogProbabilities(logits: Levels, branching: number): Float64Array {
  return conditionals(logits, branching).reduce(
    (reached, level) => level.map((log, child) => log + (reached[Math.floor(child / branching)] ?? 0)),
    new Float64Array(1),
  );
}

/** Node logits of the distribution that has the given leaf log-probabilities: the inverse of the above. */
export function nodeLogits(leaves: Float64Array, branching: number): Float64Array[] {
  const masses: Float64Array[] = [leaves];
  for (let level = leaves; level.length > branching;) {
    level = gather(level, branching, logSumExp);
    masses.unshift(level);
  }
  return masses.map((level) => mapNodes(level, branching, nodeLogProbabilities));
}

/** The tree as a finite set of responses, for `optimum`, `optimalPolicy` and `regret`. */
export function asProblem(tree: Tree): FiniteProblem {
  return {
    rewards: tree.rewards,
    logReference: leafLogProbabilities(tree.reference, tree.branching),
  };
}

/** V, expected rewards and KL of a tabular policy given by its node logits. */
export function treeValue(tree: Tree, logits: Levels, tradeOff: TradeOff): ExactValue {
  return evaluate(asProblem(tree), leafLogProbabilities(logits, tree.branching), tradeOff);
}

/**
 * Gradient of V by every node logit, in the direction of ascent: at node s and token a it is
 *   d(s) pi(a|s) (U(s,a) - U(s)),
 * d(s) the probability of reaching s and U the expected return (1-alpha) R_w - alpha log(pi/pi_ref) from there.
 */
export function treeGradient(tree: Tree, logits: Levels, tradeOff: TradeOff): Float64Array[] {
  const { branching } = tree;
  const problem = asProblem(tree);
  const leaves = leafLogProbabilities(logits, branching);
  const scalar = scalarRewards(problem, tradeOff.weights);
  // mass times return, summed upwards: d(s) U(s) at every node
  let weighted: Float64Array = leaves.map((log, leaf) => {
    if (log === -Infinity) return 0;
    const ratio = log - (problem.logReference[leaf] ?? 0);
    return Math.exp(log) * ((1 - tradeOff.alpha) * (scalar[leaf] ?? 0) - tradeOff.alpha * ratio);
  });
  const gradient: Float64Array[] = [];
  for (const level of conditionals(logits, branching).reverse()) {
    const above = gather(weighted, branching, total);
    const here = weighted;
    gradient.unshift(
      level.map(
        (log, child) => (here[child] ?? 0) - Math.exp(log) * (above[Math.floor(child / branching)] ?? 0),
      ),
    );
    weighted = above;
  }
  return gradient;
}

/**
 * Soft values v_w(s) = beta log E_ref[exp(R_w / beta) | s] of every prefix: T+1 arrays, V^t prefixes at depth t;
 * the last is R_w itself and alpha v / beta of the root is V*. They are convex in w.
 */
export function softValues(tree: Tree, tradeOff: TradeOff): Float64Array[] {
  const beta = betaOf(tradeOff.alpha);
  const values: Float64Array[] = [scalarRewards(tree, tradeOff.weights)];
  for (const level of conditionals(tree.reference, tree.branching).reverse()) {
    const below = values[0] ?? new Float64Array();
    const tilted = level.map((log, child) => log + (below[child] ?? 0) / beta);
    values.unshift(gather(tilted, tree.branching, logSumExp).map((x) => beta * x));
  }
  return values;
}

/** Node logits of pi*: log pi_ref(a|s) + v_w(s,a) / beta (up to a constant in each node). */
export function optimalLogits(tree: Tree, tradeOff: TradeOff): Float64Array[] {
  const beta = betaOf(tradeOff.alpha);
  const below = softValues(tree, tradeOff).slice(1);
  return conditionals(tree.reference, tree.branching).map((level, t) =>
    level.map((log, child) => log + (below[t]?.[child] ?? 0) / beta),
  );
}

/** A function of each node's V numbers, giving V numbers back. */
export function mapNodes(
  level: Float64Array,
  branching: number,
  map: (node: Float64Array) => Float64Array,
): Float64Array {
  const result = new Float64Array(level.length);
  for (let start = 0; start < level.length; start += branching)
    result.set(map(level.subarray(start, start + branching)), start);
  return result;
}

/** One number of each node's V numbers: (V^(t+1)) -> (V^t). */
function gather(
  level: Float64Array,
  branching: number,
  reduce: (node: Float64Array) => number,
): Float64Array {
  const result = new Float64Array(level.length / branching);
  for (let node = 0; node < result.length; node++)
    result[node] = reduce(level.subarray(node * branching, (node + 1) * branching));
  return result;
}

function total(node: Float64Array): number {
  return node.reduce((a, b) => a + b, 0);
}
