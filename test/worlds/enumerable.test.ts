import { describe, expect, it } from 'vitest';
import {
  dials,
  documentClasses,
  documents,
  enumerableRewards,
  enumerableTree,
  leafOf,
  referenceLeaves,
  responseOf,
} from '../../stages/worlds/enumerable.js';
import {
  enumerableClasses,
  enumerableMixing,
  enumerablePoint,
  enumerableWorld,
} from '../../stages/worlds/enumerable-front.js';
import { klDivergence } from '../../stages/worlds/log-space.js';
import { optimalPolicy, optimum, regret } from '../../stages/worlds/finite.js';
import { asProblem, leafLogProbabilities, optimalLogits, treeGradient } from '../../stages/worlds/tree.js';

describe('the enumerable world', () => {
  it('has 336 documents, none of which meets its own opposite', () => {
    expect(documents()).toHaveLength(336);
    expect(new Set(documents().map(String)).size).toBe(336);
    for (const document of documents()) {
      const opposites = document.map((k) => (k + 3) % 6);
      expect(document.some((k) => opposites.includes(k))).toBe(false);
    }
  });

  it('pays what the rules say', () => {
    const document = [0, 1, 2, 0] as const; // hidden: 4, 5; headline: 3
    const rewards = (response: readonly [number, number, number]) =>
      enumerableRewards(document, response, 0.75);
    expect(rewards([0, 1, 2])).toEqual([1, 0, 0]);
    expect(rewards([0, 4, 5])).toEqual([0, 1, 0]);
    expect(rewards([0, 3, 7])).toEqual([0, 0, 1]);
    expect(rewards([1, 1, 4])).toEqual([0.25, 0.25, 0]); // off topic: half of .5, .5
    expect(rewards([6, 1, 4])).toEqual([0.75, 0.75, 0.75]);
    expect(rewards([6, 3, 4])).toEqual([0.375, 0.375, 0.375]);
    expect(rewards([0, 7, 7])).toEqual([0, 0, 0.5]);
    expect(rewards([0, 4, 4])[1]).toBe(0.5); // a symbol counts once
  });

  it('numbers responses both ways', () => {
    for (let leaf = 0; leaf < 512; leaf++) expect(leafOf(responseOf(leaf))).toBe(leaf);
  });

  it('has a reference that sums to 1 over 400 responses, all others impossible', () => {
    for (const document of documents().slice(0, 20)) {
      const leaves = referenceLeaves(document);
      expect(leaves.reduce((sum, log) => sum + Math.exp(log), 0)).toBeCloseTo(1, 12);
      expect(leaves.filter((log) => log > -Infinity)).toHaveLength(400);
      expect(leaves[leafOf([7, 1, 1])]).toBe(-Infinity);
    }
  });

  it('is exact: V* - V = alpha KL, and the gradient vanishes at the optimum', () => {
    const tree = enumerableTree([0, 1, 2, 0], { dial: dials.opposed, objectives: [0, 1] });
    const at = { alpha: 0.05, weights: [0.4, 0.6] };
    const reference = leafLogProbabilities(tree.reference, 8);
    const best = optimalPolicy(asProblem(tree), at);
    expect(regret(asProblem(tree), reference, at)).toBeCloseTo(0.05 * klDivergence(reference, best), 12);
    for (const level of treeGradient(tree, optimalLogits(tree, at), at))
      for (const g of level) expect(Math.abs(g)).toBeLessThan(1e-12);
  });

  it('is opposed at c = .75, where mixing never hedges, and aligned at c = .25', () => {
    const weights = Array.from({ length: 11 }, (_, i) => [i / 10, 1 - i / 10]);
    const gaps = (dial: number): number[] => {
      const world = enumerableClasses(dial, [0, 1]);
      return weights.map((w) => enumerableMixing(world, { alpha: 0.05, weights: w }).regret);
    };
    const [opposed, aligned] = [gaps(dials.opposed), gaps(dials.aligned)];
    expect(mean(opposed)).toBeCloseTo(0.04, 3);
    expect(Math.max(...opposed)).toBeCloseTo(0.1537, 4);
    expect(mean(aligned)).toBeCloseTo(0.0004, 4);
  });

  it('has 9 classes of documents, whose means are those of all documents', () => {
    const sizes = documentClasses().map(({ size }) => size);
    expect(sizes).toHaveLength(9);
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(336);
    const at = { alpha: 0.05, weights: [0.3, 0.7] };
    const [all, classes] = [enumerableWorld, enumerableClasses].map((world) =>
      enumerableMixing(world(dials.opposed, [0, 2]), at),
    );
    expect(classes?.regret).toBeCloseTo(all?.regret ?? NaN, 12);
    expect(classes?.optimum).toBeCloseTo(all?.optimum ?? NaN, 12);
    expect(classes?.rewards[1]).toBeCloseTo(all?.rewards[1] ?? NaN, 12);
  });

  it('evaluates any tabular policy', () => {
    const world = enumerableWorld(dials.opposed, [0, 1]);
    const at = { alpha: 0.05, weights: [0.5, 0.5] };
    const reference = enumerablePoint(world, (_, tree) => tree.reference, at);
    expect(reference.value).toBeCloseTo(reference.reference, 12);
    expect(reference.kl).toBeCloseTo(0, 12);
    const best = enumerablePoint(world, (_, tree) => optimalLogits(tree, at), at);
    expect(best.regret).toBeCloseTo(0, 12);
    expect(best.value).toBeCloseTo(mean(world.problems.map((problem) => optimum(problem, at).value)), 12);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
