/** What a report says of sampled fronts, which have errors over prompts. */
import { describe, expect, it } from 'vitest';
import type { Front } from '../../schemas/artifact.js';
import { curve, front, given, sliceOf, withoutExact } from './exact-fronts.js';
import { makeReport, tablesOf } from './make.js';

describe('of sampled fronts', () => {
  const sampled = (one: Front): Front => ({
    ...one,
    points: one.points.map((point) => withoutExact(point)),
  });

  it('experts are the first curve with every corner', async () => {
    const made = await sliceOf([
      ...curve('soft', () => sampled(front({ regret: () => 0, weights: [[0.5, 0.5]], method: 'soft' })), [0]),
      ...curve('rewarded-soup', () => sampled(front({ regret: () => 0, method: 'rewarded-soup' })), [0]),
    ]);
    const soup = made.curves[1]?.figures;
    expect([soup?.hypervolume?.n, soup?.span?.mean]).toEqual([1, 1]);
    expect(made.calibration?.source).toBe('0 is the reference model, 1 the experts of rewarded-soup');
  });

  it('the errors of KL and V over prompts stand beside the figures that they are of', async () => {
    // 48 prompts, two answers each, log-ratios with a deviation of 3: .0123 and .0119 differ by far less than .015.
    const noisy = (gain: number) => (): Front => {
      const one = sampled(front({ regret: () => 0 }));
      const level = (w: readonly number[]): number[] => w.map(() => 0.2 + (0.1 + gain) / 0.9);
      return {
        ...one,
        points: one.points.map((point) => ({
          ...{ ...point, rewards: level(point.weights), klStderr: 0.31, valueStderr: 0.015 },
        })),
      };
    };
    const fronts = [...curve('a', noisy(0.0119), [0, 1]), ...curve('b', noisy(0.0123), [0, 1])];
    const { summary, html, file } = await makeReport(fronts);
    const [slice] = summary.slices;
    expect(slice?.findings).toEqual([
      'Gain in V over the reference model, sampled, highest first (± the standard error of V over prompts): ' +
        'b 0.0123 ± 0.0150, a 0.0119 ± 0.0150.',
      'At equal weights, sampled, b has the highest V in 2 of 2 seeds.',
    ]);
    expect(slice?.curves[0]?.figures['kl-error']?.mean).toBeCloseTo(0.31, 12);
    const [head, row] = tablesOf(html).find(([names]) => names?.includes('error of V')) ?? [];
    expect(row?.[head?.indexOf('error of V') ?? -1]).toBe('0.0150');
    expect(html).toContain('; whiskers are two standard errors over prompts.');
    const whiskers = /Value at each weight<\/h2>[^]*?<\/svg>/
      .exec(html)?.[0]
      .match(/yHigh: 0\.2[^"]*curve: a/g);
    expect(whiskers?.length).toBeGreaterThan(10);
    expect(file('fronts.csv').split('\r\n')[1]?.endsWith(',0.31,0.015')).toBe(true);
    const exact = await sliceOf(curve('a', () => front({ regret: () => 0.01 }), [0]));
    expect(exact.curves[0]?.figures['value-error']?.n).toBe(0);
  });

  it('verdicts hold of the prompts that all seeds share, and say so', async () => {
    const on = (gain: number, prompts: (seed: number) => string) => (seed: number) => {
      const one = sampled(front({ regret: () => 0, rewards: () => [0.3 + gain / 0.9, 0.3 + gain / 0.9] }));
      const points = one.points.map((point) => ({ ...point, valueStderr: 0.015 }));
      return { ...one, points, prompts: { digest: prompts(seed), n: 64 } };
    };
    const verdicts = async (prompts: (seed: number) => string): Promise<string[]> =>
      given(await sliceOf([...curve('a', on(0.0004, prompts)), ...curve('b', on(0, prompts))]));
    expect(await verdicts(() => 'p')).toEqual(['a - b: alike, within 0.001, on these prompts']);
    expect(await verdicts(String)).toEqual(['a - b: alike, within 0.001']);
  });

  it.each([
    { n: undefined, half: null },
    { n: 2, half: null },
    { n: 3, half: 4.302653 },
    { n: 64, half: 1.998341 },
  ])(
    'changes over $n prompts with rewards, of 64, have the quantile of Student for them',
    async ({ n, half }) => {
      const { points, reference, ...rest } = sampled(front({ regret: () => 0 }));
      const scored: { readonly prompts?: number } = n === undefined ? {} : { prompts: n };
      const one = {
        ...{ ...rest, reference: { ...reference, ...scored }, prompts: { digest: 'p', n: 64 } },
        points: points.map((point) => ({ ...point, ...scored })),
      };
      const made = await sliceOf(curve('a', () => one, [0]));
      const [change] = made.changes;
      const error = Math.hypot(0.01, 0.01);
      if (half === null) expect([change?.low, change?.high]).toEqual([null, null]);
      else expect((change?.high ?? NaN) - (change?.change ?? NaN)).toBeCloseTo(half * error, 6);
    },
  );
});
