/** Variants beside their twins: every difference follows from the fronts, by other means than the report's. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Front } from '../../schemas/artifact.js';
import report from '../../stages/kinds/report.js';
import type { Ablation, Slice } from '../../stages/report/types.js';
import { ablatedCurves, fixtureFront } from './fixtures.js';
import { type Fronts, type Made, makeReport, tablesOf } from './make.js';
import { average, estimated, figuresOf, rowsOf, signFlip, worldOf } from './recompute.js';

const withoutAblation = (coordinates: Record<string, string>): string =>
  JSON.stringify(Object.entries(coordinates).filter(([axis]) => axis !== 'seed' && axis !== 'ablation'));

const sampled = <P extends { exact?: unknown }>(point: P): Omit<P, 'exact'> =>
  Object.fromEntries(Object.entries(point).filter(([name]) => name !== 'exact')) as Omit<P, 'exact'>;

/** Differences of a variant to its twin on each measure, seed by seed. */
function recompute(fronts: Fronts, variant: Record<string, string>): Record<string, number[]> {
  const base = fronts.filter(({ coordinates }) => coordinates.ablation === undefined);
  const world = worldOf(base, 'none');
  const own = fronts.filter(
    ({ coordinates }) =>
      coordinates.ablation === variant.ablation && withoutAblation(coordinates) === withoutAblation(variant),
  );
  const gaps: Record<string, number[]> = {};
  for (const { coordinates, front } of own) {
    const twin = base.find(
      (other) =>
        other.coordinates.seed === coordinates.seed &&
        withoutAblation(other.coordinates) === withoutAblation(variant),
    );
    if (!twin) continue;
    const figures = (one: Front): Record<string, number> => ({
      ...figuresOf(one, world, []),
      'trained-groups': one.trained?.groups ?? NaN,
      'trained-tokens': one.trained?.tokens ?? NaN,
    });
    const [a, b] = [figures(front), figures(twin.front)];
    for (const id of Object.keys(a)) (gaps[id] ??= []).push((a[id] ?? NaN) - (b[id] ?? NaN));
  }
  return gaps;
}

const variants = [
  {
    curve: 'full corners-only',
    twin: 'full',
    axes: { conditioning: 'full', ablation: 'corners-only' },
  },
  {
    curve: 'logits corners-only',
    twin: 'logits',
    axes: { conditioning: 'logits', ablation: 'corners-only' },
  },
  { curve: 'full half-steps', twin: 'full', axes: { conditioning: 'full', ablation: 'half-steps' } },
] as const;

const sliceOf = ({ summary }: Made): Slice => {
  const [slice] = summary.slices;
  if (!slice) throw new Error('the report has no slice');
  return slice;
};
const ablationOf = (made: Made, curve: string): Ablation => {
  const found = sliceOf(made).ablations.find((one) => one.curve === curve);
  if (!found) throw new Error(`no ablation ${curve}`);
  return found;
};
const numbers = (cell: string | undefined): number[] =>
  [
    ...(cell ?? '')
      .replaceAll('−', '-')
      .replaceAll(',', ' ')
      .matchAll(/-?\d+(\.\d+)?/g),
  ].map(([text]) => Number(text));

describe.each([
  { what: 'three seeds', seeds: [0, 1, 2] },
  { what: 'ten seeds', seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
])('differences to twins, $what', ({ seeds }) => {
  const fronts = ablatedCurves(seeds);
  let made: Made;
  beforeAll(async () => {
    made = await makeReport(fronts);
  });

  it('are on every measure, seed by seed, with their mean, interval and p', () => {
    for (const { curve, twin, axes } of variants) {
      const found = ablationOf(made, curve);
      expect([found.twin, found.ablation, found.tradeOffs, found.note]).toEqual([
        twin,
        axes.ablation,
        11,
        '',
      ]);
      const expected = recompute(fronts, { method: 'clp', ...axes });
      expect(found.differences.map(({ measure }) => measure)).toEqual([
        ...['regret-mean', 'regret-max', 'value-middle', 'steering-order', 'span', 'tau', 'hypervolume'],
        ...['corner-reward', 'trained-groups', 'trained-tokens'],
      ]);
      for (const { measure, difference, seeds: own, p } of found.differences) {
        const gaps = expected[measure] ?? [];
        const precision = measure === 'hypervolume' ? 3 : 9;
        expect(own.map(({ seed }) => seed)).toEqual(seeds.map(String));
        own.forEach((one, i) => expect(one.difference, measure).toBeCloseTo(gaps[i] ?? NaN, precision));
        const { mean, low, high } = estimated(gaps);
        expect(difference.mean).toBeCloseTo(mean, precision);
        expect(difference.low).toBeCloseTo(low ?? NaN, 3);
        expect(difference.high).toBeCloseTo(high ?? NaN, 3);
        if (measure !== 'hypervolume') expect(p).toBeCloseTo(signFlip(gaps), 9);
      }
    }
  });

  it('are judged on the primary measure alone, by Holm over the variants that have a twin', () => {
    const ps = variants.map(({ axes }) =>
      signFlip(recompute(fronts, { method: 'clp', ...axes })['regret-mean'] ?? []),
    );
    const order = ps.map((_, i) => i).sort((a, b) => (ps[a] ?? NaN) - (ps[b] ?? NaN));
    const adjusted: number[] = [];
    order.reduce((least, i, rank) => {
      adjusted[i] = Math.max(least, Math.min(1, (3 - rank) * (ps[i] ?? NaN)));
      return adjusted[i];
    }, 0);
    variants.forEach(({ curve }, i) => {
      const [judged, ...rest] = ablationOf(made, curve).differences;
      expect(judged?.measure).toBe('regret-mean');
      expect(judged?.adjusted).toBeCloseTo(adjusted[i] ?? NaN, 12);
      expect(judged?.verdict).toBe(seeds.length < 10 ? 'undecided' : 'higher');
      for (const row of rest) expect([row.adjusted, row.verdict]).toEqual([null, null]);
    });
  });

  it('stand in both tables of the page', () => {
    const tables = tablesOf(made.html).filter(([head]) => head?.[0] === 'variant');
    expect(tables).toHaveLength(2);
    const [judged = [], described = []] = tables;
    const tableOf = (measure: string): string[][] => (measure.startsWith('trained') ? judged : described);
    variants.forEach(({ curve, twin, axes }, i) => {
      const { differences } = ablationOf(made, curve);
      const [main, ...rest] = differences;
      const row = judged[1 + i] ?? [];
      expect(row.slice(0, 2)).toEqual([axes.ablation, twin]);
      [main?.difference.mean, main?.difference.low, main?.difference.high].forEach((value, k) =>
        expect(numbers(row[2])[k]).toBeCloseTo(value ?? NaN, 3.9),
      );
      expect(row[3]).toBe(String(seeds.length));
      rest.forEach(({ measure, difference }) => {
        const { title, digits } = made.summary.measures.find(({ id }) => id === measure) ?? {
          title: '?',
          digits: 0,
        };
        const column = tableOf(measure)[0]?.findIndex((head) => head.replace(/ [↑↓]$/, '') === title) ?? -1;
        const shown = numbers(tableOf(measure)[1 + i]?.[column]?.replace(/(\d),(?=\d{3})/g, '$1'));
        expect(shown[0], measure).toBeCloseTo(difference.mean ?? NaN, digits === 0 ? 0 : digits - 0.05);
      });
    });
  });

  it('stand in ablations.csv, a line a seed and one for the mean', () => {
    const [head, ...lines] = made.file('ablations.csv').trimEnd().split('\r\n');
    expect(head).toBe(
      'alpha,ablation,curve,twin,measure,seed,difference,low,high,pairs,p,p_holm,verdict,note',
    );
    expect(lines).toHaveLength(3 * 10 * (seeds.length + 1) + 1);
    const row = lines
      .map((line) => line.split(','))
      .find((cells) => cells[4] === 'span' && cells[5] === 'mean');
    const span = ablationOf(made, 'full corners-only').differences.find(({ measure }) => measure === 'span');
    expect(row?.slice(0, 5)).toEqual(['0.1', 'corners-only', 'full corners-only', 'full', 'span']);
    expect(row?.slice(6, 11)).toEqual(
      [span?.difference.mean, span?.difference.low, span?.difference.high, seeds.length, span?.p].map(String),
    );
  });
});

describe('variants', () => {
  it('are in no chart, table, pair or sentence of the base curves', async () => {
    const fronts = ablatedCurves([0, 1, 2]);
    const [made, base] = [
      await makeReport(fronts),
      await makeReport(fronts.filter(({ coordinates }) => coordinates.ablation === undefined)),
    ];
    const { curves, differences, findings } = sliceOf(made);
    expect(made.summary.curves).toEqual(['full', 'logits']);
    expect({ curves, differences, findings }).toEqual({
      curves: sliceOf(base).curves,
      differences: sliceOf(base).differences,
      findings: sliceOf(base).findings,
    });
    expect(made.file('front.svg')).toBe(base.file('front.svg'));
    expect(base.html).not.toContain('Ablations');
    expect(base.html).not.toContain('ablations.csv');
  });

  it('without a twin say so, and have no difference', async () => {
    const made = await makeReport(ablatedCurves([0, 1, 2]));
    const alone = ablationOf(made, 'prompt half-steps');
    expect(alone).toMatchObject({ twin: null, tradeOffs: 0, differences: [] });
    expect(alone.note).toBe('no twin: its base cell is not among the fronts');
    const [table = []] = tablesOf(made.html).filter(([head]) => head?.[0] === 'variant');
    expect(table.at(-1)).toEqual([
      ...['half-steps', '(prompt half-steps)', '–', '–', '–', '–', '–', '–'],
      'no twin: its base cell is not among the fronts',
    ]);
    expect(made.file('ablations.csv').trimEnd().split('\r\n').at(-1)).toBe(
      '0.1,half-steps,prompt half-steps,,,,,,,,,,,no twin: its base cell is not among the fronts',
    );
  });

  it.each([
    { seeds: [0], said: 'one seed: no interval' },
    { seeds: [0, 1], said: '2 seeds: no interval' },
  ])('of $seeds.length seeds have no interval, and the page says so', async ({ seeds, said }) => {
    const made = await makeReport(ablatedCurves(seeds));
    const { difference } = ablationOf(made, 'full half-steps').differences[0] ?? {};
    expect([difference?.n, difference?.low, difference?.high]).toEqual([seeds.length, null, null]);
    const [judged = []] = tablesOf(made.html).filter(([head]) => head?.[0] === 'variant');
    expect(judged[1]?.[2]).toContain(said);
    expect(judged[1]?.at(-1)).toBe(
      `undecided: with ${seeds.length} pair${seeds.length === 1 ? '' : 's'} p is at least ${2 ** (1 - seeds.length)}`,
    );
  });

  it('pair only the seeds that both have', async () => {
    const fronts = ablatedCurves([0, 1, 2]).filter(
      ({ coordinates }) => coordinates.ablation !== 'corners-only' || coordinates.seed !== '1',
    );
    const [first] = ablationOf(await makeReport(fronts), 'full corners-only').differences;
    expect(first?.seeds.map(({ seed }) => seed)).toEqual(['0', '2']);
  });

  it('are sampled where no world is exact: gain in V is judged, and there is no regret', async () => {
    const made = await makeReport(ablatedCurves([0, 1, 2], false));
    const measures = ablationOf(made, 'full half-steps').differences.map(({ measure }) => measure);
    expect(measures[0]).toBe('gain-mean');
    expect(measures).not.toContain('regret-max');
    expect(measures).toContain('corner-reward');
  });

  it('of another reference are compared, and the difference is said', async () => {
    const fronts = ablatedCurves([0, 1, 2]).map(({ coordinates, front }) => ({
      coordinates,
      front: {
        ...front,
        reference: { ...front.reference, digest: coordinates.ablation === 'half-steps' ? 'b' : 'a' },
      },
    }));
    const made = await makeReport(fronts);
    expect(ablationOf(made, 'full half-steps').note).toBe('another reference model, with its own optimum');
    expect(ablationOf(made, 'full corners-only').note).toBe('');
  });
});

/** A front of three rewards; the third is the negative of the first, and V stays that of the first two. */
function three(front: Front): Front {
  const grow = (values: readonly number[], last: number): number[] => [...values, last];
  const points = front.points.flatMap((point) => [
    { ...point, weights: grow(point.weights, 0), rewards: grow(point.rewards, 0.2), stderr: null },
    { ...point, weights: [0, 0, 1], rewards: grow(point.rewards, 0.9), stderr: null },
  ]);
  return {
    ...front,
    objectives: [...front.objectives, 'tldr'],
    points: points
      .slice(0, -1)
      .filter(({ weights }, i) => weights[2] === 0 || i === 1)
      .map(sampled),
    reference: { ...front.reference, rewards: [...front.reference.rewards, 0.1], stderr: null },
    samples: [],
  };
}

describe('a variant that leaves a reward out', () => {
  const fronts: Fronts = [0, 1, 2].flatMap((seed) => [
    {
      coordinates: { method: 'clp', seed: String(seed) },
      front: three(fixtureFront({ method: 'clp', answer: 'full', seed, exact: false })),
    },
    {
      coordinates: { method: 'clp', ablation: 'rewards-without-tldr', seed: String(seed) },
      front: fixtureFront({ method: 'clp', answer: 'soup', seed, exact: false }),
    },
  ]);

  it('is compared with its twin where that has no weight on it', async () => {
    const made = await makeReport(fronts);
    const [one] = sliceOf(made).ablations;
    expect(one).toMatchObject({ ablation: 'rewards-without-tldr', twin: 'clp', tradeOffs: 11 });
    expect(one?.note).toBe('over trade-offs with no weight on tldr; 11 of 12 trade-offs are in both');
    const middle = one?.differences.find(({ measure }) => measure === 'corner-reward');
    const gaps = [0, 1, 2].map((seed) => {
      const [twin, variant] = fronts.slice(2 * seed, 2 * seed + 2).map(({ front }) => rowsOf(front));
      const corner = (rows: typeof twin, k: 0 | 1): number => rows?.find(({ w }) => w[k] === 1)?.r[k] ?? NaN;
      return average([0, 1].map((k) => corner(variant, k as 0 | 1) - corner(twin, k as 0 | 1)));
    });
    middle?.seeds.forEach(({ difference }, i) => expect(difference).toBeCloseTo(gaps[i] ?? NaN, 12));
    expect(middle?.seeds).toHaveLength(3);
  });

  it('has no weight on it in fronts.csv, and its reward is unknown there', async () => {
    const { file } = await makeReport(fronts);
    const row = file('fronts.csv')
      .split('\r\n')
      .find((line) => line.startsWith('clp rewards-without-tldr'))
      ?.split(',');
    expect(row?.slice(4, 7)).toEqual(['1', '0', '0']);
    expect(row?.[9]).toBe('');
  });

  it('is let through by the check, where fronts of no variant are not', () => {
    const lineage = (coordinates: Record<string, string>) => ({
      stage: 'front',
      coordinates,
      output: 'front',
    });
    const traits = (ablation?: string) => [
      { objectives: ['a', 'b', 'c'], lineage: lineage({}) },
      { objectives: ['a', 'b'], lineage: lineage(ablation === undefined ? {} : { ablation }) },
    ];
    const values = { title: '', description: '', samples: 3, margin: 0.001 };
    expect(report.check?.(values, { fronts: traits('rewards-without-c') })).toEqual([]);
    expect(report.check?.(values, { fronts: traits() })).toMatchObject([{ code: 'report-objectives' }]);
  });
});
