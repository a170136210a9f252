/**
 * Logit mixing of policies token by token: at every prefix the next token's log-probabilities are
 * sum_i w_i log pi_i(token | prefix), normalised there. Unlike mixing whole responses this is not optimal for
 * exact experts: what a prefix is worth under a mixed reward is convex in w, not linear.
 * Source: Shi et al., "Decoding-Time Language Model Alignment with Multiple Objectives" (MOD), NeurIPS 2024.
 */
import { weightedSum } from '../vector.js';
import { logSumExp } from './log-space.js';

const sharedPath = 'internal error: an outcome of a world continues another one; please report it';

/** A prefix of responses: its children by token and the outcome that ends at it, if one does. */
interface PrefixNode {
  readonly children: Map<number, PrefixNode>;
  outcome?: number;
}

/**
 * log pi of every outcome under token-level mixing.
 * @param paths the tokens of each outcome, its end-of-sequence token included; no path is another's prefix
 * @param logPolicies one policy an entry: log pi_i of each outcome; outcomes are complete (they sum to 1)
 * @param weights one a policy; a policy of weight 0 is skipped; they need not sum to 1 (DeRa: 1 - lam, lam)
 */
export function mixTokens(
  paths: readonly (readonly number[])[],
  logPolicies: readonly Float64Array[],
  weights: readonly number[],
): Float64Array {
  const result = new Float64Array(paths.length).fill(-Infinity);
  const root = prefixTree(paths);
  descend({ node: root, logs: logPolicies.map((policy) => below(root, policy)), reached: 0 });
  return result;

  function descend(at: { node: PrefixNode; logs: number[]; reached: number }): void {
    if (at.node.outcome !== undefined) result[at.node.outcome] = at.reached;
    const children = [...at.node.children.values()].map((node) => {
      const logs = logPolicies.map((policy) => below(node, policy));
      const steps = logs.map((log, i) => log - (at.logs[i] ?? 0));
      return { node, logs, logit: weightedSum(weights, steps) };
    });
    const total = logSumExp(children.map((child) => child.logit));
    if (total === -Infinity) return;
    for (const { node, logs, logit } of children)
      if (logit > -Infinity) descend({ node, logs, reached: at.reached + logit - total });
  }
}

function prefixTree(paths: readonly (readonly number[])[]): PrefixNode {
  const root: PrefixNode = { children: new Map() };
  paths.forEach((path, outcome) => {
    let node = root;
    for (const token of path) {
      if (node.outcome !== undefined) throw new Error(sharedPath);
      const next: PrefixNode = node.children.get(token) ?? { children: new Map() };
      node.children.set(token, next);
      node = next;
    }
    if (node.outcome !== undefined || node.children.size > 0) throw new Error(sharedPath);
    node.outcome = outcome;
  });
  return root;
}

/** log probability that a response passes through a node. */
function below(node: PrefixNode, logPolicy: Float64Array): number {
  if (node.outcome !== undefined) return logPolicy[node.outcome] ?? -Infinity;
  return logSumExp([...node.children.values()].map((child) => below(child, logPolicy)));
}
