import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../stages/random.js';
import { bandit } from '../../stages/worlds/bandit.js';
import { betaOf, optimum, regret } from '../../stages/worlds/finite.js';
import { klDivergence } from '../../stages/worlds/log-space.js';
import { counterexample, randomTree } from '../../stages/worlds/named-trees.js';
import { mixTokens } from '../../stages/worlds/token-mixing.js';
import {
  expert,
  mixedExperts,
  mixingBound,
  realigned,
  realignmentFactor,
} from '../../stages/worlds/tree-mixing.js';
import {
  asProblem,
  conditionals,
  leafLogProbabilities,
  nodeLogits,
  optimalLogits,
  softValues,
  type Tree,
  treeGradient,
  treeValue,
} from '../../stages/worlds/tree.js';

const even = [0.5, 0.5];

/** What mixing exact experts loses, in J = V / (1 - alpha). */
function mixingGap(tree: Tree, alpha: number, weights: readonly number[] = even): number {
  const at = { alpha, weights };
  const mixed = leafLogProbabilities(mixedExperts(tree, at), tree.branching);
  return regret(asProblem(tree), mixed, at) / (1 - alpha);
}

function small(seed: number, options: Partial<Parameters<typeof randomTree>[1]> = {}): Tree {
  return randomTree(new Random(seed, 'test'), {
    branching: 3,
    depth: 3,
    objectives: 2,
    spread: 1,
    ...options,
  });
}

describe('the counterexample', () => {
  it.each([
    [0.01, 0.2],
    [0.05, 0.1977],
    [0.1, 0.1529],
    [0.2, 0.0535],
    [0.3, 0.0171],
  ])('mixing loses what theory says at alpha %f', (alpha, gap) => {
    expect(Math.abs(mixingGap(counterexample(0.7), alpha) - gap)).toBeLessThan(1e-4);
  });

  it('has the optimum open with B and the mixture with A', () => {
    const tree = counterexample(0.7);
    const at = { alpha: 0.05, weights: even };
    const best = optimum(asProblem(tree), at).value / 0.95;
    expect(best).toBeCloseTo(0.6647, 4);
    expect(treeValue(tree, mixedExperts(tree, at), at).value / 0.95).toBeCloseTo(0.467, 4);
    expect(probabilityOfB(optimalLogits(tree, at))).toBeCloseTo(0.978, 3);
    expect(probabilityOfB(mixedExperts(tree, at))).toBeCloseTo(0.007, 3);
  });

  it('is hard for realignment too, though less', () => {
    const tree = counterexample(0.7);
    const losses = [0.25, 0.5, 0.75].map((lambda) => {
      const beta = betaOf(0.05) / lambda;
      const at = { alpha: beta / (1 + beta), weights: [1, 0] };
      const towards = expert(tree, { alpha: 0.05, weights: [1, 0] }, 0);
      const logits = realigned(tree, towards, realignmentFactor(0.05, at.alpha));
      return regret(asProblem(tree), leafLogProbabilities(logits, 2), at) / (1 - at.alpha);
    });
    expect(losses[0]).toBeCloseTo(0.0052, 4);
    expect(losses[1]).toBeCloseTo(0.0005, 4);
    expect(losses[2]).toBeCloseTo(0.00002, 5);
  });
});

function probabilityOfB(logits: readonly Float64Array[]): number {
  return Math.exp(conditionals(logits, 2)[0]?.[1] ?? NaN);
}

describe('mixing exact experts', () => {
  it('is optimal on bandits, for every trade-off', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
          {
            minLength: 2,
            maxLength: 9,
          },
        ),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.02, max: 0.9, noNaN: true }),
        (rewards, w, alpha) => {
          const tree = bandit(
            rewards,
            rewards.map((_, i) => Math.sin(i)),
          );
          expect(mixingGap(tree, alpha, [w, 1 - w])).toBeLessThan(1e-12);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  it('loses less on random trees the larger alpha is', () => {
    // The 4-ary tree of depth 4 with iid leaf rewards, as a mean over ten trees.
    const gaps = [0.01, 0.05, 0.1, 0.5].map((alpha) =>
      mean(seeds(10).map((seed) => mixingGap(small(seed, { branching: 4, depth: 4, spread: 0 }), alpha))),
    );
    const [a = 0, b = 0, c = 0, d = 0] = gaps;
    expect(Math.abs(a - 0.106)).toBeLessThan(0.04);
    expect(Math.abs(b - 0.072)).toBeLessThan(0.03);
    expect(Math.abs(c - 0.03)).toBeLessThan(0.015);
    expect(d).toBeLessThan(0.0005);
  });

  it('never loses more than its bound, and nothing where the bound is 0', () => {
    for (const seed of seeds(20))
      for (const alpha of [0.02, 0.1, 0.4]) {
        const tree = small(seed);
        expect(mixingGap(tree, alpha)).toBeLessThanOrEqual(
          mixingBound(tree, { alpha, weights: even }) + 1e-12,
        );
      }
    const shifted = small(1);
    const constant = { ...shifted, rewards: shifted.rewards.map(([r = 0]) => [r, r - 0.3]) };
    expect(mixingBound(constant, { alpha: 0.05, weights: even })).toBeLessThan(1e-9);
    expect(mixingGap(constant, 0.05)).toBeLessThan(1e-12);
  });

  it('is optimal where rewards add up over the tokens of a factorised reference', () => {
    const score = [
      [0.9, 0.1],
      [0.2, 0.7],
      [0.4, 0.5],
    ];
    const leaves = Array.from({ length: 27 }, (_, leaf) => [
      Math.floor(leaf / 9),
      Math.floor(leaf / 3) % 3,
      leaf % 3,
    ]);
    const rewards = leaves.map((tokens) =>
      [0, 1].map((k) => tokens.reduce((sum, y) => sum + (score[y]?.[k] ?? 0), 0)),
    );
    const reference = [1, 3, 9].map((nodes) =>
      Float64Array.from({ length: 3 * nodes }, (_, i) => [0.3, -0.2, 0.1][i % 3] ?? 0),
    );
    expect(mixingGap({ branching: 3, depth: 3, rewards, reference }, 0.05)).toBeLessThan(1e-12);
  });

  it('loses little with R_2 = c R_1 for c > 0, nothing at c = 1, much for c < 0', () => {
    const gaps = [-1, 0, 0.25, 1, 4].map((c) => {
      const base = small(3, { branching: 4, depth: 4, spread: 0 });
      return mixingGap({ ...base, rewards: base.rewards.map(([r = 0]) => [r, c * r]) }, 0.05);
    });
    const [opposed = 0, none = 0, quarter = 0, same = 0, four = 0] = gaps;
    expect(same).toBeLessThan(1e-12);
    expect(opposed).toBeGreaterThan(5 * none);
    expect(none).toBeGreaterThan(quarter);
    expect(quarter).toBeGreaterThan(1e-9);
    expect(four).toBeGreaterThan(1e-12);
  });

  it('is the same on the tree and on its responses as strings', () => {
    const tree = small(4);
    const at = { alpha: 0.07, weights: [0.3, 0.7] };
    const paths = tree.rewards.map((_, leaf) => [Math.floor(leaf / 9), Math.floor(leaf / 3) % 3, leaf % 3]);
    const experts = [0, 1].map((i) => leafLogProbabilities(expert(tree, at, i), 3));
    const onTree = leafLogProbabilities(mixedExperts(tree, at), 3);
    mixTokens(paths, experts, at.weights).forEach((log, leaf) =>
      expect(log).toBeCloseTo(onTree[leaf] ?? NaN, 10),
    );
  });
});

describe('a tree', () => {
  it('has V* - V = alpha KL for random tabular policies', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        (seed, alpha) => {
          const tree = small(seed);
          const policy = leafLogProbabilities(small(seed + 1, { spread: 2 }).reference, 3);
          const at = { alpha, weights: [0.25, 0.75] };
          const best = leafLogProbabilities(optimalLogits(tree, at), 3);
          expect(regret(asProblem(tree), policy, at)).toBeCloseTo(alpha * klDivergence(policy, best), 9);
          expect(regret(asProblem(tree), best, at)).toBeLessThan(1e-12);
        },
      ),
      { numRuns: 100, seed: 5 },
    );
  });

  it('has V* = (1 - alpha) times the soft value of its root, which is convex in w', () => {
    const tree = small(6);
    const value = (w: number): number => softValues(tree, { alpha: 0.1, weights: [w, 1 - w] })[0]?.[0] ?? NaN;
    const best = optimum(asProblem(tree), { alpha: 0.1, weights: [0.4, 0.6] }).value;
    expect(0.9 * value(0.4)).toBeCloseTo(best, 12);
    for (const w of [0.1, 0.3, 0.5, 0.7, 0.9])
      expect(value(w)).toBeLessThanOrEqual((value(w - 0.1) + value(w + 0.1)) / 2 + 1e-15);
  });

  it('has a gradient that agrees with finite differences', () => {
    const tree = small(7);
    const at = { alpha: 0.2, weights: [0.6, 0.4] };
    const logits = small(8).reference;
    const gradient = treeGradient(tree, logits, at);
    const h = 1e-5;
    logits.forEach((level, t) =>
      level.forEach((_, child) => {
        const moved = (by: number): number => {
          const changed = logits.map((l) => l.slice());
          const target = changed[t] ?? level;
          target[child] = (target[child] ?? 0) + by;
          return treeValue(tree, changed, at).value;
        };
        expect(gradient[t]?.[child]).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 8);
      }),
    );
  });

  it('has gradient 0 at its optimum', () => {
    const tree = small(9);
    const at = { alpha: 0.1, weights: even };
    for (const level of treeGradient(tree, optimalLogits(tree, at), at))
      for (const g of level) expect(Math.abs(g)).toBeLessThan(1e-12);
  });

  it("keeps node logits and leaves each other's inverse, unreachable nodes included", () => {
    const tree = small(10);
    const leaves = leafLogProbabilities(tree.reference, 3);
    leaves.fill(-Infinity, 0, 9);
    const total = leaves.reduce((sum, log) => sum + Math.exp(log), 0);
    const proper = leaves.map((log) => log - Math.log(total));
    const back = leafLogProbabilities(nodeLogits(proper, 3), 3);
    back.forEach((log, leaf) => {
      if (leaf < 9) expect(log).toBe(-Infinity);
      else expect(log).toBeCloseTo(proper[leaf] ?? NaN, 12);
    });
  });
});

function seeds(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
