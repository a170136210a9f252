/**
 * Every figure of a report, computed again from the fronts by other means than the report's: nothing of stages/
 * is used here. Two objectives, one alpha.
 */
import type { Front } from '../../schemas/artifact.js';
import type { Fronts } from './make.js';

export interface Estimated {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
}

/** 97.5% quantiles of Student's t for 1, 2, ... degrees of freedom, from printed tables. */
const student = [12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216, 2.22814];

export function estimated(values: readonly number[]): Estimated {
  const n = values.length;
  const mean = average(values);
  if (n < 3) return { mean, low: null, high: null, n };
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const half = (student[n - 2] ?? NaN) * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half, n };
}

export function average(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

type Pair = readonly [number, number];
const pair = (values: readonly number[]): Pair => [values[0] ?? NaN, values[1] ?? NaN];

export interface Row {
  readonly w: Pair;
  readonly r: Pair;
  readonly se: Pair;
  readonly kl: number;
  readonly v: number;
  readonly ref: number;
}

/** Points in exact figures where there are any. */
export function rowsOf(front: Front): Row[] {
  return front.points.map(({ alpha, weights, rewards, stderr, kl, exact }) => {
    const value = (r: readonly number[], d: number): number =>
      (1 - alpha) * ((weights[0] ?? 0) * (r[0] ?? 0) + (weights[1] ?? 0) * (r[1] ?? 0)) - alpha * d;
    return exact
      ? {
          w: pair(weights),
          r: pair(exact.rewards),
          se: [0, 0],
          kl: exact.kl,
          v: value(exact.rewards, exact.kl),
          ref: exact.reference,
        }
      : {
          w: pair(weights),
          r: pair(rewards),
          se: pair(stderr ?? []),
          kl,
          v: value(rewards, kl),
          ref: value(front.reference.rewards, 0),
        };
  });
}

const optimumRows = (front: Front): Row[] =>
  front.points.flatMap((point) =>
    point.exact
      ? [
          {
            w: pair(point.weights),
            r: pair(point.exact.optimumRewards),
            se: [0, 0] as const,
            kl: NaN,
            v: point.exact.optimum,
            ref: point.exact.reference,
          },
        ]
      : [],
  );

/** Rewards of the reference: V of the reference at a corner is (1 - alpha) r there. */
function referenceOf(front: Front, alpha: number): Pair {
  const rows = optimumRows(front);
  const at = (k: 0 | 1): number =>
    rows.length > 0
      ? (rows.find((row) => row.w[k] === 1)?.ref ?? NaN) / (1 - alpha)
      : (front.reference.rewards[k] ?? NaN);
  return [at(0), at(1)];
}

export interface World {
  readonly alpha: number;
  readonly exact: boolean;
  readonly zero: Pair;
  readonly one: Pair;
}

/** The frozen scale of hypervolumes: means over seeds of the reference and of each reward's expert. */
export function worldOf(fronts: Fronts, expertMethod: string): World {
  const alpha = fronts[0]?.front.points[0]?.alpha ?? NaN;
  const exact = fronts.every(({ front }) => front.points.every((point) => point.exact));
  const bySeed = new Map(fronts.map(({ coordinates, front }) => [coordinates.seed, front]));
  const references = [...bySeed.values()].map((front) => referenceOf(front, alpha));
  const experts = exact
    ? [...bySeed.values()].map(optimumRows)
    : fronts.filter(({ front }) => front.method === expertMethod).map(({ front }) => rowsOf(front));
  const top = (k: 0 | 1): number =>
    average(experts.map((rows) => rows.find((row) => row.w[k] === 1)?.r[k] ?? NaN));
  return {
    alpha,
    exact,
    zero: [average(references.map((r) => r[0])), average(references.map((r) => r[1]))],
    one: [top(0), top(1)],
  };
}

/** All measures of one front by their ids; `experts` are the rows that spans are relative to. */
export function figuresOf(front: Front, world: World, experts: readonly Row[]): Record<string, number> {
  const rows = rowsOf(front);
  const optima = optimumRows(front);
  const regrets = optima.map((best, i) => best.v - (rows[i]?.v ?? NaN));
  const wins = optima.map((best) => best.v - best.ref);
  const exactOnly: Record<string, number> = world.exact
    ? {
        'regret-mean': average(regrets),
        'regret-max': Math.max(...regrets),
        closed: 1 - average(regrets) / average(wins),
        'invalid-mass': Math.max(...front.points.map((point) => point.exact?.invalidMass ?? NaN)),
      }
    : {};
  return {
    ...exactOnly,
    'value-middle': rows.find((row) => row.w[0] === 0.5)?.v ?? NaN,
    'gain-mean': average(rows.map((row) => row.v - row.ref)),
    'steering-order': steering(rows),
    span: spanOf(rows, optima.length > 0 ? optima : experts),
    hypervolume: hullArea(rows.map(({ r }) => [scaled(r[0], world, 0), scaled(r[1], world, 1)])),
    'corner-reward': average(([0, 1] as const).map((k) => rows.find((row) => row.w[k] === 1)?.r[k] ?? NaN)),
    tau: average([tau(rows, 0), tau(rows, 1)]),
    falls: average([falls(rows, 0), falls(rows, 1)]),
    kl: average(rows.map((row) => row.kl)),
    length: average(front.points.map((point) => point.length)),
    entropy: average(front.points.map((point) => point.entropy)),
  };
}

function scaled(x: number, { zero, one }: World, k: 0 | 1): number {
  return (x - zero[k]) / (one[k] - zero[k]);
}

function steering(rows: readonly Row[]): number {
  const scores: number[] = [];
  for (let i = 0; i < rows.length; i++)
    for (let j = i + 1; j < rows.length; j++) {
      const [a, b] = [rows[i], rows[j]];
      if (!a || !b) continue;
      const gap = (k: 0 | 1): number => a.w[k] - b.w[k];
      const product = gap(0) * (a.r[0] - b.r[0]) + gap(1) * (a.r[1] - b.r[1]);
      const noise = Math.sqrt(
        ([0, 1] as const).reduce<number>((sum, k) => sum + gap(k) ** 2 * (a.se[k] ** 2 + b.se[k] ** 2), 0),
      );
      const tolerance = noise === 0 ? 1e-3 : 2 * noise;
      scores.push(product > tolerance ? 1 : product < -tolerance ? 0 : 0.5);
    }
  return average(scores);
}

function spanOf(rows: readonly Row[], yardstick: readonly Row[]): number {
  const gap = (from: readonly Row[], k: 0 | 1): number =>
    (from.find((row) => row.w[k] === 1)?.r[k] ?? NaN) - (from.find((row) => row.w[k] === 0)?.r[k] ?? NaN);
  return Math.min(gap(rows, 0) / gap(yardstick, 0), gap(rows, 1) / gap(yardstick, 1));
}

/** Area of all mixtures of the points, and what lies below them, above (0, 0): a fine sum of strips. */
function hullArea(points: readonly Pair[]): number {
  const right = Math.max(0, ...points.map(([x]) => x));
  const steps = 20_000;
  let area = 0;
  for (let i = 0; i < steps; i++) {
    const x = ((i + 0.5) / steps) * right;
    area += (Math.max(0, heightAt(points, x)) * right) / steps;
  }
  return area;
}

/** The highest mixture whose first reward is at least x. */
function heightAt(points: readonly Pair[], x: number): number {
  let height = -Infinity;
  for (const [ax, ay] of points) {
    if (ax >= x) height = Math.max(height, ay);
    for (const [bx, by] of points) {
      if (ax >= x || bx <= x) continue;
      height = Math.max(height, ay + ((by - ay) * (x - ax)) / (bx - ax));
    }
  }
  return height;
}

/** Kendall's tau-b by its definition. */
function tau(rows: readonly Row[], k: 0 | 1): number {
  let [score, left, right] = [0, 0, 0];
  for (const a of rows)
    for (const b of rows) {
      const [dw, dr] = [Math.sign(a.w[k] - b.w[k]), Math.sign(a.r[k] - b.r[k])];
      score += dw * dr;
      left += Math.abs(dw);
      right += Math.abs(dr);
    }
  return left * right === 0 ? 0 : score / Math.sqrt(left * right);
}

function falls(rows: readonly Row[], k: 0 | 1): number {
  const sorted = [...rows].sort((a, b) => a.w[k] - b.w[k]);
  const steps = sorted.slice(1).map((row, i) => {
    const before = sorted[i];
    const noise = Math.sqrt(row.se[k] ** 2 + (before?.se[k] ?? NaN) ** 2);
    return { change: row.r[k] - (before?.r[k] ?? NaN), tolerance: noise === 0 ? 1e-3 : 2 * noise };
  });
  return steps.filter(({ change, tolerance }) => change < -tolerance).length / steps.length;
}

/** Two-sided sign-flip p of a mean difference, by trying every pattern of signs. */
export function signFlip(gaps: readonly number[]): number {
  const total = (signs: readonly number[]): number =>
    Math.abs(gaps.reduce((sum, gap, i) => sum + gap * (signs[i] ?? 1), 0));
  let patterns: number[][] = [[]];
  for (let i = 0; i < gaps.length; i++)
    patterns = patterns.flatMap((signs) => [
      [...signs, 1],
      [...signs, -1],
    ]);
  const observed = total(gaps.map(() => 1));
  return patterns.filter((signs) => total(signs) >= observed - 1e-12).length / patterns.length;
}
