/** What may be compared, ranked and decided: only like with like, and by a margin. */
import { describe, expect, it } from 'vitest';
import type { Front } from '../../schemas/artifact.js';
import { judgedTogether, pairedBy } from '../../stages/report/judge.js';
import { curve, front, given, grid, judged, sliceOf, spread, ten } from './exact-fronts.js';
import { type Fronts, makeReport, summaryOf, tablesOf } from './make.js';

describe('curves over other weights', () => {
  const clp = (seed: number): Front =>
    front({ regret: (w) => (w[0] === 0.5 ? 0.0001 : 0.0209) + seed * 1e-6 });
  const soft = (seed: number): Front =>
    front({ regret: () => 0.001 + spread(0.005)(seed), weights: [[0.5, 0.5]], method: 'soft' });

  it('are compared where both answer, and neither ranked nor bold', async () => {
    // The means over all weights, .0209 against about .008, said the contrary.
    const made = await sliceOf([...curve('clp', clp), ...curve('soft', soft)]);
    expect(given(made)).toEqual(['clp - soft: lower, by more than 0.001']);
    expect(judged(made)[0]?.note).toBe('1 of 11 weights are in both');
    expect(judged(made)[0]?.difference.mean).toBeCloseTo(0.0001 + 4.5e-6 - 0.001 - 0.00725, 9);
    expect(made.findings).toEqual(['Not ranked: soft (other weights).']);
    expect(made.html).not.toContain('class="best"');
    expect(made.html).toContain('lower: by more than 0.001; 1 of 11 weights are in both');
  });

  it('leave a ranking to those that most are like', async () => {
    const made = await sliceOf([
      ...curve('a', () => front({ regret: () => 0.02 }), [0]),
      ...curve('b', () => front({ regret: () => 0.01 }), [0]),
      ...curve('c', () => front({ regret: () => 0.001, weights: [[1, 0]] }), [0]),
    ]);
    expect(made.findings[0]).toBe(
      'Mean V-regret against the exact optimum, lowest first: b 0.0100, a 0.0200.',
    );
    expect(made.findings.at(-1)).toBe('Not ranked: c (other weights).');
  });

  it('at one seed, of all alike, are like each other', async () => {
    const of = (regret: number) => (seed: number) =>
      front({ regret: () => regret, weights: seed === 0 ? [[0.5, 0.5]] : grid(11) });
    const made = await sliceOf([...curve('a', of(0.02)), ...curve('b', of(0.01))]);
    expect(made.unranked).toEqual([]);
    expect(made.findings[0]).toContain('lowest first: b 0.0100, a 0.0200');
  });

  it('ranked with one that does not say its prompts are still not asked on those of each other', async () => {
    const on = (prompts?: string) => (): Front => ({
      ...front({ regret: () => 0.01 }),
      ...(prompts === undefined ? {} : { prompts: { digest: prompts, n: 8 } }),
    });
    const older = await sliceOf([
      ...curve('older', on(), [0]),
      ...curve('a', on('p'), [0]),
      ...curve('b', on('q'), [0]),
    ]);
    expect(older.unranked).toEqual([{ curve: 'b', why: 'other prompts' }]);
    const most = await sliceOf([
      ...curve('older', on(), [0]),
      ...curve('a', on('p'), [0]),
      ...curve('b', on('q'), [0]),
      ...curve('c', on('q'), [0]),
    ]);
    expect(most.unranked).toEqual([{ curve: 'a', why: 'other prompts' }]);
  });
});

describe('no verdict', () => {
  const low = (seed: number): Front => front({ regret: () => 0.001 + spread(0.001)(seed) });
  const high = (seed: number): Front => front({ regret: () => 0.03 + spread(0.001)(seed) });

  it('is given where prompts, reference or decoding are not the same', async () => {
    const digest = (name: string) => (seed: number) => ({ digest: name + String(seed), n: 8 });
    const of = (change: (front: Front, seed: number) => Front): Fronts => [
      ...curve('a', (seed) => ({ ...low(seed), prompts: digest('p')(seed) })),
      ...curve('b', (seed) => change({ ...high(seed), prompts: digest('p')(seed) }, seed)),
    ];
    expect(given(await sliceOf(of((one) => one)))).toEqual(['a - b: lower, by more than 0.001']);
    const others = of((one, seed) => ({ ...one, prompts: digest('q')(seed) }));
    const made = await sliceOf(others);
    expect(given(made)).toEqual(['a - b: undecided, other prompts']);
    expect(judged(made)[0]?.adjusted).toBeNull();
    expect(made.findings).toContain('Not ranked: b (other prompts).');
    const decoding = { temperature: 0.5, top_k: 0, top_p: 1, min_p: 0, stop: [] };
    expect(given(await sliceOf(of((one) => ({ ...one, decoding }))))).toEqual([
      'a - b: undecided, other `decoding`',
    ]);
    const withReference = (name: string) => (one: { coordinates: Record<string, string>; front: Front }) => ({
      ...one,
      front: { ...one.front, reference: { ...one.front.reference, digest: name } },
    });
    expect(
      given(
        await sliceOf([
          ...curve('a', low).map(withReference('one')),
          ...curve('b', high).map(withReference('two')),
        ]),
      ),
    ).toEqual(['a - b: undecided, another reference model']);
  });

  it('is given on a variant that was not asked as its twin was, but on one with another reference', async () => {
    const prompts = { digest: 'p', n: 64 };
    const reference = { ...low(0).reference, digest: 'one' };
    const verdictOf = async (change: Partial<Front>): Promise<(string | null | undefined)[]> => {
      const variant = (seed: number): Front => ({ ...high(seed), prompts, reference, ...change });
      const { ablations } = await sliceOf([
        ...curve('a', (seed) => ({ ...low(seed), prompts, reference })),
        ...ten.map((seed) => ({
          coordinates: { method: 'a', ablation: 'varied', seed: String(seed) },
          front: variant(seed),
        })),
      ]);
      const [row] = ablations[0]?.differences ?? [];
      return [row?.verdict, row?.why];
    };
    const decoding = { temperature: 0, top_k: 0, top_p: 1, min_p: 0, stop: [] };
    expect(await verdictOf({})).toEqual(['higher', 'by more than 0.001']);
    expect(await verdictOf({ prompts: { digest: 'p', n: 8 } })).toEqual(['undecided', 'other prompts']);
    expect(await verdictOf({ decoding })).toEqual(['undecided', 'other `decoding`']);
    expect(await verdictOf({ reference: { ...reference, digest: 'own' } })).toEqual([
      'higher',
      'by more than 0.001',
    ]);
  });

  it('rests on a curve most of whose answers are not listed, and one bad point makes none such', async () => {
    const invalidAt = (worst: (seed: number, i: number) => number): Fronts => [
      ...curve('a', (seed) => ({
        ...front({ regret: () => 0.001 + spread(0.001)(seed), invalid: (i) => worst(seed, i) }),
      })),
      ...curve('b', high),
    ];
    const { summary } = await summaryOf(invalidAt((seed, i) => (seed === 3 && i === 10 ? 0.6 : 0.01)));
    expect(summary.slices[0]?.findings.join(' ')).not.toContain('Not ranked');
    expect(summary.slices.flatMap(given)).toEqual(['a - b: lower, by more than 0.001']);
    expect(summary.warnings).toEqual([
      'a leaves the listed responses with probability up to 0.600 at seed 3: its KL is a lower bound there, and its regret too.',
    ]);
    const most = await sliceOf(invalidAt(() => 0.6));
    expect(given(most)).toEqual(['a - b: undecided, most of what a answers is not listed']);
    expect(most.html).not.toContain('class="best"');
  });

  it('is possible where Holm asks for more than the pairs can give, and it is said', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const made = await sliceOf(
      names.flatMap((name, i) => curve(name, (seed) => front({ regret: () => 0.1 * i + 0.001 * seed }))),
    );
    expect(judged(made)).toHaveLength(28);
    expect(new Set(judged(made).map(({ why }) => why))).toEqual(
      new Set(['with 28 comparisons p (Holm) is at least 0.055']),
    );
  });
});

describe('a margin', () => {
  const base = (seed: number): number => 0.01 + 0.001 * seed;
  const fronts = (gap: (seed: number) => number): Fronts => [
    ...curve('a', (seed) => front({ regret: () => base(seed) - gap(seed) })),
    ...curve('b', (seed) => front({ regret: () => base(seed) })),
  ];

  it('keeps a difference that means nothing from being a verdict', async () => {
    const tiny = fronts(() => 1e-5);
    expect(given(await sliceOf(tiny))).toEqual(['a - b: alike, within 0.001']);
    expect(given(await sliceOf(tiny, { margin: 0 }))).toEqual(['a - b: lower']);
    expect(given(await sliceOf(fronts(spread(0.002))))).toEqual(['a - b: lower, by more than 0.001']);
    expect(given(await sliceOf(fronts(spread(-0.002))))).toEqual(['a - b: higher, by more than 0.001']);
  });

  it('that the interval holds leaves it undecided', async () => {
    const made = await sliceOf(fronts(spread(0.0007)));
    expect(given(made)).toEqual(['a - b: undecided, the interval is not clear of ±0.001']);
    const [row] = judged(made);
    expect(row?.range?.low).toBeLessThan(-0.001);
    expect(row?.range?.high).toBeGreaterThan(-0.001);
    expect(given(await sliceOf(fronts(spread(0.0007)), { margin: 0.0001 }))).toEqual([
      'a - b: lower, by more than 0.0001',
    ]);
  });
});

describe('the steps of Holm', () => {
  /** Powers of two, of which the negative ones sum to `below`: p is (below + 1) / 512. */
  const row = (below: number) =>
    pairedBy(ten.map((i) => ({ seed: String(i), difference: below & (2 ** i) ? -(2 ** i) : 2 ** i })));

  it('give each row its own level where adjusted p values are the same, in any order', () => {
    for (const rows of [
      [row(19), row(11)],
      [row(11), row(19)],
    ]) {
      expect(new Set(rows.map(({ p }) => p * 512))).toEqual(new Set([12, 20]));
      const made = judgedTogether(rows, { margin: 0, holdsOf: '' });
      expect(made.map(({ adjusted }) => adjusted)).toEqual([24 / 512, 24 / 512]);
      expect(made.map(({ verdict }) => verdict)).toEqual(['higher', 'higher']);
    }
  });
});

describe('what claims rest on beside the mean', () => {
  it('is maximum regret, paired and described', async () => {
    const made = await sliceOf([
      ...curve('a', () => front({ regret: (w) => (w[0] === 0 ? 0.28 : 0.01) })),
      ...curve('b', () => front({ regret: () => 0.01 })),
    ]);
    const row = made.differences.find(({ measure }) => measure === 'regret-max');
    expect(row?.difference.mean).toBeCloseTo(0.27, 12);
    expect([row?.p, row?.verdict]).toEqual([2 ** -9, null]);
  });

  it('is how many seeds locked in, by the exact test of Fisher', async () => {
    const flat = (): Front => front({ regret: () => 0.01, rewards: () => [0.5, 0.5] });
    const steered = (): Front => front({ regret: () => 0.01 });
    const made = await sliceOf([
      ...curve('a', (seed) => (seed < 5 ? flat() : steered())),
      ...curve('b', steered),
    ]);
    expect(made.lockIn.rates.map(({ curve: name, lockedIn, seeds }) => [name, lockedIn, seeds])).toEqual([
      ['a', 5, 10],
      ['b', 0, 10],
    ]);
    // 2 C(10,5) C(10,0) / C(20,5)
    expect(made.lockIn.pairs[0]?.p).toBeCloseTo((2 * 252) / 15504, 9);
    const table = tablesOf(made.html).find(([head]) => head?.[1] === 'locked in');
    expect(table?.[1]).toEqual(['a', '5 of 10 [0.24, 0.76]', '0']);
    expect(tablesOf(made.html).find(([head]) => head?.[1]?.startsWith('p (F'))?.[1]).toEqual([
      'a − b',
      '0.033',
    ]);
  });

  it('is how many locked in, of curves that share no seed too', async () => {
    const steered = (): Front => front({ regret: () => 0.01 });
    const { html } = await sliceOf([...curve('a', steered, [0, 1]), ...curve('b', steered, [2, 3])]);
    expect(html).not.toContain('Differences, paired by seed');
    expect(tablesOf(html).find(([head]) => head?.[1] === 'locked in')).toHaveLength(3);
  });

  it('is additive epsilon, both ways', async () => {
    const half = (w: readonly number[]): number[] => w.map((x) => 0.5 * x);
    const made = await sliceOf([
      ...curve('a', () => front({ regret: () => 0.01 })),
      ...curve('b', () => front({ regret: () => 0.01, rewards: half })),
    ]);
    // a's (.7, .3) is above b's (.5, 0) by .2 or more; nothing of b is nearer than .5 to a's (1, 0).
    expect(made.epsilons.map(({ a, b, epsilon }) => [a, b, epsilon.mean?.toFixed(9), epsilon.n])).toEqual([
      ['a', 'b', '-0.200000000', 10],
      ['b', 'a', '0.500000000', 10],
    ]);
    const table = tablesOf(made.html).find(([head]) => head?.[1] === 'to a');
    expect(table?.slice(1).map((row) => row.map((cell) => cell.split(' ')[0]))).toEqual([
      ['a', '–', '−0.200'],
      ['b', '0.500', '–'],
    ]);
  });
});

describe('what the page says', () => {
  it('of a mean of fewer seeds than its row has, in the table and to a reviewer', async () => {
    const few = (seed: number): Front =>
      front({ regret: () => 0.01, ...(seed < 2 ? { optimum: () => [0.5, 0.5] } : {}) });
    const { html } = await sliceOf([
      ...curve('a', few, [0, 1, 2, 3, 4]),
      ...curve('b', few, [0, 1, 2, 3, 4]),
    ]);
    const [head, row] = tablesOf(html)[1] ?? [];
    const cell = row?.[head?.findIndex((name) => name.startsWith('span')) ?? -1];
    expect(cell).toBe('1.000 [1.000, 1.000] n = 3');
    expect(row?.at(-1)).toBe('5');
  });

  it('of V at equal weights: a tie is no win, and one reward has no equal weights', async () => {
    const same = (): Front => front({ regret: () => 0.01 });
    const two = await sliceOf([...curve('a', same, [0, 1, 2]), ...curve('b', same, [0, 1, 2])]);
    expect(two.findings).toContain('At equal weights the highest V is tied in 3 of 3 seeds.');
    const once = await sliceOf([
      ...curve('a', same, [0, 1, 2]),
      ...curve('b', (seed) => (seed === 0 ? front({ regret: () => 0 }) : same()), [0, 1, 2]),
    ]);
    expect(once.findings).toContain('At equal weights b has the highest V in 1 of 3 seeds, tied in 2.');
    const one = (regret: number) => (): Front => ({
      ...front({ regret: () => regret, weights: [[1]] }),
      objectives: ['nli'],
      reference: { rewards: [0.2], stderr: [0.01], n: 64 },
    });
    const single = await sliceOf([...curve('a', one(0.1), [0]), ...curve('b', one(0.2), [0])]);
    expect(single.findings.join(' ')).toContain('lowest first: a 0.1000, b 0.2000');
    expect(single.findings.join(' ')).not.toContain('equal weights');
  });

  it('of a front of three rewards: points, not lines, and a diamond where one is drawn', async () => {
    const third = 1 / 3;
    const three = (weights: readonly number[][]): Fronts =>
      curve('a', () => ({ ...front({ regret: () => 0.01, weights }), objectives: ['a', 'b', 'c'] }), [0]).map(
        ({ coordinates, front: one }) => ({
          coordinates,
          front: { ...one, reference: { rewards: [0.2, 0.2, 0.2], stderr: null, n: 64 } },
        }),
      );
    const corners = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ];
    const captionOf = async (fronts: Fronts): Promise<string> =>
      /<figcaption>([^]*?)<\/figcaption>/.exec((await makeReport(fronts)).html)?.[1] ?? '';
    expect(await captionOf(three(corners))).toContain(
      'Small points are single seeds, large ones their means, with 95% t intervals of each reward from three seeds on. Rings: the exact optimum.',
    );
    expect(await captionOf(three([...corners, [third, third, third]]))).toContain(
      'a diamond marks equal weights',
    );
  });

  it('of steering order: the optimum scores less than 1 where its own pairs are within the noise', async () => {
    const slow = (w: readonly number[]): number[] => w.map((x) => 0.01 * x);
    const made = await sliceOf([
      ...curve('a', () => front({ regret: () => 0.01, optimum: slow }), [0]),
      ...curve('b', () => front({ regret: () => 0.01, optimum: slow }), [0]),
    ]);
    expect(made.optimum?.figures['steering-order']?.mean).toBeLessThan(1);
    expect(made.html).toContain('those of the optimum too: compare with its row');
    expect(made.html).not.toContain('The optimum scores 1');
  });

  it('of reward against KL: every curve has a colour, whatever alphas it answers', async () => {
    const at =
      (...alphas: number[]) =>
      (): Front => {
        const fronts = alphas.map((alpha) => front({ regret: () => 0.01, alpha }));
        return { ...front({ regret: () => 0.01 }), points: fronts.flatMap(({ points }) => points) };
      };
    const { html } = await makeReport([
      ...curve('clp', at(0.05, 0.1, 0.2), [0]),
      ...curve('soft', at(0.1), [0]),
      ...curve('late', at(0.1, 0.2), [0]),
    ]);
    const chart = /Reward against KL<\/h2>[^]*?<\/svg>/.exec(html)?.[0] ?? '';
    for (const name of ['clp', 'soft', 'late']) expect(chart).toContain(`>${name}</text>`);
    for (const colour of [1, 2, 3]) expect(chart).toContain(`stroke="var(--curve-${colour})"`);
    expect(html).toContain('Each alpha is a family of its own');
  });
});
