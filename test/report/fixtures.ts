/** Fronts in closed form: exact policies on small random trees, written as the front kind writes them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Front, FrontPoint, FrontSample, Trained } from '../../schemas/artifact.js';
import type { GatheredArtifact } from '../../schemas/protocol.js';
import { sha256 } from '../../schemas/json.js';
import { Random } from '../../stages/random.js';
import { exactPoint, mixOutcomes, optimalPolicy } from '../../stages/worlds/finite.js';
import type { FiniteProblem } from '../../stages/worlds/types.js';

export const objectives = ['nli', 'rouge'] as const;
export const alpha = 0.1;

/** How a fixture policy answers a trade-off on one problem. */
type Answer = (problem: FiniteProblem, weights: readonly number[]) => Float64Array;

const experts = (problem: FiniteProblem): Float64Array[] =>
  [0, 1].map((k) => optimalPolicy(problem, { alpha, weights: [0, 1].map((i) => (i === k ? 1 : 0)) }));

/** A chord in log space between a policy and the reference: `share` of the way to the policy. */
const towards = (problem: FiniteProblem, policy: Float64Array, share: number): Float64Array =>
  mixOutcomes([problem.logReference, policy], [1 - share, share]);

/** Three policies with known failings: nearly optimal, mixed experts that fall short, and one that locked in. */
export const answers: Readonly<Record<string, (share: number) => Answer>> = {
  full: (share) => (problem, weights) => towards(problem, optimalPolicy(problem, { alpha, weights }), share),
  soup: (share) => (problem, weights) =>
    towards(problem, mixOutcomes(experts(problem), weights), share * 0.7),
  locked: (share) => (problem, weights) => {
    const late = weights[0] === 0 ? [0.3, 0.7] : [0.5, 0.5];
    return towards(problem, optimalPolicy(problem, { alpha, weights: late }), share);
  },
};

/** Random rewards on twelve outcomes a prompt; the second reward opposes the first. */
export function problems(seed: number, prompts = 6): FiniteProblem[] {
  const random = new Random(seed, 'report-fixture');
  return Array.from({ length: prompts }, () => {
    const rewards = Array.from({ length: 12 }, () => {
      const first = random.uniform();
      return [first, 0.6 * (1 - first) + 0.4 * random.uniform()];
    });
    const probabilities = random.dirichlet(12, 2);
    return { rewards, logReference: Float64Array.from(probabilities, Math.log) };
  });
}

export interface FixtureOptions {
  readonly method: string;
  readonly answer: keyof typeof answers;
  readonly seed: number;
  readonly exact?: boolean;
  readonly points?: number;
  readonly trained?: Trained;
}

/** A front over an evenly spaced grid of weights. */
export function fixtureFront(options: FixtureOptions): Front {
  const { method, answer, seed, exact = true, points = 11 } = options;
  const random = new Random(seed, `report-fixture/${answer}`);
  const world = problems(seed);
  const respond = answers[answer]?.(0.9 + 0.1 * random.uniform());
  if (!respond) throw new Error(`no fixture policy ${answer}`);
  const grid = Array.from({ length: points }, (_, i) => [1 - i / (points - 1), i / (points - 1)]);
  const made = grid.map((weights): FrontPoint => {
    const truth = exactPoint(
      world.map((problem) => ({ problem, logPolicy: respond(problem, weights) })),
      { alpha, weights },
    );
    const noisy = truth.rewards.map((reward) => reward + 0.01 * random.normal());
    return {
      alpha,
      weights,
      rewards: noisy,
      stderr: [0.011, 0.012],
      kl: truth.kl + 0.01 * random.normal(),
      n: 96,
      prompts: 24,
      length: 8 + random.uniform(),
      entropy: 0.4 + 0.1 * random.uniform(),
      ...(exact ? { exact: truth } : {}),
    };
  });
  const reference = exactPoint(
    world.map((problem) => ({ problem, logPolicy: problem.logReference })),
    { alpha, weights: [1, 0] },
  );
  return {
    v: 1,
    method,
    objectives: [...objectives],
    points: made,
    reference: { rewards: [...reference.rewards], stderr: [0.01, 0.01], n: 96, prompts: 24 },
    prompts: { digest: `prompts of seed ${seed}`, n: 24 },
    samples: fixtureSamples(method, grid),
    ...(options.trained ? { trained: options.trained } : {}),
  };
}

function fixtureSamples(method: string, grid: readonly number[][]): FrontSample[] {
  const prompts = [
    'police said <b>on monday</b> that a fire damaged a warehouse & a shop.',
    'second "prompt"',
  ];
  return prompts.flatMap((prompt) =>
    grid.map((weights) => ({
      prompt,
      alpha,
      weights,
      response: `${method} at ${String(weights[0])}: north <script>alert(1)</script>`,
      rewards: [weights[0] ?? 0, weights[1] ?? 0],
    })),
  );
}

/** Writes fronts as artifacts, the way a worker is handed them. */
export function gather(
  folder: string,
  fronts: readonly { coordinates: Record<string, string>; front: Front }[],
): GatheredArtifact[] {
  return fronts.map(({ coordinates, front }, index) => {
    const path = join(folder, `front-${index}`);
    mkdirSync(path, { recursive: true });
    const text = JSON.stringify(front);
    const file = join(path, 'front.json');
    writeFileSync(file, text);
    const artifact = { type: 'front' as const, digest: sha256(text), path, files: { 'front.json': file } };
    return { stage: 'front', coordinates, artifact };
  });
}

/** Three curves (two conditionings and a soup), each at the given seeds. */
export function threeCurves(
  seeds: readonly number[],
  exact = true,
): { coordinates: Record<string, string>; front: Front }[] {
  const curves = [
    { axes: { method: 'clp', conditioning: 'full' }, method: 'clp', answer: 'full' },
    { axes: { method: 'clp', conditioning: 'logits' }, method: 'clp', answer: 'locked' },
    { axes: { method: 'rewarded-soup' }, method: 'rewarded-soup', answer: 'soup' },
  ];
  return curves.flatMap(({ axes, method, answer }) =>
    seeds.map((seed) => ({
      coordinates: { ...axes, seed: String(seed) },
      front: fixtureFront({ method, answer, seed, exact }),
    })),
  );
}

const budget = (steps: number, tokens: number): Trained => ({
  ...{ steps, groups: 16 * steps, responses: 256 * steps, tokens },
});

/**
 * What `$front(*).front` gathers of a file with two ablations of clp: `corners-only` of both conditionings, and
 * `half-steps` of one, whose other base cell was excluded; all others are base cells.
 */
export function ablatedCurves(
  seeds: readonly number[],
  exact = true,
): { coordinates: Record<string, string>; front: Front }[] {
  const curves = [
    { axes: { method: 'clp', conditioning: 'full' }, answer: 'full', trained: budget(300, 9000) },
    { axes: { method: 'clp', conditioning: 'logits' }, answer: 'soup', trained: budget(300, 9100) },
    {
      axes: { method: 'clp', conditioning: 'full', ablation: 'corners-only' },
      answer: 'soup',
      trained: budget(300, 8900),
    },
    {
      axes: { method: 'clp', conditioning: 'logits', ablation: 'corners-only' },
      answer: 'locked',
      trained: budget(300, 9000),
    },
    {
      axes: { method: 'clp', conditioning: 'full', ablation: 'half-steps' },
      answer: 'locked',
      trained: budget(150, 4500),
    },
    {
      axes: { method: 'clp', conditioning: 'prompt', ablation: 'half-steps' },
      answer: 'full',
      trained: budget(150, 4400),
    },
  ] as const;
  return curves.flatMap(({ axes, answer, trained }) =>
    seeds.map((seed) => ({
      coordinates: { ...axes, seed: String(seed) },
      front: fixtureFront({ method: 'clp', answer, seed, exact, trained }),
    })),
  );
}
