/** Brings points to one form: exact figures where the world gives them, sampled ones elsewhere. */
import type { Front, FrontPoint } from '../../schemas/artifact.js';
import type { SteeredPoint } from '../statistics/steering.js';
import { weightedSum } from '../vector.js';
import { fewer, halfInterval } from './over-prompts.js';
import type { SeedPoint } from './types.js';

/** The points of a front at one alpha, in the order of its grid. */
export function pointsAt(front: Front, alpha: number): SeedPoint[] {
  return front.points
    .filter((point) => point.alpha === alpha)
    .map((point) =>
      point.exact ? exactPoint(point, point.exact, front.reference) : sampledPoint(point, front.reference),
    );
}

/** What the optimum reaches by responses that the reference writes; empty where the front does not say. */
export function inReachAt(front: Front, alpha: number): SteeredPoint[] {
  return front.points.flatMap(({ alpha: own, weights, exact }) =>
    own === alpha && exact?.rewardsInReach ? [{ weights, rewards: exact.rewardsInReach }] : [],
  );
}

/** What the exact optimum reaches at the points of a front; empty where a point has no exact figures. */
export function optimumAt(front: Front, alpha: number): SeedPoint[] {
  const points = front.points.filter((point) => point.alpha === alpha);
  const optima = points.flatMap((point) => (point.exact ? [optimumPoint(point, point.exact)] : []));
  return optima.length === points.length ? optima : [];
}

function exactPoint(
  point: FrontPoint,
  exact: NonNullable<FrontPoint['exact']>,
  reference: Front['reference'],
): SeedPoint {
  return {
    weights: point.weights,
    rewards: exact.rewards,
    stderr: exact.rewards.map(() => 0),
    kl: exact.kl,
    value: exact.value,
    klStderr: 0,
    valueStderr: 0,
    referenceValue: exact.reference,
    prompts: fewer(point.prompts, reference.prompts),
    gainHalf: 0,
    regret: exact.regret,
    length: point.length,
    entropy: point.entropy,
    invalidMass: exact.invalidMass,
  };
}

function sampledPoint(point: FrontPoint, reference: Front['reference']): SeedPoint {
  const prompts = fewer(point.prompts, reference.prompts);
  // At most: as if the reference's rewards moved as one.
  const referenceError = reference.stderr && (1 - point.alpha) * weightedSum(point.weights, reference.stderr);
  return {
    weights: point.weights,
    rewards: point.rewards,
    stderr: point.stderr,
    kl: point.kl,
    value: objective(point.alpha, weightedSum(point.weights, point.rewards), point.kl),
    klStderr: point.klStderr ?? null,
    valueStderr: point.valueStderr ?? null,
    referenceValue: objective(point.alpha, weightedSum(point.weights, reference.rewards), reference.kl ?? 0),
    prompts,
    gainHalf: halfInterval([point.valueStderr ?? null, referenceError], prompts),
    regret: null,
    length: point.length,
    entropy: point.entropy,
    invalidMass: null,
  };
}

/** V* = (1 - alpha) w.r* - alpha KL*, so the optimum's KL follows from its value. */
function optimumPoint(point: FrontPoint, exact: NonNullable<FrontPoint['exact']>): SeedPoint {
  const reward = weightedSum(point.weights, exact.optimumRewards);
  return {
    weights: point.weights,
    rewards: exact.optimumRewards,
    stderr: exact.optimumRewards.map(() => 0),
    kl: ((1 - point.alpha) * reward - exact.optimum) / point.alpha,
    value: exact.optimum,
    klStderr: 0,
    valueStderr: 0,
    referenceValue: exact.reference,
    prompts: null,
    gainHalf: 0,
    regret: 0,
    length: null,
    entropy: null,
    invalidMass: null,
  };
}

function objective(alpha: number, reward: number, kl: number): number {
  return (1 - alpha) * reward - alpha * kl;
}

/** Asks for all objectives alike. */
export function isMiddle({ weights }: { readonly weights: readonly number[] }): boolean {
  return weights.every((w) => Math.abs(w - 1 / weights.length) < 1e-9);
}

/** The point that asks for all objectives alike. */
export function middle(points: readonly SeedPoint[]): SeedPoint | undefined {
  return points.find(isMiddle);
}

/** Points with no weight on any objective but the kept ones, as points of these alone. */
export function onFace(
  points: readonly SeedPoint[],
  objectives: readonly string[],
  kept: readonly string[],
): SeedPoint[] {
  const places = kept.map((name) => objectives.indexOf(name));
  const pick = (values: readonly number[]): number[] => places.map((place) => values[place] ?? NaN);
  return points
    .filter(({ weights }) => weights.every((w, k) => places.includes(k) || Math.abs(w) < 1e-9))
    .map((point) => ({
      ...point,
      weights: pick(point.weights),
      rewards: pick(point.rewards),
      stderr: point.stderr && pick(point.stderr),
    }));
}
