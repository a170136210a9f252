import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  evaluate,
  exactPoint,
  invalidMass,
  mixOutcomes,
  networkRounding,
  optimalPolicy,
  optimum,
  regret,
} from '../../stages/worlds/finite.js';
import { klDivergence, klTerm, logSoftmax } from '../../stages/worlds/log-space.js';
import { mixTokens } from '../../stages/worlds/token-mixing.js';
import type { FiniteProblem } from '../../stages/worlds/types.js';

const logit = fc.double({ min: -6, max: 6, noNaN: true });
const alpha = fc.double({ min: 0.01, max: 0.9, noNaN: true });
const weights = fc.double({ min: 0, max: 1, noNaN: true }).map((w) => [w, 1 - w]);

/** A problem and a policy of n listed outcomes; `invalid` keeps one more outcome off the list. */
const world = (invalid: boolean) =>
  fc.integer({ min: 2, max: 8 }).chain((n) => {
    const row = fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    const logits = fc.array(logit, { minLength: n + 1, maxLength: n + 1 });
    const listed = (all: number[]): Float64Array => logSoftmax(invalid ? all : all.slice(0, n)).slice(0, n);
    return fc.record({
      problem: fc.record({
        rewards: fc.array(row, { minLength: n, maxLength: n }),
        logReference: logits.map(listed),
      }),
      logPolicy: logits.map(listed),
      tradeOff: fc.record({ alpha, weights }),
    });
  });

describe('a finite problem', () => {
  it('of two outcomes has the optimum of the logistic function', () => {
    const problem: FiniteProblem = {
      rewards: [[1], [0]],
      logReference: Float64Array.from([Math.log(0.5), Math.log(0.5)]),
    };
    const beta = 1 / 3; // alpha = .25
    const p = 1 / (1 + Math.exp(-1 / beta));
    const best = optimum(problem, { alpha: 0.25, weights: [1] });
    expect(best.rewards[0]).toBeCloseTo(p, 12);
    expect(best.value).toBeCloseTo(0.25 * Math.log((Math.exp(3) + 1) / 2), 12);
    expect(best.referenceValue).toBeCloseTo(0.75 * 0.5, 12);
    expect(best.kl).toBeCloseTo(Math.log(2) + p * Math.log(p) + (1 - p) * Math.log(1 - p), 12);
  });

  it('has V* - V = alpha KL(pi || pi*) for every policy', () => {
    fc.assert(
      fc.property(world(false), ({ problem, logPolicy, tradeOff }) => {
        const gap = regret(problem, logPolicy, tradeOff);
        const kl = klDivergence(logPolicy, optimalPolicy(problem, tradeOff));
        expect(gap).toBeCloseTo(tradeOff.alpha * kl, 9);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('keeps that identity with invalid outcomes lumped, as their own outcome of reward 0', () => {
    fc.assert(
      fc.property(world(true), ({ problem, logPolicy, tradeOff }) => {
        const complete = {
          rewards: [...problem.rewards, [0, 0]],
          logReference: completed(problem.logReference),
        };
        const whole = completed(logPolicy);
        expect(evaluate(problem, logPolicy, tradeOff).value).toBeCloseTo(
          evaluate(complete, whole, tradeOff).value,
          9,
        );
        expect(optimum(problem, tradeOff).value).toBeCloseTo(optimum(complete, tradeOff).value, 9);
        expect(regret(problem, logPolicy, tradeOff)).toBeGreaterThan(-1e-12);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it('gives an outcome that the reference excludes no chance, and a policy that takes it no value', () => {
    const problem = { rewards: [[1], [0]], logReference: Float64Array.from([-Infinity, 0]) };
    const tradeOff = { alpha: 0.1, weights: [1] };
    expect(optimum(problem, tradeOff)).toEqual({ value: 0, referenceValue: 0, rewards: [0], kl: 0 });
    const taken = evaluate(problem, Float64Array.from([Math.log(0.5), Math.log(0.5)]), tradeOff);
    expect(taken.value).toBe(-Infinity);
  });

  describe('whose probabilities a network gave', () => {
    const listed = (mass: number): Float64Array => Float64Array.from([0.5, 0.5], (p) => Math.log(p * mass));
    const problem: FiniteProblem = {
      rewards: [[1], [0]],
      logReference: listed(1),
      rounding: networkRounding,
    };
    const tradeOff = { alpha: 0.1, weights: [1] };

    it('takes what rounding may have made for nothing, in the policy as in the reference', () => {
      for (const [ours, theirs] of [
        [1 - 1e-7, 1],
        [1, 1 - 1e-7],
        [1 + 1e-7, 1 - 2e-6],
      ] as const) {
        const found = evaluate({ ...problem, logReference: listed(theirs) }, listed(ours), tradeOff);
        expect(found.invalidMass).toBe(0);
        expect(found.value).toBeCloseTo(0.45, 5);
      }
      expect(invalidMass(listed(1 - 1e-7))).toBeCloseTo(1e-7, 12);
    });

    it('bounds the KL of mass that the policy has beyond rounding, where rounding hides that of the reference', () => {
      const { kl, value, invalidMass: mass } = evaluate(problem, listed(0.99), tradeOff);
      expect(mass).toBeCloseTo(0.01, 12);
      expect(kl).toBeCloseTo(0.99 * Math.log(0.99) + 0.01 * Math.log(0.01 / networkRounding), 12);
      expect(value).toBeCloseTo(0.9 * 0.495 - 0.1 * kl, 12);
      const seen = evaluate({ ...problem, logReference: listed(1 - 1e-4) }, listed(0.99), tradeOff);
      expect(seen.kl).toBeLessThan(kl);
    });
  });

  it('is solved by mixing whole responses of exact experts', () => {
    fc.assert(
      fc.property(world(false), ({ problem, tradeOff }) => {
        const experts = [
          [1, 0],
          [0, 1],
        ].map((corner) => optimalPolicy(problem, { ...tradeOff, weights: corner }));
        const mixed = mixOutcomes(experts, tradeOff.weights);
        expect(regret(problem, mixed, tradeOff)).toBeLessThan(1e-12);
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  it('averages prompts into one point, regret included', () => {
    const logReference = logSoftmax([0, 0]);
    const prompts = [
      [
        [1, 0],
        [0, 1],
      ],
      [
        [0.5, 0.5],
        [0.5, 0.5],
      ],
    ].map((rewards) => ({
      problem: { rewards, logReference },
      logPolicy: logReference,
    }));
    const point = exactPoint(prompts, { alpha: 0.5, weights: [1, 0] });
    expect(point.kl).toBe(0);
    expect(point.regret).toBeCloseTo(point.optimum - 0.25, 12);
    expect(point.optimum).toBeCloseTo((0.5 * Math.log((Math.E + 1) / 2) + 0.25) / 2, 12);
    expect(point.rewards).toEqual([0.5, 0.5]);
    expect(point.invalidMass).toBe(0);
  });

  it('knows what the optimum reaches by outcomes that the reference writes', () => {
    const logReference = Float64Array.from([0.9995, 0.0005].map(Math.log));
    const rewards = [[0.2], [1]];
    const point = (problem: FiniteProblem) =>
      exactPoint([{ problem, logPolicy: problem.logReference }], { alpha: 0.05, weights: [1] });
    const rare = point({ rewards, logReference });
    // exp(.8 / beta) makes the rare outcome the optimum's, and the reference as good as never writes it.
    expect(rare.optimumRewards[0]).toBeGreaterThan(0.99);
    expect(rare.rewardsInReach?.[0]).toBeCloseTo(0.2, 12);
    const common = point({ rewards, logReference: logSoftmax([0, 0]) });
    expect(common.rewardsInReach).toEqual(common.optimumRewards);
    // Nothing listed is in reach: what is left earns nothing.
    const lost = point({ rewards, logReference: Float64Array.from([1e-4, 1e-4].map(Math.log)) });
    expect(lost.rewardsInReach).toEqual([0]);
  });
});

describe('mixing token by token', () => {
  it('normalises at every prefix, for responses of any length', () => {
    // first token a or b; a ends at once, b goes on to c or d
    const paths = [[0], [1, 2], [1, 3]];
    const p = Float64Array.from([0.5, 0.4, 0.1].map(Math.log));
    const q = Float64Array.from([0.2, 0.2, 0.6].map(Math.log));
    const mixed = mixTokens(paths, [p, q], [0.5, 0.5]).map(Math.exp);
    const first = [Math.sqrt(0.5 * 0.2), Math.sqrt(0.5 * 0.8)];
    const second = [Math.sqrt(0.8 * 0.25), Math.sqrt(0.2 * 0.75)];
    const total = (xs: number[]): number => xs.reduce((a, b) => a + b, 0);
    expect(mixed[0]).toBeCloseTo((first[0] ?? 0) / total(first), 12);
    expect(mixed[2]).toBeCloseTo((((first[1] ?? 0) / total(first)) * (second[1] ?? 0)) / total(second), 12);
    expect(total([...mixed])).toBeCloseTo(1, 12);
  });

  it('skips policies without weight, even where they exclude a token', () => {
    const p = Float64Array.from([0, -Infinity]);
    const q = Float64Array.from([0.3, 0.7].map(Math.log));
    expect([...mixTokens([[0], [1]], [p, q], [0, 1])].map(Math.exp)).toEqual([
      expect.closeTo(0.3, 12),
      expect.closeTo(0.7, 12),
    ]);
  });

  it('refuses outcomes of which one continues another', () => {
    const p = Float64Array.from([0.5, 0.5].map(Math.log));
    expect(() => mixTokens([[0], [0, 1]], [p], [1])).toThrow(/continues another/);
    expect(() => mixTokens([[0, 1], [0]], [p], [1])).toThrow(/continues another/);
  });
});

/** With one more outcome that takes the rest of the probability. */
function completed(logs: Float64Array): Float64Array {
  const rest = 1 - logs.reduce((sum, log) => sum + Math.exp(log), 0);
  return Float64Array.from([...logs, Math.log(rest)]);
}

describe('p log p', () => {
  it('is 0 at p = 0, whatever q', () => {
    expect(klTerm(-Infinity, -Infinity)).toBe(0);
    expect(klTerm(-Infinity, -1)).toBe(0);
  });
});
