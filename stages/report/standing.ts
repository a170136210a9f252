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
const conditions: readonly Condition[] = [
  { words: 'other prompts', of: ({ prompts }) => prompts, perSeed: true },
  { words: 'another reference model', of: ({ reference }) => reference, perSeed: true },
  { words: 'other `decoding`', of: ({ decoding }) => JSON.stringify(decoding), perSeed: false },
  {
    words: 'exact figures beside sampled ones',
    of: ({ points }) => String(points.every(({ regret }) => regret !== null)),
    perSeed: false,
  },
];

const differsIn =
  (a: CurveSummary, b: CurveSummary) =>
  ({ of, perSeed }: Condition): boolean =>
    a.seeds.some((ours) =>
      b.seeds.some((theirs) => {
        const [own, other] = [of(ours), of(theirs)];
        if (perSeed && ours.seed !== theirs.seed) return false;
        return own !== null && other !== null && own !== other;
      }),
    );

/** In what the questions to two curves differ but for their weights; empty where they are alike. */
export function unlike(a: CurveSummary, b: CurveSummary): string {
  return conditions
    .filter(differsIn(a, b))
    .map(({ words }) => words)
    .join(', ');
}

/** Why nothing may rest on the figures of a curve, whatever it is compared with; empty where something may. */
export function flawOf(curve: CurveSummary): string {
  if (isMostlyInvalid(curve)) return `most of what ${curve.name} answers is not listed`;
  return biasedEstimators(curve).length > 0 ? `${curve.name} was trained with a biased estimator` : '';
}

/** The curves that are not ranked: flawed ones, and those unlike the ones that most are like. */
export function unrankedOf(curves: readonly CurveSummary[]): Unranked[] {
  const leader = mostLike(curves.filter((curve) => flawOf(curve) === ''));
  return curves.flatMap((curve) => {
    const why = flawOf(curve) || (leader ? differences(curve, leader) : '');
    return why === '' ? [] : [{ curve: curve.name, why }];
  });
}

function differences(a: CurveSummary, b: CurveSummary): string {
  return [differsIn(a, b)(weights) ? weights.words : '', unlike(a, b)]
    .filter((text) => text !== '')
    .join(', ');
}

/** That which most are like; of several, the one with most weights, then the first. */
function mostLike(curves: readonly CurveSummary[]): CurveSummary | undefined {
  const rank = (curve: CurveSummary): number =>
    curves.filter((other) => differences(curve, other) === '').length + 1 - 1 / (1 + curve.points.length);
  return curves.reduce<CurveSummary | undefined>(
    (best, curve) => (best && rank(best) >= rank(curve) ? best : curve),
    undefined,
  );
}
