import { beforeAll, describe, expect, it } from 'vitest';
import type { Difference, Estimate } from '../../stages/report/types.js';
import { fixtureFront, objectives, threeCurves } from './fixtures.js';
import { type Fronts, type Made, makeReport, tablesOf } from './make.js';
import { type Estimated, average, estimated, figuresOf, rowsOf, signFlip, worldOf } from './recompute.js';

const names = ['clp full', 'clp logits', 'rewarded-soup'] as const;

/** name -> seed -> measure -> number, from the fronts alone. */
function recompute(fronts: Fronts): Map<string, Map<string, Record<string, number>>> {
  const world = worldOf(fronts, 'rewarded-soup');
  const result = new Map<string, Map<string, Record<string, number>>>();
  for (const { coordinates, front } of fronts) {
    const { method, conditioning, seed = '' } = coordinates;
    const name = [method, conditioning].filter((part) => part !== undefined).join(' ');
    const expert = fronts.find(
      (other) => other.front.method === 'rewarded-soup' && other.coordinates.seed === seed,
    );
    const figures = figuresOf(front, world, expert ? rowsOf(expert.front) : []);
    result.set(name, (result.get(name) ?? new Map<string, Record<string, number>>()).set(seed, figures));
  }
  return result;
}

/** Decimals that must agree: the recomputed hull is a sum of strips, t quantiles come from a printed table. */
const precision = (id: string): number => (id === 'hypervolume' ? 3 : 9);

function expectClose(found: Estimate | undefined, expected: Estimated, id = ''): void {
  expect(found?.n).toBe(expected.n);
  expect(found?.mean).toBeCloseTo(expected.mean, precision(id));
  if (expected.low === null) expect(found?.low).toBeNull();
  else expect(found?.low).toBeCloseTo(expected.low, 3);
  if (expected.high === null) expect(found?.high).toBeNull();
  else expect(found?.high).toBeCloseTo(expected.high, 3);
}

const changeTable = (html: string): string[][] =>
  tablesOf(html).find(([head]) => head?.[1] === 'seed' && head[2] === objectives.join(' / ')) ?? [];

/** The numbers of a cell. */
function parse(cell: string): number[] {
  return [...cell.replaceAll('−', '-').matchAll(/-?\d+(\.\d+)?/g)].map(([text]) => Number(text));
}

describe.each([
  { what: 'an exact world, three seeds', seeds: [0, 1, 2], exact: true },
  { what: 'sampled text, two seeds', seeds: [0, 1], exact: false },
])('every figure follows from the fronts: $what', ({ seeds, exact }) => {
  const fronts = threeCurves(seeds, exact);
  const expected = recompute(fronts);
  const ids = Object.keys(expected.get('clp full')?.get('0') ?? {});
  let made: Made;
  beforeAll(async () => {
    made = await makeReport(fronts);
  });

  const values = (name: string, id: string): number[] =>
    [...(expected.get(name)?.values() ?? [])].map((figures) => figures[id] ?? NaN);

  it('names the curves and says whether figures are exact', () => {
    expect(made.summary.curves).toEqual(names);
    expect(made.summary.slices.map((slice) => [slice.alpha, slice.exact])).toEqual([[0.1, exact]]);
    expect(ids.length).toBe(exact ? 15 : 11);
  });

  it('each seed, and the mean with its interval', () => {
    for (const curve of made.summary.slices[0]?.curves ?? []) {
      for (const seed of curve.seeds) {
        const figures = expected.get(curve.name)?.get(seed.seed) ?? {};
        for (const id of ids)
          expect(seed.figures[id], `${curve.name} ${id}`).toBeCloseTo(figures[id] ?? NaN, precision(id));
      }
      for (const id of ids) expectClose(curve.figures[id], estimated(values(curve.name, id)), id);
    }
  });

  it('each mean point', () => {
    for (const curve of made.summary.slices[0]?.curves ?? []) {
      const own = fronts.filter(
        ({ front, coordinates }) =>
          curve.name === [front.method, coordinates.conditioning].filter(Boolean).join(' '),
      );
      curve.points.forEach((point, i) => {
        const rows = own.map(({ front }) => rowsOf(front)[i]);
        expectClose(point.rewards[0], estimated(rows.map((row) => row?.r[0] ?? NaN)));
        expectClose(point.rewards[1], estimated(rows.map((row) => row?.r[1] ?? NaN)));
        expectClose(point.value, estimated(rows.map((row) => row?.v ?? NaN)));
        expectClose(point.kl, estimated(rows.map((row) => row?.kl ?? NaN)));
      });
    }
  });

  it('each paired difference, its p and its verdict', () => {
    const slice = made.summary.slices[0];
    const measures = [
      ...(exact ? ['regret-mean', 'regret-max'] : ['gain-mean']),
      ...['value-middle', 'span', 'hypervolume'],
    ];
    expect(slice?.differences.map((row) => row.measure)).toEqual(measures.flatMap((id) => [id, id, id]));
    for (const row of slice?.differences ?? []) {
      const gaps = values(row.a, row.measure).map((x, i) => x - (values(row.b, row.measure)[i] ?? NaN));
      expectClose(row.difference, estimated(gaps), row.measure);
      expect(row.p).toBe(signFlip(gaps));
      const judged = row.measure === measures[0];
      expect(row.verdict).toBe(judged ? 'undecided' : null);
      expect(row.why).toBe(
        judged ? `with ${seeds.length} pairs p is at least ${2 ** (1 - seeds.length)}` : '',
      );
    }
    // Holm by hand: three p values of one measure, each times what is left of the pairs, never falling.
    const judged = (slice?.differences ?? []).slice(0, 3);
    const sorted = [...judged].sort((a, b) => a.p - b.p);
    const adjusted = sorted.map((row, i) => Math.min(1, (3 - i) * row.p));
    expect(sorted.map((row) => row.adjusted)).toEqual(
      adjusted.map((_, i) => Math.max(...adjusted.slice(0, i + 1))),
    );
    expect(new Set(slice?.differences.slice(3).map((row) => row.adjusted))).toEqual(new Set([null]));
  });

  it('each table of the page shows those numbers', () => {
    const tables = tablesOf(made.html);
    const primary = made.summary.measures.filter((m) => m.group === 'main' && ids.includes(m.id));
    const details = made.summary.measures.filter((m) => m.group === 'detail' && ids.includes(m.id));
    for (const [index, list] of [primary, details].entries()) {
      const means = tables[1 + index] ?? [];
      const perSeed = tables[3 + index] ?? [];
      names.forEach((name, c) => {
        list.forEach((measure, m) => {
          const { mean, low, high } = estimated(values(name, measure.id));
          const cell = parse(means[1 + c]?.[1 + m] ?? '');
          const shown = low === null || high === null ? [mean] : [mean, low, high];
          expect(cell, `${name} ${measure.id}`).toHaveLength(shown.length);
          expect(shown).toHaveLength(seeds.length < 3 ? 1 : 3);
          const digits = (measure.id === 'hypervolume' ? 2 : measure.digits) - 0.05;
          shown.forEach((x, i) => expect(cell[i]).toBeCloseTo(x, digits));
          seeds.forEach((_, s) => {
            const [found] = parse(perSeed[1 + c * seeds.length + s]?.[2 + m] ?? '');
            expect(found).toBeCloseTo(values(name, measure.id)[s] ?? NaN, digits);
          });
        });
        expect(means[1 + c]?.at(-1)).toBe(String(seeds.length));
      });
    }
    expect(tables[0]?.slice(1).map((row) => row[0])).toEqual(names);
  });

  it('V at equal weights stands seed by seed', () => {
    const table = tablesOf(made.html)[5] ?? [];
    expect(table[0]).toEqual(['curve', ...seeds.map((seed) => `seed ${seed}`)]);
    names.forEach((name, c) =>
      seeds.forEach((_, s) =>
        expect(table[1 + c]?.[1 + s]).toBe((values(name, 'value-middle')[s] ?? NaN).toFixed(4)),
      ),
    );
  });

  it('the table of differences is that of the summary', () => {
    const table = tablesOf(made.html)[6] ?? [];
    const rows = made.summary.slices[0]?.differences ?? [];
    expect(table).toHaveLength(rows.length + 1);
    rows.forEach((row: Difference, i) => {
      const cells = table[1 + i] ?? [];
      expect(cells[0]).toBe(`${row.a} − ${row.b}`);
      expect(parse(cells[2] ?? '')[0]).toBeCloseTo(row.difference.mean ?? NaN, 2.8);
      expect(cells[3]).toBe(String(seeds.length));
      expect(Number(cells[4])).toBeCloseTo(row.p, 3);
      expect(cells[6]).toBe('–');
      expect(cells[7]).toBe(i < 3 ? `undecided: ${row.why}` : '–');
    });
    expect(made.html.replace(/\s+/g, ' ')).toContain(
      `Verdicts are given on the primary measure alone, ${exact ? 'mean V-regret' : 'gain in V'}, from ten pairs on, by a margin of 0.001`,
    );
  });

  it('the CSV has every point', () => {
    const lines = made.file('fronts.csv').trimEnd().split('\r\n');
    const points = fronts.reduce((sum, { front }) => sum + front.points.length, 0);
    expect(lines).toHaveLength(1 + points + (exact ? 11 * seeds.length : 0));
    expect(lines[0]).toBe(
      'curve,method,seed,alpha,weight/nli,weight/rouge,reward/nli,reward/rouge,stderr/nli,stderr/rouge,' +
        'kl,value,reference_value,regret,length,entropy,invalid_mass,kl_stderr,value_stderr',
    );
    const [first] = rowsOf(fixtureFront({ method: 'clp', answer: 'full', seed: 0, exact }));
    expect(lines[1]?.split(',').slice(0, 10)).toEqual(
      ['clp full', 'clp', 0, 0.1, 1, 0, ...(first?.r ?? []), ...(first?.se ?? [])].map(String),
    );
  });
});

describe('with ten seeds', () => {
  const seeds = Array.from({ length: 10 }, (_, i) => i);

  it('the primary measure alone gets verdicts', async () => {
    const { summary } = await makeReport(threeCurves(seeds));
    const [slice] = summary.slices;
    expect(slice?.judgedBy).toBe('regret-mean');
    const verdicts = slice?.differences.map((row) => [row.measure, row.verdict]) ?? [];
    expect(verdicts.slice(0, 3)).toEqual([
      ['regret-mean', 'lower'],
      ['regret-mean', 'lower'],
      ['regret-mean', 'higher'],
    ]);
    expect(new Set(verdicts.slice(3).map(([, verdict]) => verdict))).toEqual(new Set([null]));
  });
});

describe('what only an exact world has', () => {
  it('scores the optimum 0 regret, order 1, span 1, and draws it', async () => {
    const { summary } = await makeReport(threeCurves([0, 1, 2]));
    const optimum = summary.slices[0]?.optimum;
    expect(optimum?.figures['regret-mean']?.mean).toBe(0);
    expect(optimum?.figures['steering-order']?.mean).toBe(1);
    expect(optimum?.figures.span?.mean).toBeCloseTo(1, 12);
    expect(optimum?.figures.kl?.mean).toBeGreaterThan(0);
  });

  it('ranks the curves by their regret in words', async () => {
    const fronts = threeCurves([0, 1, 2]);
    const { summary } = await makeReport(fronts);
    const figures = recompute(fronts);
    const mean = (name: string): string =>
      average([...(figures.get(name)?.values() ?? [])].map((f) => f['regret-mean'] ?? NaN)).toFixed(4);
    expect(summary.slices[0]?.findings).toEqual([
      `Mean V-regret against the exact optimum, lowest first: clp full ${mean('clp full')}, ` +
        `rewarded-soup ${mean('rewarded-soup')}, clp logits ${mean('clp logits')}.`,
      'At equal weights clp full has the highest V in 3 of 3 seeds.',
    ]);
  });

  it('warns of lock-in where the span is under .75, and nowhere else', async () => {
    const { summary, events, html } = await makeReport(threeCurves([0, 1, 2]));
    expect(summary.warnings).toHaveLength(1);
    expect(summary.warnings[0]).toMatch(
      /^clp logits is not steered to the ends: span 0\.\d\d at seed 0, .* at seed 2, under 0\.75/,
    );
    expect(events).toEqual([{ type: 'log', level: 'warning', text: summary.warnings[0] }]);
    expect(html).toContain('Read with care');
  });
});

describe('what only sampled fronts need', () => {
  it('spans against experts of the same seed alone: with none, a dash', async () => {
    const fronts = threeCurves([0, 1], false).filter(
      ({ coordinates }) => coordinates.method === 'clp' || coordinates.seed === '1',
    );
    const { summary, html } = await makeReport(fronts);
    const [clp] = summary.slices[0]?.curves ?? [];
    expect(clp?.seeds.map((seed) => [seed.seed, seed.figures.span === null])).toEqual([
      ['0', true],
      ['1', false],
    ]);
    expect(clp?.figures.span?.n).toBe(1);
    const perSeed = tablesOf(html)[3] ?? [];
    const column = perSeed[0]?.indexOf('span') ?? -1;
    expect(perSeed[1]?.[column]).toBe('–');
    expect(perSeed[2]?.[column]).toMatch(/^\d/);
  });

  it('no order of steering and no interval of change where one prompt gives no standard error', async () => {
    const fronts = threeCurves([0], false).map(({ coordinates, front }) => ({
      coordinates,
      front: {
        ...front,
        points: front.points.map((point) => ({ ...point, stderr: null })),
        reference: { ...front.reference, stderr: null },
      },
    }));
    const { summary, html, file } = await makeReport(fronts);
    expect(summary.slices[0]?.curves.map((curve) => curve.figures['steering-order']?.n)).toEqual([0, 0, 0]);
    expect(summary.slices[0]?.changes).toHaveLength(3 * 3 * 2);
    for (const { change, low, high } of summary.slices[0]?.changes ?? []) {
      expect(change).toBeTypeOf('number');
      expect([low, high]).toEqual([null, null]);
    }
    expect(parse(changeTable(html)[1]?.[3] ?? '')).toHaveLength(1);
    expect(file('fronts.csv').split('\r\n')[1]?.split(',').slice(8, 10)).toEqual(['', '']);
  });

  it('changes against the reference, with the noise of both', async () => {
    const fronts = threeCurves([0], false);
    const { summary, html } = await makeReport(fronts);
    const front = fronts[0]?.front;
    const [change] = summary.slices[0]?.changes ?? [];
    const gain = (front?.points[0]?.rewards[0] ?? NaN) - (front?.reference.rewards[0] ?? NaN);
    const half = 2.068658 * Math.sqrt(0.011 ** 2 + 0.01 ** 2);
    expect(change).toMatchObject({ curve: 'clp full', seed: '0', weights: [1, 0], objective: 'nli' });
    expect(change?.change).toBeCloseTo(gain, 12);
    expect(change?.low).toBeCloseTo(gain - half, 6);
    expect(change?.high).toBeCloseTo(gain + half, 6);
    expect(summary.slices[0]?.changes).toHaveLength(3 * 3 * 2);
    const row = changeTable(html)[1] ?? [];
    expect(parse(row[3] ?? '')).toEqual([gain, gain - half, gain + half].map((x) => Number(x.toFixed(3))));
  });
});
