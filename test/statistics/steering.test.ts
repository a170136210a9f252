import { describe, expect, it } from 'vitest';
import { Random } from '../../stages/random.js';
import { regretSummary } from '../../stages/statistics/regret.js';
import { lowSpan } from '../../stages/statistics/low-span.js';
import {
  leastSpanOf,
  monotonicityViolations,
  type NoisyPoint,
  span,
  steeringOrder,
  type SteeredPoint,
} from '../../stages/statistics/steering.js';
import { evaluate, optimum } from '../../stages/worlds/finite.js';
import { randomTree } from '../../stages/worlds/named-trees.js';
import { asProblem, leafLogProbabilities, optimalLogits } from '../../stages/worlds/tree.js';

/** A front over five weights of the first objective. */
function front(rewards: readonly (readonly [number, number])[]): SteeredPoint[] {
  return rewards.map((pair, i) => ({ weights: [i / 4, 1 - i / 4], rewards: pair }));
}

const withErrors =
  (error: number | null) =>
  (points: readonly SteeredPoint[]): NoisyPoint[] =>
    points.map((point) => ({ ...point, stderr: error === null ? null : [error, error] }));

const ideal = front([
  [0, 1],
  [0.3, 0.9],
  [0.6, 0.6],
  [0.9, 0.3],
  [1, 0],
]);
const flat = front([
  [0.6, 0.6],
  [0.6, 0.6],
  [0.6, 0.6],
  [0.6, 0.6],
  [0.6, 0.6],
]);
const oneEnd = front([
  [0.6, 0.6],
  [0.6, 0.6],
  [0.6, 0.6],
  [0.9, 0.3],
  [1, 0],
]);

describe('steering order', () => {
  it('is 1 steered, 1/2 ignored and 0 reversed', () => {
    expect(steeringOrder(ideal)).toBe(1);
    expect(steeringOrder(flat)).toBe(0.5);
    const reversed = ideal.map((point, i) => ({ ...point, rewards: ideal[4 - i]?.rewards ?? [] }));
    expect(steeringOrder(reversed)).toBe(0);
  });

  it('counts differences within the tolerance as ties', () => {
    const barely = front([
      [0.5, 0.5],
      [0.5005, 0.4995],
      [0.501, 0.499],
      [0.5015, 0.4985],
      [0.502, 0.498],
    ]);
    expect(steeringOrder(barely, 1e-9)).toBe(1);
    expect(steeringOrder(barely, 0.01)).toBe(0.5);
  });

  it('is undefined for one trade-off, however often asked', () =>
    expect(steeringOrder([ideal[0], ideal[0]].flatMap((p) => p ?? []))).toBeNull());

  it.each([2, 3])('is 1 for the exact optimum of %i rewards', (objectives) => {
    for (let seed = 0; seed < 10; seed++) {
      const tree = randomTree(new Random(seed, 'order'), { branching: 3, depth: 2, objectives, spread: 1 });
      const draws = new Random(seed, 'weights');
      const points = Array.from({ length: 8 }, () => {
        const weights = draws.dirichlet(objectives, 1);
        return { weights, rewards: optimum(asProblem(tree), { alpha: 0.1, weights }).rewards };
      });
      expect(steeringOrder(points, 0)).toBe(1);
    }
  });
});

describe('span and lock-in', () => {
  it('compare what the corners reach', () => {
    expect(span(ideal, ideal, 0)).toBe(1);
    expect(span(oneEnd, ideal, 0)).toBeCloseTo(0.4, 12);
    expect(leastSpanOf(flat, ideal)).toBe(0);
  });

  it('are undefined where the optimum itself hardly moves, or a corner is missing', () => {
    expect(span(ideal, flat, 0)).toBeNull();
    expect(span(ideal.slice(1), ideal, 0)).toBeNull();
    expect(leastSpanOf(ideal, flat)).toBeNull();
  });

  it('tell lock-in from a reference that does not write what the ends ask for', () => {
    expect(lowSpan(0.75, 0.75)).toBeUndefined();
    expect(lowSpan(null, null)).toBeUndefined();
    expect(lowSpan(0.4, 0.4)).toBe('locked-in');
    expect(lowSpan(0.4, 0.9)).toBe('out-of-reach');
    expect(lowSpan(0.4, null)).toBe('out-of-reach');
  });

  it('of three objectives are those of the worst pair of corners', () => {
    const corners = (loss: number): SteeredPoint[] => [
      { weights: [1, 0, 0], rewards: [1, 0, 0] },
      { weights: [0, 1, 0], rewards: [0, 1, 0] },
      { weights: [0, 0, 1], rewards: [loss, 0, 1] },
    ];
    expect(span(corners(0.5), corners(0), 0)).toBe(0.5);
    expect(span(corners(0.5), corners(0), 1)).toBe(1);
  });
});

describe('monotonicity', () => {
  it('counts the steps on which an objective falls as its weight rises', () => {
    const exact = withErrors(0);
    expect(monotonicityViolations(exact(ideal), 0)).toBe(0);
    expect(monotonicityViolations(exact(ideal), 1)).toBe(0);
    const dented = front([
      [0, 1],
      [0.4, 0.9],
      [0.3, 0.6],
      [0.9, 0.3],
      [0.8, 0],
    ]);
    expect(monotonicityViolations(exact(dented), 0)).toBe(0.5);
    expect(monotonicityViolations(exact(ideal.slice(0, 1)), 0)).toBeNull();
  });

  it('takes a fall within two standard errors of sampled rewards for none', () => {
    const dip = front([
      [0, 1],
      [0.5, 0.5],
      [0.47, 0.3],
    ]);
    expect(monotonicityViolations(withErrors(0.01)(dip), 0)).toBe(0.5);
    expect(monotonicityViolations(withErrors(0.011)(dip), 0)).toBe(0);
    expect(monotonicityViolations(withErrors(null)(dip), 0)).toBeNull();
  });
});

describe('regret', () => {
  it('is summed up by mean, maximum and the share that was closed', () => {
    const summary = regretSummary([
      { value: 0.9, optimum: 1, reference: 0.5 },
      { value: 0.4, optimum: 0.8, reference: 0.3 },
    ]);
    expect(summary.mean).toBeCloseTo(0.25, 12);
    expect(summary.max).toBeCloseTo(0.4, 12);
    expect(summary.closed).toBeCloseTo(0.5, 12);
    expect(regretSummary([{ value: 1, optimum: 1, reference: 1 }]).closed).toBeNull();
    // A reference that is optimal but for rounding: a regret of 1e-4 is not -999 of what can be won.
    expect(regretSummary([{ value: 1 - 1e-4, optimum: 1, reference: 1 - 1e-7 }]).closed).toBeNull();
  });

  it('is closed by the optimum and not by the reference', () => {
    const tree = randomTree(new Random(1, 'closed'), { branching: 3, depth: 2, objectives: 2, spread: 1 });
    const problem = asProblem(tree);
    const at = { alpha: 0.1, weights: [0.5, 0.5] };
    const best = optimum(problem, at);
    const closed = (value: number): number | null =>
      regretSummary([{ value, optimum: best.value, reference: best.referenceValue }]).closed;
    const reached = evaluate(problem, leafLogProbabilities(optimalLogits(tree, at), 3), at).value;
    expect(closed(reached)).toBeCloseTo(1, 12);
    expect(closed(evaluate(problem, problem.logReference, at).value)).toBeCloseTo(0, 12);
  });
});
