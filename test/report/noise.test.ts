/** What a ranking by sampled rewards says of itself where they don't tell the methods from the reference or each other. */
import { expect, it } from 'vitest';
import type { Front } from '../../schemas/artifact.js';
import { type Fronts, makeReport } from './make.js';

const weights = [
  [1, 0],
  [0.5, 0.5],
  [0, 1],
];

/** Two rewards that lie so far above those of the reference, at each trade-off. */
function front(method: string, gain: number, stderr: number | undefined): Front {
  return {
    v: 1,
    method,
    objectives: ['brevity', 'rouge'],
    points: weights.map((weights) => ({
      alpha: 0.1,
      weights,
      rewards: [0.5 + gain, 0.3 + gain],
      stderr: stderr === undefined ? null : [stderr, stderr],
      kl: 0.01,
      n: 32,
      length: 5,
      entropy: 1,
    })),
    reference: {
      rewards: [0.5, 0.3],
      stderr: stderr === undefined ? null : [stderr, stderr],
      n: 32,
      digest: 'a'.repeat(64),
    },
    prompts: { digest: 'b'.repeat(64), n: 32 },
    samples: [],
  } as unknown as Front;
}

async function findings(
  gains: Readonly<Record<string, readonly number[]>>,
  stderr?: number,
): Promise<readonly string[]> {
  const fronts: Fronts = Object.entries(gains).flatMap(([method, seeds]) =>
    seeds.map((gain, seed) => ({
      coordinates: { method, seed: String(seed) },
      front: front(method, gain, stderr),
    })),
  );
  const { summary, html } = await makeReport(fronts, { samples: 0 });
  const [first = ''] = summary.slices[0]?.findings ?? [];
  if (first !== '') expect(html).toContain(first.slice(0, 60));
  return summary.slices[0]?.findings ?? [];
}

it('none earns more than the reference: it is said beside the ranking, and no winner is named', async () => {
  const found = await findings({ clp: [0.004], soup: [-0.002] }, 0.02);
  expect(found).toEqual([
    'Gain in V over the reference model, sampled, highest first: clp 0.0026, soup −0.0028. ' +
      'None of them earns more than the reference model beyond the noise (mean change of w·r at the ends and in the middle: ' +
      'clp +0.004 ± 0.058, soup −0.002 ± 0.058), so their order says nothing.',
  ]);
});

it('one earns no more: it is named, and the others are ranked', async () => {
  const [order, winner] = await findings({ clp: [0.3], soup: [0.01] }, 0.02);
  expect(order).toMatch(
    /soup 0\.0080\. soup earns no more than the reference model beyond the noise \(.*soup \+0\.010 ± 0\.058\)\.$/,
  );
  expect(winner).toBe('At equal weights, sampled, clp has the highest V in 1 of 1 seed.');
});

it('all earn, and alike: their order is said to be none', async () => {
  const [order] = await findings({ clp: [0.3], soup: [0.29] }, 0.02);
  expect(order).toContain('No two of them differ beyond the noise (');
});

it('rewards far beyond the noise, and apart, are ranked without a word', async () => {
  const [order] = await findings({ clp: [0.5], soup: [0.2] }, 0.02);
  expect(order).toBe('Gain in V over the reference model, sampled, highest first: clp 0.4490, soup 0.1790.');
});

it('seeds that agree count, though each alone is noisy', async () => {
  const [order] = await findings({ clp: [0.03, 0.031, 0.029, 0.03], soup: [0.01, 0.011, 0.009, 0.01] }, 0.05);
  expect(order).toMatch(/soup 0\.0080\.$/);
});

it('where no standard errors are known nothing is said of noise', async () => {
  const [order] = await findings({ clp: [0.004], soup: [-0.002] });
  expect(order).toMatch(/soup −0\.0028\.$/);
});

it('a single method that earns nothing is told', async () => {
  expect(await findings({ clp: [0.004] }, 0.02)).toEqual([
    'clp earns no more than the reference model beyond the noise (mean change of w·r at the ends and in the middle: clp +0.004 ± 0.058).',
  ]);
});
