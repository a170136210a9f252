/** Two fronts of one seed over the trade-offs that both answer: means over other grids are not like for like. */
import type { Answer } from './answers.js';
import type { Figures, SeedPoint } from './types.js';

/** A trade-off by its weights, beyond rounding. */
export const placeOf = ({ weights }: Pick<SeedPoint, 'weights'>): string =>
  weights.map((w) => w.toFixed(9)).join(' ');

/** Each is the same object where it has no other trade-offs. */
export function inCommon(a: Answer, b: Answer): readonly [Answer, Answer] {
  const places = new Set(b.points.map(placeOf));
  const common = new Set(a.points.map(placeOf).filter((place) => places.has(place)));
  return [among(a, common), among(b, common)];
}

function among(answer: Answer, places: ReadonlySet<string>): Answer {
  const kept = (points: readonly SeedPoint[]): SeedPoint[] =>
    points.filter((point) => places.has(placeOf(point)));
  const points = kept(answer.points);
  return points.length === answer.points.length
    ? answer
    : { ...answer, points, optimum: kept(answer.optimum) };
}

/** a - b on every measure of a; null where one of them has none. */
export function gapsOf(a: Figures, b: Figures): Figures {
  const gap = (x: number | null | undefined, y: number | null | undefined): number | null =>
    typeof x === 'number' && typeof y === 'number' ? x - y : null;
  return Object.fromEntries(Object.keys(a).map((id) => [id, gap(a[id], b[id])]));
}

/** `1 of 11 weights are in both`; empty where that is all of them. */
export function partText(common: number, asked: number, noun: string): string {
  return common < asked ? `${common} of ${asked} ${noun} are in both` : '';
}
