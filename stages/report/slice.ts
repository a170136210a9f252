/** Everything that is known at one alpha. */
import { estimate } from './estimate.js';
import { differencesOf, epsilonsOf } from './differences.js';
import { lockInOf } from './lock-in.js';
import { hasOwnPrompts, unrankedOf } from './standing.js';
import { type Curve, mainCurves } from './fronts.js';
import { type Answer, type Answered, answersTo, objectivesOf } from './answers.js';
import { ablationsOf } from './ablations.js';
import {
  type Yardstick,
  calibrationOf,
  expertsOf,
  measuredBy,
  narrowed,
  optimaOf,
  referencesOf,
  scaleOf,
} from './yardstick.js';
import { findingsOf } from './findings.js';
import { figuresOf } from './measures.js';
import { corner, leastSpanOf } from '../statistics/steering.js';
import { halfInterval } from './over-prompts.js';
import { middle } from './points.js';
import type { Change, CurveSummary, PointSummary, SeedPoint, SeedSummary, Slice } from './types.js';

/** Seeds that share prompts and dice share their noise too: what they agree on need not hold of others. */
const ofThesePrompts = 'on these prompts';

export interface SliceOptions {
  readonly objectives: readonly string[];
  /** What a difference must exceed to be one. */
  readonly margin: number;
}

export function sliceAt(
  curves: readonly Curve[],
  alpha: number,
  { objectives, margin }: SliceOptions,
): Slice {
  const main = mainCurves(curves);
  const rest = curves.filter((curve) => !main.includes(curve));
  const answered = answersTo(main, alpha);
  const variants = answersTo(rest, alpha, main.length);
  const exact = answered.every(({ answers }) => answers.every((answer) => answer.optimum.length > 0));
  const references = referencesOf(answered, alpha, objectives.length);
  const optimum = optimaOf(answered);
  const experts = expertsOf(answered);
  const scale = scaleOf(references, optimum ?? experts);
  const judgedBy = exact ? 'regret-mean' : 'gain-mean';
  const yardstick = { objectives, experts, scale };
  const drawn = answered.map((one) => ({ answered: one, summary: curveOf(one, yardstick) }));
  const made = drawn.map(({ summary }) => summary);
  const figures = remembered((answer: Answer) => figuresOf(measuredBy(answer, yardstick)));
  const varied = variants.map((one) => curveOf(one, narrowed(yardstick, objectivesOf(one))));
  const summaries = new Map([...made, ...varied].map((curve) => [curve.name, curve]));
  const judging = {
    judgedBy,
    margin,
    holdsOf: exact || [...summaries.values()].every(hasOwnPrompts) ? '' : ofThesePrompts,
  };
  const slice = {
    alpha,
    exact,
    judgedBy,
    curves: made,
    variants: varied,
    ablations: ablationsOf(variants, { ...yardstick, ...judging, main, answered, alpha, summaries }),
    optimum: optimum ? curveOf(optimum, { objectives, experts: undefined, scale }) : null,
    reference: references.map((values) => estimate(values)),
    calibration: calibrationOf(scale, optimum, experts),
    differences: differencesOf(drawn, { ...judging, figures }),
    epsilons: epsilonsOf(drawn),
    lockIn: lockInOf(made),
    unranked: unrankedOf(made),
    changes: exact ? [] : answered.flatMap((one) => changesOf(one, objectives)),
    findings: [],
  };
  return { ...slice, findings: findingsOf(slice) };
}

/** A front is in as many pairs as there are other curves. */
function remembered<K, V>(of: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const value = known.get(key) ?? of(key);
    known.set(key, value);
    return value;
  };
}

function curveOf({ curve, index, answers }: Answered, yardstick: Yardstick): CurveSummary {
  const seeds = answers.map((answer): SeedSummary => {
    const { seed, front, points, inReach } = answer;
    const figures = figuresOf(measuredBy(answer, yardstick));
    const known = inReach.length === points.length;
    const spanInReach = known ? leastSpanOf(points, inReach) : (figures.span ?? null);
    return {
      seed,
      reference: front.reference.digest ?? null,
      prompts: front.prompts ? `${front.prompts.digest} ${front.prompts.n}` : null,
      decoding: front.decoding ?? null,
      unlisted: front.unlisted ?? null,
      trainedBy: front.trained?.by ?? [],
      spanInReach,
      figures,
      points,
    };
  });
  const ids = Object.keys(seeds[0]?.figures ?? {});
  return {
    name: curve.name,
    index,
    method: curve.method,
    coordinates: curve.coordinates,
    objectives: yardstick.objectives,
    seeds,
    points: pointsOverSeeds(seeds),
    figures: Object.fromEntries(ids.map((id) => [id, estimate(seeds.map((seed) => seed.figures[id]))])),
  };
}

/** The mean of each trade-off over the seeds that asked for it, in the order in which they first appear. */
function pointsOverSeeds(seeds: readonly SeedSummary[]): PointSummary[] {
  const groups = new Map<string, SeedPoint[]>();
  for (const point of seeds.flatMap((seed) => seed.points)) {
    const name = JSON.stringify(point.weights);
    groups.set(name, [...(groups.get(name) ?? []), point]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first ? [meanPoint(first, group)] : [];
  });
}

function meanPoint(first: SeedPoint, group: readonly SeedPoint[]): PointSummary {
  return {
    weights: first.weights,
    rewards: first.weights.map((_, k) => estimate(group.map((point) => point.rewards[k]))),
    kl: estimate(group.map((point) => point.kl)),
    value: estimate(group.map((point) => point.value)),
    valueStderr: estimate(group.map((point) => point.valueStderr)).mean,
    regret: estimate(group.map((point) => point.regret)),
  };
}

/** Change of each reward against the reference at the corners and in the middle, with the noise of both. */
function changesOf({ curve, answers }: Answered, objectives: readonly string[]): Change[] {
  return answers.flatMap((answer) => {
    const corners = objectives.flatMap((_, k) => corner(answer.points, k) ?? []);
    const telling = new Set([...corners, ...[middle(answer.points)].filter((point) => point !== undefined)]);
    return [...telling].flatMap((point) =>
      objectives.map((objective, k) => change(curve.name, answer, { point, objective, k })),
    );
  });
}

function change(
  curve: string,
  { seed, front }: Answer,
  { point, objective, k }: { point: SeedPoint; objective: string; k: number },
): Change {
  const difference = (point.rewards[k] ?? 0) - (front.reference.rewards[k] ?? 0);
  const [ours, theirs] = [point.stderr?.[k] ?? null, front.reference.stderr?.[k] ?? null];
  const half = halfInterval([ours, theirs], point.prompts);
  const range =
    half === null ? { low: null, high: null } : { low: difference - half, high: difference + half };
  return { curve, seed, weights: point.weights, objective, change: difference, ...range };
}
