/** The measures of a front: what each is called, what it means, and how it follows from the points. */
import { mean } from 'simple-statistics';
import type { Cost, Trained } from '../../schemas/artifact.js';
import { type Calibration as Scale, calibrated } from '../pareto/calibration.js';
import { hullHypervolume } from '../pareto/hull.js';
import { kendallTauB } from '../statistics/rank-correlation.js';
import { type RegretSummary, regretSummary } from '../statistics/regret.js';
import {
  corner,
  leastSpanOf,
  monotonicityViolations,
  steeringOrder,
  toleranceOf,
} from '../statistics/steering.js';
import { middle } from './points.js';
import type { Figures, Measure, SeedPoint } from './types.js';

/** A front at one alpha, with what it is measured against. */
export interface Measured {
  readonly points: readonly SeedPoint[];
  /** What spans are relative to: the exact optimum, else the experts; empty where neither is known. */
  readonly yardstick: readonly SeedPoint[];
  readonly scale: Scale | null;
  /** What the policy was trained on, where that is known. */
  readonly trained?: Trained | undefined;
  /** What its answers cost, where that is known. */
  readonly cost?: Cost | undefined;
}

interface Definition extends Measure {
  readonly of: (front: Measured) => number | null;
}

const primary: readonly Definition[] = [
  {
    id: 'regret-mean',
    title: 'mean V-regret',
    meaning:
      'What is lost against the exact optimum, V* − V, averaged over the weights; V = (1 − alpha) w·r − alpha KL. 0 is optimal.',
    better: 'lower',
    group: 'main',
    digits: 4,
    of: ({ points }) => regrets(points)?.mean ?? null,
  },
  {
    id: 'regret-max',
    title: 'max V-regret',
    meaning: 'V* − V at the weight where most is lost: it sees a policy that ignores one end of the weights.',
    better: 'lower',
    group: 'main',
    digits: 4,
    of: ({ points }) => regrets(points)?.max ?? null,
  },
  {
    id: 'closed',
    title: 'closed',
    meaning:
      'Share of the way from the reference to the optimum: 1 − mean regret / mean (V* − V of the reference), where that is .001 or more.',
    better: 'higher',
    group: 'main',
    digits: 3,
    of: ({ points }) => regrets(points)?.closed ?? null,
  },
  {
    id: 'value-middle',
    title: 'V at equal weights',
    meaning: 'V where all rewards weigh the same, the trade-off that no expert was trained for.',
    better: 'higher',
    group: 'main',
    digits: 4,
    of: ({ points }) => middle(points)?.value ?? null,
  },
  {
    id: 'steering-order',
    title: 'steering order',
    meaning:
      'Share of pairs of weights w, w′ with (w − w′)·(r(w) − r(w′)) > 0: asking for more gives more. Pairs within .001, or two standard errors of sampled rewards, count one half, those of the optimum too: compare with its row.',
    better: 'higher',
    group: 'main',
    digits: 3,
    of: ({ points }) => order(points),
  },
  {
    id: 'span',
    title: 'span',
    meaning:
      'How far the corners of the simplex pull a reward apart, relative to the exact optimum (to the experts where no optimum is known); the least over the rewards. Under .75 it is called lock-in, unless the reference hardly writes what the ends ask for.',
    better: 'higher',
    group: 'main',
    digits: 3,
    of: ({ points, yardstick }) => leastSpanOf(points, yardstick),
  },
  {
    id: 'hypervolume',
    title: 'hull hypervolume',
    meaning:
      'Volume below all mixtures of the points, with each reward scaled to 0 at the reference and 1 at its expert. It does not see the KL that was paid: read it beside the regret.',
    better: 'higher',
    group: 'main',
    digits: 3,
    of: ({ points, scale }) => hull(points, scale),
  },
];

const details: readonly Definition[] = [
  {
    id: 'gain-mean',
    title: 'gain in V',
    meaning: 'V minus V of the reference model, averaged over the weights.',
    better: 'higher',
    group: 'detail',
    digits: 4,
    of: ({ points }) => mean(points.map((point) => point.value - point.referenceValue)),
  },
  {
    id: 'corner-reward',
    title: 'corner reward',
    meaning: 'The reward that is asked for alone, at its corner of the simplex; the mean over rewards.',
    better: 'higher',
    group: 'detail',
    digits: 3,
    of: ({ points }) => cornerReward(points),
  },
  {
    id: 'tau',
    title: 'Kendall tau-b',
    meaning:
      'Rank correlation of each weight with its reward, the mean over rewards. For correlated rewards even the optimum scores low: compare with its row.',
    better: 'neither',
    group: 'detail',
    digits: 3,
    of: ({ points }) => meanOverObjectives(points, (k) => tau(points, k)),
  },
  {
    id: 'falls',
    title: 'falls',
    meaning:
      'Share of steps to a larger weight on which the reward falls by more than .001, or two standard errors of sampled rewards; the mean over rewards.',
    better: 'neither',
    group: 'detail',
    digits: 3,
    of: ({ points }) => meanOverObjectives(points, (k) => monotonicityViolations(points, k)),
  },
  {
    id: 'kl',
    title: 'KL',
    meaning: 'KL to the reference over whole responses, in nats, averaged over the weights.',
    better: 'neither',
    group: 'detail',
    digits: 3,
    of: ({ points }) => mean(points.map((point) => point.kl)),
  },
  {
    id: 'value-error',
    title: 'error of V',
    meaning:
      'Standard error over prompts of a sampled V, averaged over the weights. Intervals over seeds leave it out.',
    better: 'neither',
    group: 'detail',
    digits: 4,
    of: ({ points }) => sampledError(points, ({ valueStderr }) => valueStderr),
  },
  {
    id: 'kl-error',
    title: 'error of KL',
    meaning: 'Standard error over prompts of a sampled KL, averaged over the weights.',
    better: 'neither',
    group: 'detail',
    digits: 3,
    of: ({ points }) => sampledError(points, ({ klStderr }) => klStderr),
  },
  {
    id: 'length',
    title: 'length',
    meaning: 'Tokens a sampled response, averaged over the weights.',
    better: 'neither',
    group: 'detail',
    digits: 1,
    of: ({ points }) => meanKnown(points.map((point) => point.length)),
  },
  {
    id: 'entropy',
    title: 'entropy',
    meaning: 'Entropy of the policy at a sampled token, in nats, averaged over the weights.',
    better: 'neither',
    group: 'detail',
    digits: 3,
    of: ({ points }) => meanKnown(points.map((point) => point.entropy)),
  },
  {
    id: 'invalid-mass',
    title: 'invalid mass',
    meaning:
      'Largest probability over the weights that the policy leaves the responses which the exact world can list; regret is exact up to the KL of that mass.',
    better: 'neither',
    group: 'detail',
    digits: 4,
    of: ({ points }) => maxKnown(points.map((point) => point.invalidMass)),
  },
];

const budgets: readonly Definition[] = [
  {
    id: 'trained-steps',
    title: 'steps',
    meaning: 'Updates of the parameters in training; of all experts together where several are mixed.',
    better: 'neither',
    group: 'budget',
    digits: 0,
    of: ({ trained }) => trained?.steps ?? null,
  },
  {
    id: 'trained-groups',
    title: 'groups',
    meaning: 'Prompts answered in training, each at one trade-off by a group of responses.',
    better: 'neither',
    group: 'budget',
    digits: 0,
    of: ({ trained }) => trained?.groups ?? null,
  },
  {
    id: 'trained-tokens',
    title: 'tokens trained on',
    meaning: 'Tokens that ran through the policy in the gradients of its training.',
    better: 'neither',
    group: 'budget',
    digits: 0,
    of: ({ trained }) => trained?.tokens ?? null,
  },
  {
    id: 'trained-parameters',
    title: 'parameters trained',
    meaning: 'Numbers that training changed, all copies together.',
    better: 'neither',
    group: 'budget',
    digits: 0,
    of: ({ cost }) => cost?.trainedParameters ?? null,
  },
  {
    id: 'resident-parameters',
    title: 'parameters held',
    meaning: 'Numbers that have to be in memory to answer any trade-off.',
    better: 'neither',
    group: 'budget',
    digits: 0,
    of: ({ cost }) => cost?.residentParameters ?? null,
  },
  {
    id: 'merge-flops',
    title: 'FLOPs of a merge',
    meaning: 'Floating-point operations that make the model of one trade-off, at most over the grid.',
    better: 'neither',
    group: 'budget',
    digits: 0,
    of: ({ cost }) => cost?.mergeFlops ?? null,
  },
];

const definitions: readonly Definition[] = [...primary, ...details, ...budgets];

/** All measures, without how they are computed. */
export const measures: readonly Measure[] = definitions.map(
  ({ id, title, meaning, better, group, digits }) => ({ id, title, meaning, better, group, digits }),
);

/** A measure's title with an arrow to where it is better, which never stands on a line alone. */
export function directed({ title, better }: Measure): string {
  return title + (better === 'lower' ? '\u00a0↓' : better === 'higher' ? '\u00a0↑' : '');
}

/** Every measure of one front; null where it is not defined there. */
export function figuresOf(front: Measured): Figures {
  return Object.fromEntries(definitions.map((definition) => [definition.id, definition.of(front)]));
}

/** Regret over the weights; null unless the optimum is known at every point. */
function regrets(points: readonly SeedPoint[]): RegretSummary | null {
  const valued = points.flatMap(({ regret, value, referenceValue }) =>
    regret === null ? [] : [{ value, optimum: value + regret, reference: referenceValue }],
  );
  return valued.length === points.length ? regretSummary(valued) : null;
}

/**
 * Steering order with the tolerance of each pair: 1e-3, or two standard errors where rewards are sampled; null where
 * those are not known.
 */
function order(points: readonly SeedPoint[]): number | null {
  if (points.some(({ stderr }) => stderr === null)) return null;
  const scores = points.flatMap((a, i) =>
    points.slice(0, i).flatMap((b) => steeringOrder([a, b], tolerance(a, b)) ?? []),
  );
  return scores.length === 0 ? null : mean(scores);
}

function tolerance(a: SeedPoint, b: SeedPoint): number {
  const variance = a.weights.reduce((sum, w, k) => {
    const [ours, theirs] = [a.stderr?.[k] ?? 0, b.stderr?.[k] ?? 0];
    return sum + (w - (b.weights[k] ?? 0)) ** 2 * (ours ** 2 + theirs ** 2);
  }, 0);
  return toleranceOf(Math.sqrt(variance));
}

/** Null where figures are exact, or the error of a point is not known. */
function sampledError(points: readonly SeedPoint[], of: (point: SeedPoint) => number | null): number | null {
  const errors = points.flatMap((point) => (point.regret === null ? (of(point) ?? []) : []));
  return errors.length < points.length ? null : mean(errors);
}

function cornerReward(points: readonly SeedPoint[]): number | null {
  const rewards = (points[0]?.weights ?? []).flatMap((_, k) => corner(points, k)?.rewards[k] ?? []);
  return rewards.length > 0 && rewards.length === points[0]?.weights.length ? mean(rewards) : null;
}

function hull(points: readonly SeedPoint[], scale: Scale | null): number | null {
  if (scale === null) return null;
  const origin = scale.zero.map(() => 0);
  return hullHypervolume(
    points.map((point) => calibrated(point.rewards, scale)),
    origin,
  );
}

function tau(points: readonly SeedPoint[], k: number): number | null {
  const weights = points.map((point) => point.weights[k] ?? 0);
  if (new Set(weights).size < 2) return null;
  return kendallTauB(
    weights,
    points.map((point) => point.rewards[k] ?? 0),
  );
}

function meanOverObjectives(points: readonly SeedPoint[], of: (k: number) => number | null): number | null {
  return meanKnown((points[0]?.weights ?? []).map((_, k) => of(k)));
}

function meanKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : mean(known);
}

function maxKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
