/** Every estimator against the exact gradient of V on a tree, its expectation taken by listing all groups. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../stages/random.js';
import {
  groupCoefficients,
  isUnbiased,
  type KlEstimator,
  klEstimators,
  klRegularisedReturn,
  leaveOneOut,
  type SampledResponse,
} from '../../stages/rl/estimators.js';
import { scalarise } from '../../stages/rl/scalarisation.js';
import { randomTree } from '../../stages/worlds/named-trees.js';
import { klDivergence } from '../../stages/worlds/log-space.js';
import {
  conditionals,
  leafLogProbabilities,
  type Tree,
  treeGradient,
  treeValue,
} from '../../stages/worlds/tree.js';

const branching = 3;
const depth = 3;
const weights = [0.2, 0.3, 0.5];
const tree = randomTree(new Random(1, 'estimators'), { branching, depth, objectives: 3, spread: 1 });
const policy = randomTree(new Random(2, 'estimators'), {
  branching,
  depth,
  objectives: 3,
  spread: 1,
}).reference;

/** All leaves as responses that were drawn from the policy. */
const responses = tree.rewards.map((_, leaf) => responseAt(tree, leaf));
const probabilities = leafLogProbabilities(policy, branching).map(Math.exp);

/** Children on the way to a leaf, one a depth. */
function pathOf(leaf: number): number[] {
  return Array.from({ length: depth }, (_, t) => Math.floor(leaf / branching ** (depth - 1 - t)));
}

function responseAt(world: Tree, leaf: number): SampledResponse {
  const [pi, reference] = [policy, world.reference].map((logits) => conditionals(logits, branching));
  const path = pathOf(leaf);
  const node = (level: Float64Array | undefined, t: number): Float64Array => {
    const start = Math.floor((path[t] ?? 0) / branching) * branching;
    return level?.slice(start, start + branching) ?? new Float64Array();
  };
  return {
    reward: scalarise({ kind: 'linear' }, world.rewards[leaf] ?? [], weights),
    logPolicy: path.map((child, t) => pi?.[t]?.[child] ?? NaN),
    logReference: path.map((child, t) => reference?.[t]?.[child] ?? NaN),
    exactKl: path.map((_, t) => klDivergence(node(pi?.[t], t), node(reference?.[t], t))),
  };
}

/** One group's estimate of the gradient by every node logit. */
function estimate(leaves: readonly number[], alpha: number, estimator: KlEstimator): Float64Array[] {
  const group = leaves.map((leaf) => responses[leaf] as SampledResponse);
  const { score, exactKl } = groupCoefficients(group, alpha, estimator);
  const gradient = policy.map((level) => new Float64Array(level.length));
  const pi = conditionals(policy, branching);
  const reference = conditionals(tree.reference, branching);
  leaves.forEach((leaf, j) => {
    pathOf(leaf).forEach((child, t) => {
      const start = Math.floor(child / branching) * branching;
      const kl = group[j]?.exactKl?.[t] ?? NaN;
      for (let sibling = start; sibling < start + branching; sibling++) {
        const log = pi[t]?.[sibling] ?? NaN;
        const p = Math.exp(log);
        const byScore = (score[j]?.[t] ?? NaN) * ((sibling === child ? 1 : 0) - p);
        const byKl = exactKl * p * (log - (reference[t]?.[sibling] ?? NaN) - kl);
        const level = gradient[t] ?? new Float64Array();
        level[sibling] = (level[sibling] ?? 0) + (byScore + byKl) / leaves.length;
      }
    });
  });
  return gradient;
}

/** Expectation over all groups of two. */
function expectedGradient(alpha: number, estimator: KlEstimator): number[] {
  const sum = new Array<number>(39).fill(0);
  for (let a = 0; a < responses.length; a++)
    for (let b = 0; b < responses.length; b++) {
      const p = (probabilities[a] ?? 0) * (probabilities[b] ?? 0);
      flat(estimate([a, b], alpha, estimator)).forEach((g, i) => (sum[i] = (sum[i] ?? 0) + p * g));
    }
  return sum;
}

function flat(levels: readonly Float64Array[]): number[] {
  return levels.flatMap((level) => [...level]);
}

function norm(values: readonly number[]): number {
  return Math.hypot(...values);
}

/** Error of the KL's part of the expected gradient, relative to that part: the reward's part cancels. */
function klError(estimator: KlEstimator): number {
  const alpha = 0.3;
  const exact = flat(treeGradient(tree, policy, { alpha, weights }));
  const rewardPart = flat(treeGradient(tree, policy, { alpha: 0, weights })).map((g) => (1 - alpha) * g);
  const found = expectedGradient(alpha, estimator);
  return norm(found.map((g, i) => g - (exact[i] ?? 0))) / norm(exact.map((g, i) => g - (rewardPart[i] ?? 0)));
}

describe('policy-gradient estimators', () => {
  it.each(klEstimators.filter(isUnbiased))('%s has the gradient of V as its expectation', (estimator) => {
    for (const alpha of [0.05, 0.5]) {
      const exact = flat(treeGradient(tree, policy, { alpha, weights }));
      expectedGradient(alpha, estimator).forEach((g, i) =>
        expect(Math.abs(g - (exact[i] ?? NaN))).toBeLessThan(1e-9),
      );
    }
  });

  it.each(klEstimators.filter((name) => !isUnbiased(name)))(
    '%s does not, by a factor of the KL',
    (estimator) => {
      expect(klError(estimator)).toBeGreaterThan(0.15);
      expect(klError(estimator)).toBeLessThan(4);
    },
  );

  it('loses the whole KL with k1 in the loss, whose expected gradient is 0', () =>
    expect(klError('biased-k1-in-loss')).toBeCloseTo(1, 12));

  it('has k2 of each token lose what the exact KL of each token loses: what comes later', () => {
    const exact = expectedGradient(0.2, 'biased-exact-per-token-in-loss');
    expectedGradient(0.2, 'biased-k2-per-token-in-loss').forEach((g, i) =>
      expect(g).toBeCloseTo(exact[i] ?? NaN, 12),
    );
  });

  it('names the unbiased ones', () => {
    expect(klEstimators.filter(isUnbiased)).toEqual([
      'k1-in-reward',
      'k2-of-sequence-in-loss',
      'exact-per-token-with-return',
    ]);
  });

  it('have V as the mean of their return', () => {
    const at = { alpha: 0.1, weights };
    const value = responses.reduce(
      (sum, r, leaf) => sum + (probabilities[leaf] ?? 0) * klRegularisedReturn(r, 0.1),
      0,
    );
    expect(value).toBeCloseTo(treeValue(tree, policy, at).value, 12);
  });
});

describe('leave-one-out', () => {
  it('subtracts the mean of the others', () => {
    expect([...leaveOneOut([1, 2, 6])]).toEqual([-3, -1.5, 4.5]);
    expect([...leaveOneOut([2, 2, 2, 2])]).toEqual([0, 0, 0, 0]);
  });

  it('leaves responses without a reward out, and a group with one left altogether', () => {
    const response = (reward: number | null): SampledResponse => ({
      reward,
      logPolicy: [-1, -2],
      logReference: [-1, -2],
    });
    const some = groupCoefficients([1, null, 0].map(response), 0.5, 'k1-in-reward');
    expect(some.included).toEqual([true, false, true]);
    expect(some.score.map((row) => [...row])).toEqual([
      [0.5, 0.5],
      [0, 0],
      [-0.5, -0.5],
    ]);
    const alone = groupCoefficients([1, null, null].map(response), 0.5, 'k1-in-reward');
    expect(alone.included).toEqual([false, false, false]);
    expect(alone.score.flatMap((row) => [...row]).every((c) => c === 0)).toBe(true);
  });
});

describe('scalarisation', () => {
  it('is linear, or guards the worst-served objective', () => {
    expect(scalarise({ kind: 'linear' }, [1, 0.5], [0.25, 0.75])).toBe(0.625);
    const chebyshev = { kind: 'chebyshev', ideal: [1, 1], rho: 0.1 } as const;
    expect(scalarise(chebyshev, [1, 0.5], [0.5, 0.5])).toBeCloseTo(-0.25 + 0.075, 12);
    expect(scalarise(chebyshev, [0.75, 0.75], [0.5, 0.5])).toBeGreaterThan(
      scalarise(chebyshev, [1, 0.5], [0.5, 0.5]),
    );
  });

  it('soft-min lies between the minimum and the mean, and nears them at the ends of tau', () => {
    const soft = (tau: number): number => scalarise({ kind: 'soft-min', tau }, [0.2, 0.8], [0.5, 0.5]);
    expect(soft(1e-4)).toBeCloseTo(0.5, 4);
    expect(soft(1e4)).toBeCloseTo(0.2, 3);
    expect(soft(5)).toBeGreaterThan(0.2);
    expect(soft(5)).toBeLessThan(0.5);
    expect(scalarise({ kind: 'soft-min', tau: 5 }, [-1000, 0.8], [0, 1])).toBeCloseTo(0.8, 12);
  });
});
