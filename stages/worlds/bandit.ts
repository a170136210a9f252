/**
 * The bandit: a response is one token, so mixing logits and mixing whole responses are the same, and mixing the
 * exact single-reward optima is optimal for every w. The world in which zero-shot methods have nothing to lose.
 */
import { logSoftmax } from './log-space.js';
import type { Tree } from './tree.js';

/** A tree of depth 1. @param rewards rewards[token][objective] @param logits log pi_ref up to a constant */
export function bandit(rewards: readonly (readonly number[])[], logits: ArrayLike<number>): Tree {
  return { branching: rewards.length, depth: 1, rewards, reference: [logSoftmax(logits)] };
}
