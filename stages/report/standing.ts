/** What a curve may be compared with: verdicts, ranking and bold keep to like for like. */
import { byCodeUnit } from '../../schemas/json.js';
import { placeOf } from './common.js';
import { isMostlyInvalid } from './invalid-mass.js';
import { biasedEstimators } from './trained-by.js';
import type { CurveSummary, SeedSummary, Unranked } from './types.js';

interface Condition {
  readonly words: string;
  /** What a seed says of it; null where it does not. */
  readonly of: (seed: SeedSummary) => string | null;
  /** Each seed has its own, so that only those of one seed are compared. */
  readonly perSeed: boolean;
}

const weights: Condition = {
  words: 'other weights',
  of: ({ points }) => points.map(placeOf).sort(byCodeUnit).join(', '),
  perSeed: false,
};
const reference: Condition = {
  words: 'another reference model',
  of: (seed) => seed.reference,
  perSeed: true,
};
const asked: readonly Condition[] = [
  { words: 'other prompts', of: ({ prompts }) => prompts, perSeed: true },
  { words: 'other `decoding`', of: ({ decoding }) => JSON.stringify(decoding), perSeed: false },
  {
    words: 'exact figures beside sampled ones',
    of: ({ points }) => String(points.every(({ regret }) => regret !== null)),
    perSeed: false,
  },
];

/** Seed by seed; of what does not depend on seeds, also where they share none. */
function differsIn(a: CurveSummary, b: CurveSummary): (condition: Condition) => boolean {
  const shared = a.seeds.some(({ seed }) => b.seeds.some((other) => other.seed === seed));
  return ({ of, perSeed }) =>
    a.seeds.some((ours) =>
      b.seeds.some((theirs) => {
        if ((perSeed || shared) && ours.seed !== theirs.seed) return false;
        const [own, other] = [of(ours), of(theirs)];
        return own !== null && other !== null && own !== other;
      }),
    );
}

function differences(a: CurveSummary, b: CurveSummary, among: readonly Condition[]): string {
  return among
    .filter(differsIn(a, b))
    .map(({ words }) => words)
    .join(', ');
}

/** In what the questions to two curves differ but for their weights; empty where they are alike. */
export function unlike(a: CurveSummary, b: CurveSummary): string {
  return differences(a, b, [...asked, reference]);
}

/** The same but for the reference model. */
export function askedUnlike(a: CurveSummary, b: CurveSummary): string {
  return differences(a, b, asked);
}

/** Every seed was asked on other prompts, so that seeds agree in spite of the noise over prompts and not by sharing it. */
export function hasOwnPrompts({ seeds }: CurveSummary): boolean {
  const known = seeds.flatMap(({ prompts }) => prompts ?? []);
  return known.length === seeds.length && new Set(known).size === seeds.length;
}

/** Why nothing may rest on the figures of a curve, whatever it is compared with; empty where something may. */
export function flawOf(curve: CurveSummary): string {
  if (isMostlyInvalid(curve)) return `most of what ${curve.name} answers is not listed`;
  return biasedEstimators(curve).length > 0 ? `${curve.name} was trained with a biased estimator` : '';
}

/** The curves that are not ranked: flawed ones, and those unlike one of the curves that are. */
export function unrankedOf(curves: readonly CurveSummary[]): Unranked[] {
  const ranked = alikeInPairs(curves.filter((curve) => flawOf(curve) === ''));
  return curves.flatMap((curve) => {
    if (ranked.includes(curve)) return [];
    const why =
      flawOf(curve) || (ranked.map((one) => unlikeAtAll(curve, one)).find((text) => text !== '') ?? '');
    return [{ curve: curve.name, why }];
  });
}

function unlikeAtAll(a: CurveSummary, b: CurveSummary): string {
  return differences(a, b, [weights, ...asked, reference]);
}

/**
 * The largest set in which all are like each other, gathered from each curve on: one that does not say what it was asked
 * is like any other, and makes no two of them alike. Of several, that of the curve with most weights, then the first.
 */
function alikeInPairs(curves: readonly CurveSummary[]): readonly CurveSummary[] {
  const like = new Map(curves.map((a) => [a, new Set(curves.filter((b) => unlikeAtAll(a, b) === ''))]));
  const gathered = curves.map((first) =>
    curves.reduce<readonly CurveSummary[]>(
      (set, curve) =>
        curve !== first && set.every((one) => like.get(one)?.has(curve)) ? [...set, curve] : set,
      [first],
    ),
  );
  const rank = (set: readonly CurveSummary[]): number =>
    set.length + 1 - 1 / (1 + (set[0]?.points.length ?? 0));
  return gathered.reduce((best, set) => (rank(best) >= rank(set) ? best : set), gathered[0] ?? []);
}
