import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StageFailure } from '../../runner/contract.js';
import type { Front, FrontPoint } from '../../schemas/artifact.js';
import report from '../../stages/kinds/report.js';
import { numberText, pText, weightsText } from '../../stages/report/page/numbers.js';
import { fixtureFront, threeCurves } from './fixtures.js';
import { type Fronts, type Made, makeReport } from './make.js';

afterEach(() => vi.restoreAllMocks());

const digest = (made: Made): string[] =>
  readdirSync(made.folder)
    .sort()
    .map((name) => `${name} ${createHash('sha256').update(made.file(name)).digest('hex')}`);

describe('bytes', () => {
  it('depend on the fronts alone: not on folder, clock or luck', async () => {
    const first = await makeReport(threeCurves([0, 1]));
    vi.spyOn(Date, 'now').mockReturnValue(4e12);
    vi.spyOn(Math, 'random').mockImplementation(() => {
      throw new Error('a stage asked for unseeded luck');
    });
    const second = await makeReport(threeCurves([0, 1]));
    expect(first.folder).not.toBe(second.folder);
    expect(digest(second)).toEqual(digest(first));
    expect(digest(first).map((line) => line.split(' ')[0])).toEqual([
      'front.svg',
      'fronts.csv',
      'index.html',
      'summary.json',
    ]);
    for (const name of readdirSync(first.folder)) expect(first.file(name)).not.toContain('/tmp/');
  });

  it('change when a front does', async () => {
    const before = await makeReport(threeCurves([0]));
    const after = await makeReport(threeCurves([1]));
    expect(digest(after)[1]).not.toBe(digest(before)[1]);
  });
});

describe('the page', () => {
  it('escapes whatever comes from outside', async () => {
    const title = '<img src=x onerror=alert(1)> "quoted" & more';
    const { html } = await makeReport(threeCurves([0]), { title, description: '</p><script>x</script>' });
    expect(html).not.toMatch(/<script|<img/i);
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; &quot;quoted&quot; &amp; more');
    expect(html).toContain('police said &lt;b&gt;on monday&lt;/b&gt;');
    expect(html).toContain('north &lt;script&gt;alert(1)&lt;/script&gt;');
  });

  it('escapes names of methods inside the charts', async () => {
    const nasty = {
      coordinates: { method: 'x' },
      front: fixtureFront({ method: 'a', answer: 'full', seed: 0 }),
    };
    const front = { ...nasty.front, objectives: ['<script>1</script>', '"&"'] };
    const { html, file } = await makeReport([{ ...nasty, front }]);
    expect(html).not.toContain('<script');
    expect(file('front.svg')).not.toContain('<script');
  });

  it('has no link to the outside and no script', async () => {
    const { html } = await makeReport(threeCurves([0, 1]));
    const links = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, target]) => target);
    expect(new Set(links)).toEqual(new Set(['data:,', 'summary.json', 'fronts.csv', 'front.svg']));
    expect(html.replaceAll(/http:\/\/www\.w3\.org\/\d+\/(svg|xlink)/g, '')).not.toMatch(
      /https?:|@import|url\(/,
    );
  });

  it('draws charts in colours of the page, and the file in its own', async () => {
    const { html, file } = await makeReport(threeCurves([0]));
    expect(html.match(/<svg /g)).toHaveLength(3);
    expect(html).toContain('stroke="var(--curve-1)"');
    expect(file('front.svg')).toContain('stroke="#2166ac"');
    expect(file('front.svg')).not.toContain('var(');
  });

  it('shows as many prompts as asked, at the corners and in the middle', async () => {
    const none = await makeReport(threeCurves([0]), { samples: 0 });
    expect(none.html).not.toContain('<h2>Samples</h2>');
    const { summary } = await makeReport(threeCurves([0, 1]), { samples: 1 });
    expect(summary.samples.map((group) => group.prompt)).toHaveLength(1);
    expect(summary.samples[0]?.rows.map((row) => row.weights)).toEqual([
      [1, 0],
      [0.5, 0.5],
      [0, 1],
    ]);
    expect(summary.samples[0]?.rows[1]?.answers.map((answer) => answer?.response.split(' at ')[0])).toEqual([
      'clp',
      'clp',
      'rewarded-soup',
    ]);
  });
});

/** A front without an exact world, of any number of rewards and alphas. */
function plainFront(objectives: string[], alphas: number[], grid: number[][]): Front {
  const points = alphas.flatMap((alpha) =>
    grid.map((weights): FrontPoint => {
      const rewards = weights.map((w) => 0.3 + 0.4 * w - alpha);
      const stderr = weights.map(() => 0.01);
      return { alpha, weights, rewards, stderr, kl: 1 - alpha, n: 64, length: 9, entropy: 0.5 };
    }),
  );
  const reference = { rewards: objectives.map(() => 0.2), stderr: objectives.map(() => 0.01), n: 64 };
  return { v: 1, method: 'clp', objectives, points, reference, samples: [] };
}

/** The same front, as a gathering in the other order would list its two objectives. */
function turn(front: Front): Front {
  const both = (values: readonly number[]): number[] => [values[1] ?? NaN, values[0] ?? NaN];
  const errors = (values: readonly number[] | null): number[] | null => values && both(values);
  return {
    ...front,
    objectives: [...front.objectives].reverse(),
    points: front.points.map(({ exact, ...point }) => ({
      ...point,
      weights: both(point.weights),
      rewards: both(point.rewards),
      stderr: errors(point.stderr),
      ...(exact
        ? {
            exact: {
              ...exact,
              rewards: both(exact.rewards),
              optimumRewards: both(exact.optimumRewards),
              rewardsInReach: both(exact.rewardsInReach ?? []),
            },
          }
        : {}),
    })),
    reference: {
      ...front.reference,
      rewards: both(front.reference.rewards),
      stderr: errors(front.reference.stderr),
    },
    samples: front.samples.map((sample) => ({
      ...sample,
      weights: both(sample.weights),
      rewards: both(sample.rewards),
    })),
  };
}

const simplex3 = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [0.5, 0.5, 0],
  [0.5, 0, 0.5],
  [0, 0.5, 0.5],
  [1 / 3, 1 / 3, 1 / 3],
];

describe('other shapes of fronts', () => {
  const single = (front: Front): Fronts => [{ coordinates: {}, front }];

  it('three rewards: a panel for each pair, no chart over one weight', async () => {
    const { html, summary } = await makeReport(single(plainFront(['a', 'b', 'c'], [0.1], simplex3)));
    expect(html.match(/<svg /g)).toHaveLength(1);
    expect(summary.slices[0]?.curves[0]?.figures['steering-order']?.mean).toBe(1);
    expect(summary.slices[0]?.curves[0]?.figures.span?.n).toBe(0);
    expect(summary.curves).toEqual(['clp']);
    expect(html).toContain('<td>7</td>');
  });

  it('several alphas: a slice each, and reward against KL', async () => {
    const { html, summary } = await makeReport(
      single(
        plainFront(
          ['a', 'b'],
          [0.2, 0.1],
          [
            [1, 0],
            [0, 1],
          ],
        ),
      ),
    );
    expect(summary.slices.map((slice) => slice.alpha)).toEqual([0.1, 0.2]);
    expect(html).toContain('Reward against KL');
    expect(html.match(/<svg /g)).toHaveLength(1 + 2 * 3);
  });

  it('one reward at one alpha: figures without a front', async () => {
    const { html, file } = await makeReport(single(plainFront(['a'], [0.1], [[1]])));
    expect(html).not.toContain('<svg ');
    expect(file('front.svg')).toContain('<svg');
  });

  it('one front has neither differences nor findings', async () => {
    const { summary } = await makeReport(
      single(
        plainFront(
          ['a', 'b'],
          [0.1],
          [
            [1, 0],
            [0, 1],
          ],
        ),
      ),
    );
    expect(summary.slices[0]?.differences).toEqual([]);
    expect(summary.slices[0]?.findings).toEqual([]);
    expect(summary.slices[0]?.curves[0]?.seeds.map((seed) => seed.seed)).toEqual(['-']);
  });

  it('unequal seeds and grids are said', async () => {
    const [a, b] = threeCurves([0, 1]);
    const short = fixtureFront({ method: 'rewarded-soup', answer: 'soup', seed: 0, points: 5 });
    if (!a || !b) throw new Error('no fixture');
    const { summary } = await makeReport([
      a,
      b,
      { coordinates: { method: 'rewarded-soup', seed: '0' }, front: short },
    ]);
    expect(summary.warnings).toEqual([
      'The curves do not have the same seeds; differences use the seeds that two curves share.',
      'The fronts were not asked for the same weights; means over the weights are not like for like.',
    ]);
    expect(summary.slices[0]?.differences.every((row) => row.difference.n === 1)).toBe(true);
  });

  it.each([true, false])('objectives in another order are the same ones: exact %s', async (exact) => {
    const fronts = threeCurves([0, 1, 2], exact);
    const turned = fronts.map(({ coordinates, front }, i) => ({
      coordinates,
      front: i === 0 ? front : turn(front),
    }));
    const [straight, found] = [await makeReport(fronts), await makeReport(turned)];
    expect(turned[1]?.front.objectives).toEqual(['rouge', 'nli']);
    expect(found.summary).toEqual(straight.summary);
    expect(digest(found)).toEqual(digest(straight));
  });

  it('a grid in another order is the same grid', async () => {
    const [a, b] = threeCurves([0]);
    if (!a || !b) throw new Error('no fixture');
    const front = { ...b.front, points: [...b.front.points].reverse() };
    expect((await makeReport([a, { ...b, front }])).summary.warnings.join(' ')).not.toContain('same weights');
  });

  it('invalid mass and impossible regret are said', async () => {
    const front = fixtureFront({ method: 'clp', answer: 'full', seed: 0 });
    const points = front.points.map((point) =>
      point.exact ? { ...point, exact: { ...point.exact, invalidMass: 0.05, regret: -0.01 } } : point,
    );
    const { summary } = await makeReport(single({ ...front, points }));
    expect(summary.warnings.join('\n')).toMatch(/leaves the listed responses with probability up to 0\.050/);
    expect(summary.warnings.join('\n')).toMatch(/regret of -0\.010: no policy can beat the optimum/);
  });

  it('curves that mostly answer something else are not ranked, and it is said once what to do', async () => {
    const fronts = threeCurves([0]);
    const names = (await makeReport(fronts)).summary.slices[0]?.curves.map(({ name }) => name) ?? [];
    const invalidFrom = async (from: number): Promise<Awaited<ReturnType<typeof makeReport>>['summary']> =>
      (
        await makeReport(
          fronts.map((one, i) => ({
            ...one,
            front: {
              ...one.front,
              points: one.front.points.map((point) =>
                i >= from && point.exact
                  ? { ...point, exact: { ...point.exact, invalidMass: 0.9, regret: 0 } }
                  : point,
              ),
            },
          })),
        )
      ).summary;
    const some = await invalidFrom(2);
    const last =
      some.slices[0]?.curves.find(({ seeds }) => (seeds[0]?.figures['invalid-mass'] ?? 0) > 0.5)?.name ?? '';
    expect(names).toContain(last);
    expect(some.slices[0]?.findings[0]).not.toContain(last);
    expect(some.slices[0]?.findings.join(' ')).toContain(
      `Not ranked: ${last} (most of what ${last} answers is not listed).`,
    );
    expect(some.warnings.join(' ')).toContain(`Most of what ${last} answer`);
    const all = await invalidFrom(0);
    expect(all.slices[0]?.findings).toHaveLength(1);
    expect(all.warnings.filter((text) => text.includes('Train the reference longer'))).toHaveLength(1);
    expect(all.warnings.join(' ')).not.toContain('lower bound');
  });
});

async function failure(fronts: Fronts): Promise<string> {
  try {
    await makeReport(fronts);
  } catch (error) {
    if (error instanceof StageFailure)
      return `${error.failure.class} ${error.failure.code}: ${error.message}`;
    throw error;
  }
  return 'no failure';
}

describe('bad input', () => {
  const front = fixtureFront({ method: 'clp', answer: 'full', seed: 0 });
  const other = { ...front, objectives: ['rouge', 'faithful'] };
  const at = (method: string, f: unknown) => ({ coordinates: { method }, front: f as Front });

  it('no fronts', async () =>
    expect(await failure([])).toBe('user report-empty: a report needs at least one front, found none'));

  it('other objectives', async () =>
    expect(await failure([at('a', front), at('b', other)])).toBe(
      'user report-objectives: the fronts of a report must have the same objectives, ' +
        'found nli, rouge | faithful, rouge',
    ));

  it('a front twice', async () =>
    expect(await failure([at('a', front), at('a', front)])).toBe(
      'user report-twice: clp appears twice at seed -; select each front once',
    ));

  it('a file that is no front', async () =>
    expect(await failure([at('a', { ...front, points: 3 })])).toMatch(
      /^user report-front: front\.json of front\/method=a is not a front: \/points /,
    ));

  it('a point with too few rewards', async () => {
    const [first] = front.points;
    expect(await failure([at('a', { ...front, points: [{ ...first, rewards: [1] }] })])).toMatch(
      /a point at alpha 0\.1 has not one number for each of the 2 objectives$/,
    );
  });

  it('objectives that differ are found before anything runs', () => {
    const values = { title: '', description: '', samples: 3, margin: 0.001 };
    const traits = [{ objectives: ['a', 'b'] }, {}, { objectives: ['b', 'a'] }, { objectives: ['b', 'c'] }];
    expect(report.check?.(values, { fronts: traits })).toMatchObject([
      { code: 'report-objectives', path: ['fronts'] },
    ]);
    expect(report.check?.(values, { fronts: traits.slice(0, 3) })).toEqual([]);
  });
});

describe('numbers on the page', () => {
  it('have a true minus, no minus zero, a dash for what is not known', () => {
    expect([
      numberText(-0.5, 2),
      numberText(-0.0001, 2),
      numberText(null, 2),
      numberText(undefined, 1),
    ]).toEqual(['−0.50', '0.00', '–', '–']);
  });
  it('write weights short and p never as 0', () => {
    expect(weightsText([0.5, 0.5])).toBe('.5 / .5');
    expect(weightsText([1, 0])).toBe('1 / 0');
    expect([pText(0.0001), pText(0.25), pText(null)]).toEqual(['< 0.001', '0.250', '–']);
  });
});
