import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../stages/random.js';
import { bootstrapInterval } from '../../stages/statistics/bootstrap.js';
import { cohenKappa } from '../../stages/statistics/cohen-kappa.js';
import {
  incompleteBeta,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from '../../stages/statistics/distributions.js';
import { fisherExact } from '../../stages/statistics/fisher-exact.js';
import { holm } from '../../stages/statistics/holm.js';
import { pairedTInterval, pairedTTest, tInterval, wilsonInterval } from '../../stages/statistics/interval.js';
import { kendallTauB, spearmanRho } from '../../stages/statistics/rank-correlation.js';
import { signFlipInterval, signFlipTest } from '../../stages/statistics/sign-flip.js';
import { verdictBelow } from '../../stages/statistics/verdict.js';

const random = (): Random => new Random(1, 'statistics test');

describe('distributions', () => {
  it('agree with their closed forms', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(normalCdf(0)).toBe(0.5);
    // Cauchy and, for two degrees of freedom, t / (2 sqrt(2 + t^2))
    for (const t of [-3, -0.2, 0.7, 12]) {
      expect(studentCdf(t, 1)).toBeCloseTo(0.5 + Math.atan(t) / Math.PI, 12);
      expect(studentCdf(t, 2)).toBeCloseTo(0.5 + t / (2 * Math.sqrt(2 + t * t)), 12);
    }
    expect(studentQuantile(0.975, 2)).toBeCloseTo(4.302652729749462, 9);
    expect(studentQuantile(0.975, 1e6)).toBeCloseTo(1.96, 4);
    expect(incompleteBeta(0.3, 1, 4)).toBeCloseTo(1 - 0.7 ** 4, 12);
  });

  it('are inverted by their quantiles', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 60 }),
        (p, df) => {
          expect(studentCdf(studentQuantile(p, df), df)).toBeCloseTo(p, 9);
          expect(normalCdf(normalQuantile(p))).toBeCloseTo(p, 11);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe('intervals', () => {
  it('need two values', () => {
    expect(tInterval([1])).toBeNull();
    expect(tInterval([])).toBeNull();
    const two = tInterval([0, 2]);
    expect(two?.high).toBeCloseTo(1 + 12.706204736174698, 8);
    expect(two?.low).toBeCloseTo(1 - 12.706204736174698, 8);
  });

  it('of pairs see the difference only', () => {
    const a = [10, 20, 30];
    const b = [9, 18.5, 29];
    const paired = pairedTInterval(a, b);
    expect(paired?.low).toBeGreaterThan(0);
    expect(pairedTTest(a, a)).toBe(1);
    expect(() => pairedTInterval([1, 2], [1])).toThrow(/internal error/);
  });

  it('cover at their level', () => {
    const draws = random();
    let covered = 0;
    for (let i = 0; i < 1000; i++) {
      const interval = tInterval(Array.from({ length: 5 }, () => draws.normal()));
      if (interval && interval.low < 0 && interval.high > 0) covered += 1;
    }
    expect(covered / 1000).toBeGreaterThan(0.93);
    expect(covered / 1000).toBeLessThan(0.97);
  });

  it('of proportions stay within [0, 1] and mirror', () => {
    expect(wilsonInterval(0, 10).low).toBe(0);
    const [few, many] = [wilsonInterval(2, 9), wilsonInterval(7, 9)];
    expect(few.low).toBeCloseTo(1 - many.high, 12);
  });

  it('of the bootstrap are repeatable and hold the mean', () => {
    const items = Array.from({ length: 40 }, (_, i) => i);
    const mean = (sample: readonly number[]): number => sample.reduce((a, b) => a + b, 0) / sample.length;
    const once = bootstrapInterval(items, mean, { random: random() });
    expect(bootstrapInterval(items, mean, { random: random() })).toEqual(once);
    expect(once?.low).toBeCloseTo(19.5 - 1.96 * (11.54 / Math.sqrt(40)), 0);
    expect(once?.high).toBeCloseTo(19.5 + 1.96 * (11.54 / Math.sqrt(40)), 0);
    expect(bootstrapInterval([1], mean, { random: random() })).toBeNull();
  });
});

describe('sign-flip test', () => {
  it('counts sign patterns that are as extreme', () => {
    expect(signFlipTest([1, 2, 3], { random: random() })).toEqual({ p: 0.25, exact: true });
    expect(signFlipTest([1, -1], { random: random() }).p).toBe(1);
    expect(signFlipTest([0.1, 0.2, 0.3, -0.05], { random: random() }).p).toBe(4 / 16);
    expect(signFlipTest(new Array<number>(10).fill(0.3), { random: random() }).p).toBe(2 / 1024);
    expect(signFlipTest(new Array<number>(20).fill(0.3), { random: random() })).toEqual({
      ...{ p: 2 ** -19, exact: true },
    });
    expect(signFlipTest(new Array<number>(21).fill(0.3), { random: random(), draws: 10 }).exact).toBe(false);
    expect(signFlipTest([], { random: random() }).p).toBeNaN();
  });

  it('draws where there are too many, to the same p-value', () => {
    const differences = [0.5, 0.2, -0.1, 0.4, 0.3, -0.35, 0.1, 0.6, 0.25, -0.05];
    const exact = signFlipTest(differences, { random: random() });
    const drawn = signFlipTest(differences, { random: random(), exactUpTo: 5, draws: 20_000 });
    expect(drawn.exact).toBe(false);
    expect(Math.abs(drawn.p - exact.p)).toBeLessThan(0.01);
  });

  it('rejects at its level when nothing differs', () => {
    const draws = random();
    let rejected = 0;
    for (let i = 0; i < 400; i++)
      if (
        signFlipTest(
          Array.from({ length: 8 }, () => draws.normal()),
          { random: draws },
        ).p <= 0.05
      )
        rejected += 1;
    expect(rejected / 400).toBeLessThan(0.085);
    expect(rejected).toBeGreaterThan(4);
  });
});

describe('fisher exact', () => {
  it('has the p-value of the lady tasting tea', () => {
    expect(fisherExact({ successes: 3, n: 4 }, { successes: 1, n: 4 })).toBeCloseTo(34 / 70, 9);
    expect(fisherExact({ successes: 4, n: 4 }, { successes: 0, n: 4 })).toBeCloseTo(2 / 70, 9);
  });

  it('is symmetric, and 1 for equal rates', () => {
    const [a, b] = [
      { successes: 6, n: 15 },
      { successes: 0, n: 6 },
    ];
    expect(fisherExact(a, b)).toBeCloseTo(fisherExact(b, a), 12);
    expect(fisherExact({ successes: 2, n: 5 }, { successes: 2, n: 5 })).toBeCloseTo(1, 9);
  });
});

describe('holm', () => {
  it('steps down without ever falling', () => {
    const [a, b, c] = holm([0.01, 0.04, 0.03]);
    expect([a, b, c]).toEqual([expect.closeTo(0.03, 12), expect.closeTo(0.06, 12), expect.closeTo(0.06, 12)]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});

describe('rank correlations', () => {
  it('are 1, -1, and 0 for a constant', () => {
    for (const correlation of [kendallTauB, spearmanRho]) {
      expect(correlation([1, 2, 3], [2, 4, 9])).toBeCloseTo(1, 12);
      expect(correlation([1, 2, 3], [9, 4, 2])).toBeCloseTo(-1, 12);
      expect(correlation([1, 2, 3], [5, 5, 5])).toBe(0);
    }
  });

  it('account for ties on both sides', () => {
    expect(kendallTauB([1, 1, 2], [1, 2, 2])).toBeCloseTo(0.5, 12);
  });
});

describe('agreement', () => {
  it('is 1 for equal labels, 0 for chance', () => {
    expect(cohenKappa(['a', 'b', 'a'], ['a', 'b', 'a'])).toBe(1);
    expect(cohenKappa(['a', 'a', 'b', 'b'], ['a', 'b', 'a', 'b'])).toBe(0);
    expect(cohenKappa(['a', 'a'], ['a', 'a'])).toBe(1);
  });
});

describe('verdicts', () => {
  it('follow the interval and its margin', () => {
    expect(verdictBelow({ low: -0.3, high: -0.1 }, 0)).toBe('holds');
    expect(verdictBelow({ low: 0.1, high: 0.2 }, 0)).toBe('does not hold');
    expect(verdictBelow({ low: -0.1, high: 0.1 }, 0)).toBe('undecided');
    expect(verdictBelow(null, 0)).toBe('undecided');
  });
});

describe('the interval of a sign-flip test', () => {
  it('holds the shifts that the test does not reject', () => {
    const gap = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(gap, { minLength: 6, maxLength: 10 }),
        fc.double({ min: -1.5, max: 1.5, noNaN: true }),
        fc.constantFrom(0.9, 0.95, 0.99),
        (gaps, shift, level) => {
          const interval = signFlipInterval(gaps, level, { random: random() });
          const { p } = signFlipTest(
            gaps.map((one) => one - shift),
            { random: random() },
          );
          if (interval === null) expect(2 ** (1 - gaps.length)).toBeGreaterThan(1 - level);
          else if (Math.min(Math.abs(shift - interval.low), Math.abs(shift - interval.high)) > 1e-9)
            expect(p > 1 - level).toBe(shift > interval.low && shift < interval.high);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  it('of five pairs is none at .95, and of ten their extremes at the least level', () => {
    expect(signFlipInterval([1, 2, 3, 4, 5], 0.95, { random: random() })).toBeNull();
    const ten = [3, 1, 4, 1.5, 9, 2.6, 5, 3.5, 8, 7];
    expect(signFlipInterval(ten, 1 - 2 ** -9, { random: random() })).toEqual({ low: 1, high: 9 });
  });

  it('by random subsets is near that by all', () => {
    const gaps = Array.from({ length: 16 }, (_, i) => Math.sin(7 * i) + 0.3);
    const [all, drawn] = [16, 0].map((exactUpTo) =>
      signFlipInterval(gaps, 0.95, { random: random(), exactUpTo }),
    );
    expect(drawn?.low).toBeCloseTo(all?.low ?? NaN, 1.7);
    expect(drawn?.high).toBeCloseTo(all?.high ?? NaN, 1.7);
  });
});
