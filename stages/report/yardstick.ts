/** What fronts are measured against: the reference model, the exact optimum, the experts. */
import { mean } from 'simple-statistics';
import { type Calibration as Scale, calibration } from '../pareto/calibration.js';
import { corner } from '../statistics/steering.js';
import type { Answer, Answered } from './answers.js';
import type { Measured } from './measures.js';
import { onFace } from './points.js';
import type { Calibration, SeedPoint } from './types.js';

export type { Scale };

/** What the figures of a curve are relative to. */
export interface Yardstick {
  readonly objectives: readonly string[];
  readonly experts: Answered | undefined;
  readonly scale: Scale | null;
}

/** The yardstick of some of its objectives: trade-offs with no weight on the others. */
export function narrowed({ objectives, experts, scale }: Yardstick, kept: readonly string[]): Yardstick {
  const places = kept.map((name) => objectives.indexOf(name));
  const known = places.every((place) => place >= 0);
  const pick = (values: readonly number[]): number[] => places.map((place) => values[place] ?? NaN);
  return {
    objectives: kept,
    experts: experts && known ? onFaceOf(experts, objectives, kept) : undefined,
    scale: scale && known ? { zero: pick(scale.zero), one: pick(scale.one) } : null,
  };
}

function onFaceOf(answered: Answered, objectives: readonly string[], kept: readonly string[]): Answered {
  const answers = answered.answers.map((answer) => ({
    ...answer,
    points: onFace(answer.points, objectives, kept),
  }));
  return { ...answered, answers };
}

/** A front with all that its figures are made of; its experts are those of its seed, whose reference is the same. */
export function measuredBy(
  { seed, front, points, optimum }: Answer,
  { experts, scale }: Yardstick,
): Measured {
  const expert = experts?.answers.find((answer) => answer.seed === seed)?.points ?? [];
  return {
    points,
    yardstick: optimum.length > 0 ? optimum : expert,
    scale,
    trained: front.trained,
    cost: front.cost,
  };
}

/** Methods whose policies at the corners of the simplex are trained on one reward alone. */
// A front of a command's may be of MORLHF: one policy a weighting.
const expertMethods = ['rewarded-soup', 'morlhf', 'soft'];

/** The first curve whose corners are experts, all of them at every seed; undefined where none was run. */
export function expertsOf(answered: readonly Answered[]): Answered | undefined {
  return answered.find(
    ({ curve, answers }) =>
      expertMethods.includes(curve.method) && answers.every(({ points }) => hasEveryCorner(points)),
  );
}

function hasEveryCorner(points: readonly SeedPoint[]): boolean {
  return (points[0]?.weights ?? []).every((_, k) => corner(points, k) !== undefined);
}

/** One answer a seed: of the fronts of a seed, the one with most trade-offs. */
function perSeed(answered: readonly Answered[]): Answer[] {
  const chosen = new Map<string, Answer>();
  for (const answer of answered.flatMap(({ answers }) => answers)) {
    const before = chosen.get(answer.seed);
    if (!before || answer.points.length > before.points.length) chosen.set(answer.seed, answer);
  }
  return [...chosen.values()];
}

/** The exact optimum as a curve with one front a seed (each seed has its own reference model). */
export function optimaOf(answered: readonly Answered[]): Answered | undefined {
  const known = answered.map((one) => ({
    ...one,
    answers: one.answers.filter((answer) => answer.optimum.length > 0),
  }));
  const answers = perSeed(known).map((answer) => ({ ...answer, points: answer.optimum }));
  if (answers.length === 0) return undefined;
  const curve = { name: 'exact optimum', method: 'optimum', stage: '', coordinates: {}, replicates: [] };
  return { curve, index: -1, answers };
}

/** Rewards of the reference model: for each objective one value a seed. */
export function referencesOf(answered: readonly Answered[], alpha: number, m: number): number[][] {
  const answers = perSeed(answered);
  return Array.from({ length: m }, (_, k) => answers.map((answer) => referenceReward(answer, alpha, k)));
}

/** Exact where the world gives V of the reference at a corner, (1 - alpha) r_k there; else sampled. */
function referenceReward({ front, points, optimum }: Answer, alpha: number, k: number): number {
  const here = optimum.length > 0 ? corner(points, k) : undefined;
  return here ? here.referenceValue / (1 - alpha) : (front.reference.rewards[k] ?? 0);
}

/** One frozen scale for all curves and seeds: 0 at the reference, 1 at each reward's expert, means over seeds. */
export function scaleOf(
  references: readonly (readonly number[])[],
  experts: Answered | undefined,
): Scale | null {
  if (!experts) return null;
  const tops = references.map((_, k) => {
    const corners = experts.answers.flatMap((answer) => corner(answer.points, k) ?? []);
    return corners.length === 0 ? null : meanRewards(corners);
  });
  const known = tops.filter((top) => top !== null);
  return known.length === tops.length
    ? calibration(
        references.map((values) => mean([...values])),
        known,
      )
    : null;
}

function meanRewards(points: readonly SeedPoint[]): number[] {
  return (points[0]?.rewards ?? []).map((_, k) => mean(points.map((point) => point.rewards[k] ?? 0)));
}

/** The scale with the words for its caption. */
export function calibrationOf(
  scale: Scale | null,
  optimum: Answered | undefined,
  experts: Answered | undefined,
): Calibration | null {
  if (scale === null) return null;
  const top = optimum
    ? 'the exact optimum of each reward alone'
    : `the experts of ${experts?.curve.name ?? ''}`;
  return { zero: scale.zero, one: scale.one, source: `0 is the reference model, 1 ${top}` };
}
