import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { contradiction, drawNews } from '../../stages/worlds/news/draw.js';
import { expectations, type Expectation } from '../../stages/worlds/news/expected.js';
import type { NewsFacts } from '../../stages/worlds/news/facts.js';
import { dials, type NewsReward } from '../../stages/worlds/news/rewards.js';
import { newsOracleErrors, type NewsOracle } from '../../stages/worlds/news/oracle.js';
import { clausesOf } from '../../stages/worlds/news/summary.js';
import { clauseTree, type SlotWords } from '../../stages/worlds/news/tree.js';
import { Random } from '../../stages/random.js';

const alpha = 0.05;
const edge = Array.from({ length: 11 }, (_, i) => [1 - i / 10, i / 10]);

/** The clauses of a few items of each size. */
const items: readonly SlotWords[] = (['small', 'full'] as const).flatMap((size) =>
  (drawNews({ size, seed: 0, counts: { test: 3 } }).test ?? []).map((row) => {
    const facts = row.facts as NewsFacts;
    return { ...clausesOf(facts), x: contradiction(facts, size, new Random(0, row.id)) };
  }),
);

describe.each(items.map((words, i) => [i, words] as const))('expected of item %i', (_i, words) => {
  const along = (kappa: number, pair: readonly NewsReward[]): readonly Expectation[] =>
    expectations(clauseTree(words, kappa), pair, { alpha, weights: edge });
  const gaps = (kappa: number, pair: readonly NewsReward[]) => {
    const all = along(kappa, pair).map(({ mixingGap }) => mixingGap);
    return { mean: all.reduce((a, b) => a + b, 0) / all.length, max: Math.max(...all) };
  };

  it.each([
    ['opposed', ['nli', 'rouge'], 0.026, 0.0952],
    ['aligned', ['nli', 'rouge'], 0.0012, 0.007],
    ['opposed', ['nli', 'tldr'], 0.04, 0.1508],
    ['aligned', ['nli', 'tldr'], 0.0004, 0.002],
    ['opposed', ['rouge', 'tldr'], 0.001, 0.0059],
    ['aligned', ['rouge', 'tldr'], 0.001, 0.006],
  ] as const)('%s %s: mixing loses %f of V on average, %f at most', (dial, pair, mean, max) => {
    const found = gaps(dials[dial], pair);
    expect(Math.abs(found.mean - mean)).toBeLessThan(0.0006);
    expect(Math.abs(found.max - max)).toBeLessThan(0.0007);
  });

  it('the optimum at (.5, .5) hedges where the dial is opposed; neither expert does', () => {
    const [first, , , , , middle, , , , , last] = along(dials.opposed, ['nli', 'rouge']);
    expect(middle?.hedge).toBeCloseTo(0.855, 3);
    expect(first?.hedge).toBeCloseTo(0.0072, 4);
    expect(last?.hedge).toBeCloseTo(0.0026, 4);
    expect(along(dials.aligned, ['nli', 'rouge'])[5]?.hedge).toBeLessThan(0.05);
  });

  it('mixing is exact at the corners', () => {
    const all = along(dials.opposed, ['nli', 'rouge']);
    for (const corner of [all[0], all[10]]) expect(Math.abs(corner?.mixingGap ?? 1)).toBeLessThan(1e-12);
  });
});

const path = fileURLToPath(new URL('../../../shared/oracles/news.json', import.meta.url));
const present = existsSync(path);
if (!present) console.warn(`skipped: the clause tree of reference is not at ${path}`);

describe.skipIf(!present)('the clause tree of reference', () => {
  const oracle = (): NewsOracle => JSON.parse(readFileSync(path, 'utf8')) as NewsOracle;

  it('is met in texts, rewards, probabilities, optima and mixing gaps', () => {
    const errors = newsOracleErrors(oracle());
    expect(errors.text).toBe(0);
    for (const [group, error] of Object.entries(errors))
      expect({ group, close: error < 1e-8 }).toEqual({ group, close: true });
  });

  it('would not be met by another dial, alpha or probability', () => {
    const known = oracle();
    const [first] = known.dials;
    if (!first) throw new Error('the oracle has no dial');
    expect(newsOracleErrors({ ...known, dials: [{ ...first, kappa: 0.5 }] }).rewards).toBeGreaterThan(0.1);
    expect(newsOracleErrors({ ...known, alpha: 0.1 }).V_star).toBeGreaterThan(0.01);
    expect(
      newsOracleErrors({ ...known, reference_prob: [...known.reference_prob].reverse() }).reference_prob,
    ).toBeGreaterThan(0.01);
    expect(newsOracleErrors({ ...known, reference_prob: [] }).reference_prob).toBe(Infinity);
  });
});
