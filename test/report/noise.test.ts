/** What a ranking by sampled figures says of itself where they don't tell the methods from the reference or each other. */
import { expect, it } from 'vitest';
import type { Front } from '../../schemas/artifact.js';
import { type Fronts, summaryOf } from './make.js';

const weights = [
  [1, 0],
  [0.5, 0.5],
  [0, 1],
];

interface Asked {
  readonly kl?: number;
  readonly prompts?: string;
  readonly biased?: boolean;
}

/** Two rewards that lie so far above those of the reference, at each trade-off. */
function front(
  method: string,
  gain: number,
  { stderr, kl = 0.01, prompts = 'b'.repeat(64), biased = false }: Asked & { stderr: number | undefined },
): Front {
  const by = [{ kl: 'biased-k1-in-loss', biased, alphaSchedule: 'constant', samples: 4 }];
  return {
    v: 1,
    method,
    objectives: ['brevity', 'rouge'],
    points: weights.map((weights) => ({
      alpha: 0.1,
      weights,
      rewards: [0.5 + gain, 0.3 + gain],
      stderr: stderr === undefined ? null : [stderr, stderr],
      kl,
      valueStderr: stderr === undefined ? null : 0.9 * stderr,
      n: 32,
      prompts: 32,
      length: 5,
      entropy: 1,
    })),
    reference: {
      rewards: [0.5, 0.3],
      stderr: stderr === undefined ? null : [stderr, stderr],
      n: 32,
      prompts: 32,
      digest: 'a'.repeat(64),
    },
    prompts: { digest: prompts, n: 32 },
    trained: { steps: 1, groups: 1, responses: 4, tokens: 20, by },
    samples: [],
  } as unknown as Front;
}

async function findings(
  gains: Readonly<Record<string, readonly number[]>>,
  stderr?: number,
  asked: (method: string, seed: number) => Asked = () => ({}),
): Promise<readonly string[]> {
  const fronts: Fronts = Object.entries(gains).flatMap(([method, seeds]) =>
    seeds.map((gain, seed) => ({
      coordinates: { method, seed: String(seed) },
      front: front(method, gain, { stderr, ...asked(method, seed) }),
    })),
  );
  const { summary, html } = await summaryOf(fronts);
  const [first = ''] = summary.slices[0]?.findings ?? [];
  if (first !== '') expect(html).toContain(first.slice(0, 60));
  return summary.slices[0]?.findings ?? [];
}

it('none gains more than the reference: it is said beside the ranking, and no winner is named', async () => {
  const found = await findings({ clp: [0.004], soup: [-0.002] }, 0.02);
  expect(found).toEqual([
    'Gain in V over the reference model, sampled, highest first (± the standard error of V over prompts): ' +
      'clp 0.0026 ± 0.0180, soup −0.0028 ± 0.0180. ' +
      'None of them gains more than the reference model beyond the noise (gain in V with its 95% interval over prompts: ' +
      'clp +0.003 ± 0.052, soup −0.003 ± 0.052), so their order says nothing.',
  ]);
});

it('none gains more, but one loses far more than the other: their order stands', async () => {
  const [order, winner] = await findings({ clp: [-0.01], soup: [-0.5] }, 0.02);
  expect(order).toMatch(
    / None of them gains more than the reference model beyond the noise \(.*clp −0\.010 ± 0\.052, soup −0\.451 ± 0\.052\)\.$/,
  );
  expect(winner).toBe('At equal weights, sampled, clp has the highest V in 1 of 1 seed.');
});

it('one gains no more: it is named, and the others are ranked', async () => {
  const [order, winner] = await findings({ clp: [0.3], soup: [0.01] }, 0.02);
  expect(order).toMatch(
    /soup 0\.0080 ± 0\.0180\. soup gains no more than the reference model beyond the noise \(.*soup \+0\.008 ± 0\.052\)\.$/,
  );
  expect(winner).toBe('At equal weights, sampled, clp has the highest V in 1 of 1 seed.');
});

it('rewards that are alike do not make methods alike of which one pays for them in KL', async () => {
  const [order, winner] = await findings({ clp: [0.3], soup: [0.3] }, 0.02, (method) => ({
    kl: method === 'clp' ? 0.1 : 3,
  }));
  expect(order).toContain('clp 0.2600 ± 0.0180, soup −0.0300 ± 0.0180. soup gains no more');
  expect(order).not.toContain('order says nothing');
  expect(winner).toBe('At equal weights, sampled, clp has the highest V in 1 of 1 seed.');
});

it('all gain, and alike: their order is said to be none', async () => {
  const [order] = await findings({ clp: [0.3], soup: [0.29] }, 0.02);
  expect(order).toContain('No two of them differ beyond the noise (');
});

it('a curve that is not ranked does not tell those apart that are', async () => {
  const gains = { a: [0.3, 0.301, 0.299], b: [0.299, 0.3, 0.301], c: [0.1, 0.1, 0.1] };
  const asked = (method: string, seed: number): Asked => ({
    prompts: `of seed ${seed}`,
    biased: method === 'c',
  });
  const found = await findings(gains, 0.02, asked);
  expect(found[0]).toContain('No two of them differ beyond the noise (');
  expect(found.at(-1)).toBe('Not ranked: c (c was trained with a biased estimator).');
});

it('gains far beyond the noise, and apart, are ranked without a word', async () => {
  const [order] = await findings({ clp: [0.5], soup: [0.2] }, 0.02);
  expect(order).toMatch(/: clp 0\.4490 ± 0\.0180, soup 0\.1790 ± 0\.0180\.$/);
});

it('seeds that agree count, though each alone is noisy, where each has prompts of its own', async () => {
  const gains = { clp: [0.03, 0.031, 0.029, 0.03], soup: [0.01, 0.011, 0.009, 0.01] };
  const [own] = await findings(gains, 0.05, (_, seed) => ({ prompts: `of seed ${seed}` }));
  expect(own).toMatch(/soup 0\.0080 ± 0\.0450\.$/);
  // On the same prompts they share the noise, and agree on it.
  const [same] = await findings(gains, 0.05);
  expect(same).toMatch(/None of them gains more .* ± 0\.130\), so their order says nothing\.$/);
});

it('where no standard errors are known nothing is said of noise', async () => {
  const [order] = await findings({ clp: [0.004], soup: [-0.002] });
  expect(order).toMatch(/soup −0\.0028\.$/);
});

it('a single method that gains nothing is told', async () => {
  expect(await findings({ clp: [0.004] }, 0.02)).toEqual([
    'clp gains no more than the reference model beyond the noise (gain in V with its 95% interval over prompts: clp +0.003 ± 0.052).',
  ]);
});
