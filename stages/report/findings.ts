/** The first sentences of a report: what the figures say, without claiming more than they can. */
import { fixed } from '../statistics/fixed.js';
import { isMostlyInvalid } from './invalid-mass.js';
import type { CurveSummary, Slice } from './types.js';

/** Sentences on one slice; empty where a single curve has nothing to be compared with. */
export function findingsOf(slice: Slice): string[] {
  if (slice.curves.length < 2) return [];
  const ranked = { ...slice, curves: slice.curves.filter((curve) => !isMostlyInvalid(curve)) };
  const left = slice.curves.filter(isMostlyInvalid).map(({ name }) => name);
  return [
    ranking(ranked),
    middleWinner(ranked),
    left.length === 0
      ? null
      : `Not ranked, since most of what they answer is not among the listed responses: ${left.join(', ')}.`,
  ].flatMap((text) => (text === null ? [] : [text]));
}

function ranking(slice: Slice): string | null {
  const measure = slice.exact ? 'regret-mean' : 'gain-mean';
  const sign = slice.exact ? 1 : -1;
  const known = slice.curves.flatMap((curve) => {
    const mean = curve.figures[measure]?.mean ?? null;
    return mean === null ? [] : [{ name: curve.name, mean }];
  });
  if (known.length < 2) return null;
  const sorted = [...known].sort((a, b) => sign * (a.mean - b.mean));
  const list = sorted.map(({ name, mean }) => `${name} ${fixed(mean, 4).replace('-', '−')}`).join(', ');
  return slice.exact
    ? `Mean V-regret against the exact optimum, lowest first: ${list}.`
    : `Gain in V over the reference model, sampled, highest first: ${list}.`;
}

/** How often the best curve at equal weights is best, over the seeds that all curves have. */
function middleWinner(slice: Slice): string | null {
  const [first] = slice.curves;
  if (slice.curves.length < 2) return null;
  const shared = (first?.seeds ?? []).filter((seed) =>
    slice.curves.every((curve) => middleValue(curve, seed.seed) !== null),
  );
  if (shared.length === 0) return null;
  const wins = slice.curves.map((curve) => ({
    name: curve.name,
    count: shared.filter(({ seed }) => isBest(curve, slice, seed)).length,
  }));
  const best = wins.reduce((a, b) => (b.count > a.count ? b : a));
  const others = wins.filter(({ name, count }) => name !== best.name && count > 0);
  const rest = others.map(({ name, count }) => `, ${name} in ${count}`).join('');
  return `At equal weights ${best.name} has the highest V in ${best.count} of ${plural(shared.length, 'seed')}${rest}.`;
}

function isBest(curve: CurveSummary, slice: Slice, seed: string): boolean {
  const own = middleValue(curve, seed) ?? -Infinity;
  return slice.curves.every((other) => own >= (middleValue(other, seed) ?? -Infinity));
}

function middleValue(curve: CurveSummary, seed: string): number | null {
  return curve.seeds.find((candidate) => candidate.seed === seed)?.figures['value-middle'] ?? null;
}

function plural(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}s`;
}
