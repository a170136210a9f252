import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../stages/random.js';
import { drawInEpochs } from '../../stages/rl/epochs.js';
import { tradeOffsOfGrid } from '../../stages/rl/front-grid.js';
import { drawTradeOff, simplexGrid, trainingAlpha } from '../../stages/rl/trade-offs.js';

describe('grids of weights', () => {
  it('have 11 points for two rewards and 66 for three', () => {
    expect(simplexGrid(2, 11)).toHaveLength(11);
    expect(simplexGrid(3, 11)).toHaveLength(66);
    expect(simplexGrid(1, 11)).toEqual([[1]]);
    expect(simplexGrid(2, 3)).toEqual([
      [0, 1],
      [0.5, 0.5],
      [1, 0],
    ]);
  });

  const policy = {
    objectives: ['a', 'b'],
    domain: { alpha: [0.02, 0.5] as const, weights: 'simplex' as const },
  };

  it('are asked for at every alpha, at the least of a range where none is named', () => {
    const weights = { simplex: 2 };
    expect(tradeOffsOfGrid({ weights, alpha: 'trained' }, policy).map(({ alpha }) => alpha)).toEqual([
      0.02, 0.02,
    ]);
    expect(tradeOffsOfGrid({ weights, alpha: [0.1, 0.2] }, policy)).toEqual([
      { alpha: 0.1, weights: [0, 1] },
      { alpha: 0.1, weights: [1, 0] },
      { alpha: 0.2, weights: [0, 1] },
      { alpha: 0.2, weights: [1, 0] },
    ]);
  });

  it('have the middle where the simplex misses it, unless the corners alone are asked for', () => {
    const asked = (m: number, simplex: number): readonly (readonly number[])[] =>
      tradeOffsOfGrid(
        { weights: { simplex }, alpha: 0.1 },
        { ...policy, objectives: ['a', 'b', 'c'].slice(0, m) },
      ).map(({ weights }) => weights);
    const third = 1 / 3;
    expect(asked(3, 11)).toEqual([...simplexGrid(3, 11), [third, third, third]]);
    // In order: the front of two rewards is drawn as a line through its points.
    expect(asked(2, 4).map(([first]) => first)).toEqual([0, 1 / 3, 0.5, 2 / 3, 1]);
    for (const [m, n] of [
      ...[[3, 4] as const, [3, 10] as const, [3, 2] as const],
      ...[[2, 11] as const, [2, 2] as const, [1, 11] as const],
    ])
      expect(asked(m, n), `${m} ${n}`).toEqual(simplexGrid(m, n));
    expect(asked(3, 10)).toContainEqual([third, third, third]);
  });

  it('are the own points of a policy that answers a list', () => {
    const fixed = { ...policy, domain: { alpha: 0.1, weights: [[0.25, 0.75]] } };
    expect(tradeOffsOfGrid({ weights: { simplex: 11 }, alpha: 'trained' }, fixed)).toEqual([
      { alpha: 0.1, weights: [0.25, 0.75] },
    ]);
  });

  it('refuse points of another number of objectives', () => {
    expect(() => tradeOffsOfGrid({ weights: [[0.2, 0.3, 0.5]], alpha: 'trained' }, policy)).toThrow(
      'the policy has 2 objectives (a, b), the grid asks for the weights [0.2, 0.3, 0.5]',
    );
  });
});

describe('draws of trade-offs', () => {
  const draws = (sampling: Parameters<typeof drawTradeOff>[0], m = 2) => {
    const random = new Random(1, 'test');
    return Array.from({ length: 4000 }, () => drawTradeOff(sampling, m, random));
  };

  it('lie on the simplex and in the range of alpha', () => {
    const alpha = { range: [0.02, 0.5] as const, scale: 'log' as const };
    for (const draw of draws({ weights: { dirichlet: 0.5 }, corners: 0.1, alpha }, 3)) {
      expect(draw.weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      expect(Math.min(...draw.weights)).toBeGreaterThanOrEqual(0);
      expect(draw.alpha).toBeGreaterThanOrEqual(0.02);
      expect(draw.alpha).toBeLessThanOrEqual(0.5);
    }
  });

  it('go to corners as often as they are told', () => {
    const corners = draws({ weights: { dirichlet: 1 }, corners: 0.3, alpha: 0.1 }).filter(({ weights }) =>
      weights.includes(1),
    );
    expect(corners.length / 4000).toBeCloseTo(0.3, 1);
    expect(
      draws({ weights: 'corners', corners: 0, alpha: 0.1 }).every(({ weights }) => weights.includes(1)),
    ).toBe(true);
  });

  it('are uniform in log alpha, or in alpha', () => {
    const share = (scale: 'log' | 'uniform') =>
      draws({ weights: { dirichlet: 1 }, corners: 0, alpha: { range: [0.01, 0.25], scale } }).filter(
        ({ alpha }) => alpha < 0.05,
      ).length / 4000;
    expect(share('log')).toBeCloseTo(0.5, 1); // 0.05 is the geometric middle
    expect(share('uniform')).toBeCloseTo(1 / 6, 1);
  });

  it('take grid points each as often', () => {
    const counts = new Map<number, number>();
    for (const { weights } of draws({ weights: { simplex: 5 }, corners: 0, alpha: 0.1 }))
      counts.set(weights[0] ?? NaN, (counts.get(weights[0] ?? NaN) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    for (const count of counts.values()) expect(count / 4000).toBeCloseTo(0.2, 1);
  });
});

describe('annealing', () => {
  const at = (step: number) => trainingAlpha({ from: 0.2, share: 0.5 }, 0.05, { step, steps: 100 });

  it('comes down geometrically and has arrived after its share of the steps', () => {
    expect(at(0)).toBeCloseTo(0.2, 12);
    expect(at(25)).toBeCloseTo(0.1, 12);
    expect([at(50), at(99)]).toEqual([0.05, 0.05]);
    expect(trainingAlpha('constant', 0.05, { step: 0, steps: 100 })).toBe(0.05);
  });

  it('never goes below what is asked for', () => {
    expect(trainingAlpha({ from: 0.1, share: 0.5 }, 0.3, { step: 0, steps: 100 })).toBe(0.3);
  });
});

describe('epochs', () => {
  it('bring every item once, in an order of their own, wherever they are cut', () => {
    const items = ['a', 'b', 'c', 'd', 'e'];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 12 }), (start, count) => {
        const draw = (from: number, n: number) =>
          drawInEpochs(items, { seed: 3, purpose: 'test', start: from, count: n });
        const whole = draw(0, 40);
        expect(draw(start, count)).toEqual(whole.slice(start, start + count));
        for (let epoch = 0; epoch < 8; epoch++)
          expect([...whole.slice(5 * epoch, 5 * epoch + 5)].sort()).toEqual(items);
      }),
    );
    expect(drawInEpochs(items, { seed: 3, purpose: 'test', start: 0, count: 40 })).not.toEqual(
      drawInEpochs(items, { seed: 4, purpose: 'test', start: 0, count: 40 }),
    );
  });
});
