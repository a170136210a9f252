/** The first sentences of a report: what the figures say, without claiming more than they can. */
import { fixed } from '../statistics/fixed.js';
import { caveatOf } from './noise.js';
import type { CurveSummary, Slice } from './types.js';

/** Sentences on one slice; of a single curve, which has the reference alone to be compared with, mostly none. */
export function findingsOf(slice: Slice): string[] {
  const left = slice.unranked.map(({ curve }) => curve);
  const ranked = {
    ...slice,
    curves: slice.curves.filter(({ name }) => !left.includes(name)),
    differences: slice.differences.filter(({ a, b }) => !left.includes(a) && !left.includes(b)),
  };
  const caveat = caveatOf(ranked);
  // The caveat stands beside the ranking, wherever that is shown alone.
  const order = [ranking(ranked), caveat?.text].filter((text) => typeof text === 'string').join(' ');
  const winner = caveat?.ofAll || slice.curves.length < 2 ? null : middleWinner(ranked);
  return [order, winner, notRanked(slice)].flatMap((text) => (text === null || text === '' ? [] : [text]));
}

function notRanked({ unranked }: Slice): string | null {
  if (unranked.length === 0) return null;
  const reasons = [...new Set(unranked.map(({ why }) => why))];
  const list = reasons.map((why) => {
    const names = unranked.filter((one) => one.why === why).map(({ curve }) => curve);
    return `${names.join(', ')} (${why})`;
  });
  return `Not ranked: ${list.join('; ')}.`;
}

function ranking(slice: Slice): string | null {
  const measure = slice.exact ? 'regret-mean' : 'gain-mean';
  const sign = slice.exact ? 1 : -1;
  const known = slice.curves.flatMap((curve) => {
    const mean = curve.figures[measure]?.mean ?? null;
    return mean === null
      ? []
      : [{ name: curve.name, mean, error: curve.figures['value-error']?.mean ?? null }];
  });
  if (known.length < 2) return null;
  const sorted = [...known].sort((a, b) => sign * (a.mean - b.mean));
  const list = sorted
    .map(({ name, mean, error }) => `${name} ${signed(mean)}${error === null ? '' : ` ± ${fixed(error, 4)}`}`)
    .join(', ');
  if (slice.exact) return `Mean V-regret against the exact optimum, lowest first: ${list}.`;
  const errors = sorted.some(({ error }) => error !== null)
    ? ' (± the standard error of V over prompts)'
    : '';
  return `Gain in V over the reference model, sampled, highest first${errors}: ${list}.`;
}

const signed = (value: number): string => fixed(value, 4).replace('-', '−');

/** Values at equal weights that differ by less are equal but for rounding. */
const rounding = 1e-9;

/** How often each curve is best at equal weights, over the seeds that all curves have; of one reward nothing. */
function middleWinner({ curves, exact }: Slice): string | null {
  const [first] = curves;
  if (!first || curves.length < 2 || first.objectives.length < 2) return null;
  const shared = first.seeds
    .map(({ seed }) => curves.map((curve) => middleValue(curve, seed)))
    .filter((values) => values.every((value) => value !== null));
  if (shared.length === 0) return null;
  const best = shared.map((values) => {
    const most = Math.max(...values);
    return curves.filter((_, i) => (values[i] ?? -Infinity) > most - rounding);
  });
  const wins = curves
    .map((curve) => ({ name: curve.name, count: best.filter(([a, b]) => a === curve && !b).length }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  const tied = best.filter((names) => names.length > 1).length;
  const of = `of ${plural(shared.length, 'seed')}`;
  const [winner, ...others] = wins;
  const where = `At equal weights${exact ? '' : ', sampled,'}`;
  if (!winner) return `${where} the highest V is tied in ${tied} ${of}.`;
  const rest = others.map(({ name, count }) => `, ${name} in ${count}`).join('');
  return `${where} ${winner.name} has the highest V in ${winner.count} ${of}${rest}${tied > 0 ? `, tied in ${tied}` : ''}.`;
}

function middleValue(curve: CurveSummary, seed: string): number | null {
  return curve.seeds.find((candidate) => candidate.seed === seed)?.figures['value-middle'] ?? null;
}

function plural(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}s`;
}
