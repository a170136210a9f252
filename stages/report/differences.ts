/** Every pair of curves of a slice: differences of measures and additive epsilon, paired by seed. */
import { additiveEpsilon } from '../pareto/distance.js';
import type { Answer, Answered } from './answers.js';
import { gapsOf, inCommon, partText } from './common.js';
import { estimate } from './estimate.js';
import { described, judgedTogether, type Judging, pairedBy, unjudged } from './judge.js';
import { flawOf, unlike } from './standing.js';
import type { CurveSummary, Difference, Epsilon, Figures, SeedPoint } from './types.js';

/** A curve with the fronts that its figures come from. */
export interface Drawn {
  readonly answered: Answered;
  readonly summary: CurveSummary;
}

export interface DifferenceOptions extends Judging {
  /** Every measure of a front. */
  readonly figures: (answer: Answer) => Figures;
}

/** Measures on which the differences of curves are shown and not judged. */
const shown = ['regret-max', 'value-middle', 'span', 'hypervolume'];

/** One seed of both curves, over the trade-offs that both answer. */
interface Pair {
  readonly seed: string;
  readonly both: readonly [Answer, Answer];
}

interface Compared {
  readonly a: Drawn;
  readonly b: Drawn;
  readonly pairs: readonly Pair[];
}

/**
 * Differences on the judged measure, then on those that are shown. Only the judged one has verdicts, so that Holm's
 * correction over its pairs covers all that a slice decides; a pair that is not like for like is none of them.
 */
export function differencesOf(curves: readonly Drawn[], options: DifferenceOptions): Difference[] {
  const compared = comparedOf(curves);
  const rows = (measure: string) => compared.flatMap((one) => rowOf(one, measure, options.figures));
  const main = compared.flatMap((one) =>
    rowOf(one, options.judgedBy, options.figures).map((row) => ({ row, hindrance: hindranceOf(one) })),
  );
  const sound = main.flatMap(({ row, hindrance }) => (hindrance === '' ? [row] : []));
  const judged = judgedTogether(sound, options);
  const first = main.map(({ row, hindrance }) => judged[sound.indexOf(row)] ?? unjudged(row, hindrance));
  return [...first, ...shown.flatMap(rows).map(described)];
}

/** Why no verdict may rest on a pair; empty where one may. */
function hindranceOf({ a, b }: Compared): string {
  return [flawOf(a.summary), flawOf(b.summary), unlike(a.summary, b.summary)]
    .filter((text) => text !== '')
    .join(', ');
}

function comparedOf(curves: readonly Drawn[]): Compared[] {
  return curves.flatMap((a, i) =>
    curves.slice(i + 1).map((b) => {
      const pairs = a.answered.answers.flatMap((ours) => {
        const theirs = b.answered.answers.find(({ seed }) => seed === ours.seed);
        return theirs ? [{ seed: ours.seed, both: inCommon(ours, theirs) }] : [];
      });
      return { a, b, pairs: pairs.filter(({ both }) => both[0].points.length > 0) };
    }),
  );
}

function rowOf({ a, b, pairs }: Compared, measure: string, figures: DifferenceOptions['figures']) {
  const seeds = pairs.flatMap(({ seed, both: [ours, theirs] }) => {
    const difference = gapsOf(figures(ours), figures(theirs))[measure] ?? null;
    return difference === null ? [] : [{ seed, difference }];
  });
  if (seeds.length === 0) return [];
  const asked = Math.max(a.summary.points.length, b.summary.points.length);
  return [
    {
      measure,
      a: a.summary.name,
      b: b.summary.name,
      ...pairedBy(seeds),
      note: partText(pairs[0]?.both[0].points.length ?? 0, asked, 'weights'),
    },
  ];
}

/** How much more of every reward each curve needs to reach every point of each other one, of the trade-offs of both. */
export function epsilonsOf(curves: readonly Drawn[]): Epsilon[] {
  const rewards = ({ points }: Answer): readonly SeedPoint['rewards'][] =>
    points.map((point) => point.rewards);
  return comparedOf(curves).flatMap(({ a, b, pairs }) => {
    const epsilon = (of: 0 | 1) =>
      estimate(pairs.map(({ both }) => additiveEpsilon(rewards(both[of]), rewards(both[of === 0 ? 1 : 0]))));
    const [first, second] = [a.summary.name, b.summary.name];
    return pairs.length === 0
      ? []
      : [
          { a: first, b: second, epsilon: epsilon(0) },
          { a: second, b: first, epsilon: epsilon(1) },
        ];
  });
}
