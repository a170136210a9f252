/** The trees that the tests and the theory page are about. */
import type { Random } from '../random.js';
import type { Levels, Tree } from './tree.js';

/** Logits 0 everywhere. */
export function uniformLogits(branching: number, depth: number): Levels {
  return Array.from({ length: depth }, (_, t) => new Float64Array(branching ** (t + 1)));
}

/**
 * The smallest world in which mixing fails: binary tokens, uniform reference; the first token A leads to leaves
 * with rewards (1,0) and (0,1), B to (c,c) twice. Each expert goes A; for c > 1/2 the optimum at equal weights
 * goes B, which no expert ever does.
 */
export function counterexample(c = 0.7): Tree {
  const rewards = [
    [1, 0],
    [0, 1],
    [c, c],
    [c, c],
  ];
  return { branching: 2, depth: 2, rewards, reference: uniformLogits(2, 2) };
}

export interface RandomTreeOptions {
  readonly branching: number;
  readonly depth: number;
  readonly objectives: number;
  /** Standard deviation of the reference's node logits; 0 is a uniform reference. */
  readonly spread: number;
}

/** Rewards iid uniform on [0,1) at every leaf, reference logits iid normal. */
export function randomTree(random: Random, options: RandomTreeOptions): Tree {
  const { branching, depth, objectives, spread } = options;
  return {
    branching,
    depth,
    rewards: Array.from({ length: branching ** depth }, () =>
      Array.from({ length: objectives }, () => random.uniform()),
    ),
    reference: uniformLogits(branching, depth).map((level) => level.map(() => spread * random.normal())),
  };
}
