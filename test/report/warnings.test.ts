/** What a report says of budgets, and which cause it names for a low span. */
import { describe, expect, it } from 'vitest';
import type { Front } from '../../schemas/artifact.js';
import { ablatedCurves, fixtureFront } from './fixtures.js';
import { makeReport, summaryOf, tablesOf } from './make.js';

describe('budgets', () => {
  it('stand beside what was run, and unequal ones are said', async () => {
    const fronts = ablatedCurves([0, 1]).map(({ coordinates, front }) => ({
      coordinates,
      front:
        coordinates.conditioning === 'logits' && front.trained
          ? { ...front, trained: { ...front.trained, groups: 19_200 } }
          : front,
    }));
    const made = await makeReport(fronts);
    const [run = []] = tablesOf(made.html);
    expect(run[0]).toEqual([
      'curve',
      'method',
      'seeds',
      'trade-offs',
      'steps',
      'groups',
      'tokens trained on',
    ]);
    expect(run.slice(1).map((row) => [row[0], ...row.slice(4)])).toEqual([
      ['full', '300', '4,800', '9,000'],
      ['logits', '300', '19,200', '9,100'],
      ['full corners-only', '300', '4,800', '8,900'],
      ['logits corners-only', '300', '19,200', '9,000'],
      ['full half-steps', '150', '2,400', '4,500'],
      ['prompt half-steps', '150', '2,400', '4,400'],
    ]);
    expect(made.summary.warnings).toContain(
      'The curves were not trained on equal budgets, in groups of responses: full 4800, logits 19200.',
    );
    const equal = await makeReport(ablatedCurves([0, 1]));
    expect(equal.summary.warnings.join(' ')).not.toContain('budgets');
  });

  it('say how curves were trained: groups of other sizes are warned of, a biased estimator has no verdict', async () => {
    const fronts = ablatedCurves([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).map(({ coordinates, front }) => {
      const logits = coordinates.conditioning === 'logits';
      const by = {
        ...(logits ? { kl: 'biased-k1-in-loss', biased: true } : { kl: 'k1-in-reward', biased: false }),
        ...{ alphaSchedule: { from: 0.3, share: 0.6 }, samples: logits ? 4 : 16 },
      };
      return {
        coordinates,
        front: front.trained ? { ...front, trained: { ...front.trained, by: [by] } } : front,
      };
    });
    const { html, summary } = await summaryOf(fronts);
    const [run = []] = tablesOf(html);
    expect([run[0]?.at(-1), run[1]?.at(-1)]).toEqual([
      'trained with',
      'k1-in-reward, alpha from 0.3 over 0.6 of the steps, 16 responses a group',
    ]);
    const warnings = summary.warnings.join('\n');
    expect(warnings).toContain('equal groups are not equal responses: full 16, logits 4.');
    expect(warnings).toContain('logits was trained with `kl: biased-k1-in-loss`');
    const [slice] = summary.slices;
    const why = 'logits was trained with a biased estimator';
    expect(slice?.unranked).toEqual([{ curve: 'logits', why }]);
    expect(slice?.differences[0]).toMatchObject({ verdict: 'undecided', why, adjusted: null });
    const judged = slice?.ablations.map(({ curve, differences: [row] }) => [curve, row?.verdict, row?.why]);
    expect(judged).toContainEqual([
      ...['logits corners-only', 'undecided'],
      `logits corners-only was trained with a biased estimator, ${why}`,
    ]);
    expect(judged).toContainEqual(['full corners-only', 'higher', 'by more than 0.001']);
  });

  it('say why figures are sampled where the prompts come from an exact world', async () => {
    const fronts = ablatedCurves([0]).map((one) => ({
      ...one,
      front: { ...one.front, unlisted: 'spaces are free' },
    }));
    expect((await makeReport(fronts)).summary.warnings).toContain(
      'full has sampled figures, although its prompts come from an exact world: spaces are free.',
    );
  });

  it('have what an answer costs beside them, where the fronts say it', async () => {
    const cost = {
      passesPerToken: 1,
      mergeFlops: 5000,
      residentParameters: 30_000,
      trainedParameters: 20_000,
    };
    const { html } = await makeReport(
      ablatedCurves([0]).map(({ coordinates, front }) => ({ coordinates, front: { ...front, cost } })),
    );
    const [[head = [], first = []] = []] = tablesOf(html);
    expect(head.slice(-3)).toEqual(['parameters trained', 'parameters held', 'FLOPs of a merge']);
    expect(first.slice(-3)).toEqual(['20,000', '30,000', '5,000']);
  });

  it('that are not known are no column', async () => {
    const { html } = await makeReport(
      ablatedCurves([0]).map(({ coordinates, front }) => ({
        coordinates,
        front: { ...front, trained: undefined } as unknown as Front,
      })),
    );
    expect(tablesOf(html)[0]?.[0]).toEqual(['curve', 'method', 'seeds', 'trade-offs']);
  });
});

describe('responses that are not drawn from the policy itself', () => {
  it('are said, and so is that not all fronts are asked alike', async () => {
    const decoding = { temperature: 0.7, top_k: 0, top_p: 0.9, min_p: 0, stop: ['\n'] };
    const fronts = ablatedCurves([0]).map(({ coordinates, front }) => ({
      coordinates,
      front: coordinates.conditioning === 'logits' ? { ...front, decoding } : front,
    }));
    const { warnings } = (await makeReport(fronts)).summary;
    expect(warnings).toContain(
      'logits was asked with temperature 0.7, top_p 0.9, stop ["\\n"]: its figures are those of what was drawn, not of the policy itself.',
    );
    expect(warnings).toContain(
      'The fronts were not asked with the same `decoding`: their responses are not drawn alike.',
    );
    const plain = (await makeReport(ablatedCurves([0]))).summary.warnings.join(' ');
    expect(plain).not.toContain('decoding');
    expect(plain).not.toContain('was asked with');
  });
});

describe('a low span', () => {
  it('is the reference that lacks something where the policy goes as far as its reference writes', async () => {
    const lower = (front: Front): Front => ({
      ...front,
      points: front.points.map((point) =>
        point.exact ? { ...point, exact: { ...point.exact, rewardsInReach: point.exact.rewards } } : point,
      ),
    });
    const locked = fixtureFront({ method: 'clp', answer: 'locked', seed: 0 });
    const warnings = async (front: Front): Promise<string> =>
      (await makeReport([{ coordinates: { method: 'clp', seed: '0' }, front }])).summary.warnings.join(' ');
    expect(await warnings(locked)).toContain('It locked in, or trained too little');
    // Its own rewards are all that the reference's texts allow, and move by more than the least span.
    expect(await warnings(lower(locked))).toMatch(
      /reaches as far as its reference model lets it: span 0\.\d\d/,
    );
    expect(await warnings(lower(locked))).not.toContain('locked in, or');
  });

  it('of curves that were not asked on the same prompts', async () => {
    const warned = async (n: number): Promise<string> => {
      const fronts = ablatedCurves([0, 1]).map(({ coordinates, front }) => ({
        coordinates,
        front: { ...front, prompts: { digest: 'same', n: coordinates.conditioning === 'full' ? n : 8 } },
      }));
      return (await makeReport(fronts)).summary.warnings.join(' ');
    };
    expect(await warned(8)).not.toContain('prompts');
    expect(await warned(4)).toContain('The fronts were not asked on the same prompts at seed 0, 1:');
  });

  it('of curves with several reference models at one seed is not for the same optimum', async () => {
    const fronts = ablatedCurves([0, 1]).map(({ coordinates, front }) => ({
      coordinates,
      front: {
        ...front,
        reference: {
          ...front.reference,
          digest: coordinates.seed === '1' ? (coordinates.conditioning ?? '') : 'same',
        },
      },
    }));
    expect((await makeReport(fronts)).summary.warnings).toContainEqual(
      expect.stringMatching(/^The curves do not have the same reference model at seed 1: V, KL and regret/),
    );
  });
});
