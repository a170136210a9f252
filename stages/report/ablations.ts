/** Ablations: each variant of the pipeline against its twin, paired by seed, over the trade-offs that both answer. */
import type { Answer, Answered } from './answers.js';
import { objectivesOf } from './answers.js';
import { gapsOf, inCommon, partText } from './common.js';
import { described, judgedTogether, type Judging, pairedBy, unjudged } from './judge.js';
import type { Curve } from './fronts.js';
import { figuresOf } from './measures.js';
import { onFace } from './points.js';
import { askedUnlike, flawOf } from './standing.js';
import type { Ablation, AblationDifference, CurveSummary, Figures, SeedPoint } from './types.js';
import { type Yardstick, measuredBy, narrowed } from './yardstick.js';

export interface AblationContext extends Yardstick, Judging {
  /** Curves that may be twins, and those of them that answer this alpha. */
  readonly main: readonly Curve[];
  readonly answered: readonly Answered[];
  /** All curves, by their names. */
  readonly summaries: ReadonlyMap<string, CurveSummary>;
  readonly alpha: number;
}

/** Measures on which differences are shown; the judged one stands before them. */
const shown = [
  ...['regret-max', 'value-middle', 'steering-order', 'span', 'tau', 'hypervolume', 'corner-reward'],
  ...['trained-groups', 'trained-tokens'],
];

/** One seed of a variant and of its twin. */
interface Pair {
  readonly seed: string;
  readonly gaps: Figures;
  readonly tradeOffs: number;
  /** A variant may have trained, or changed, the reference as well. */
  readonly otherReference: boolean;
}

interface Compared {
  readonly variant: Answered;
  readonly twin: Answered | undefined;
  readonly pairs: readonly Pair[];
}

/** In the order of the variants; Holm's correction runs over all of them on the judged measure. */
export function ablationsOf(variants: readonly Answered[], context: AblationContext): Ablation[] {
  const compared = variants.map((variant) => compare(variant, context));
  const isJudged = ({ measure }: { readonly measure: string }): boolean => measure === context.judgedBy;
  const rows = compared.map(({ pairs }) => [context.judgedBy, ...shown].flatMap((id) => rowOf(id, pairs)));
  const hindrances = compared.map((one) => hindranceOf(one, context));
  const family = judgedTogether(
    rows.filter((_, i) => hindrances[i] === '').flatMap((own) => own.filter(isJudged)),
    context,
  );
  return compared.map((one, i) => {
    const differences = (rows[i] ?? []).map((row): AblationDifference => {
      if (!isJudged(row)) return described(row);
      return family.find(({ seeds }) => seeds === row.seeds) ?? unjudged(row, hindrances[i] ?? '');
    });
    return {
      ...namesOf(one),
      note: noteOf(one, context),
      tradeOffs: one.pairs[0]?.tradeOffs ?? 0,
      differences,
    };
  });
}

/** Why no verdict may rest on a variant and its twin; empty where one may. A note tells of another reference. */
function hindranceOf({ variant, twin }: Compared, { summaries }: AblationContext): string {
  const [own, other] = [variant, twin].map((one) => summaries.get(one?.curve.name ?? ''));
  if (!own || !other) return '';
  return [flawOf(own), flawOf(other), askedUnlike(own, other)].filter((text) => text !== '').join(', ');
}

function compare(variant: Answered, context: AblationContext): Compared {
  const wanted = identityOf(variant.curve);
  const twin = context.answered.find(({ curve }) => identityOf(curve) === wanted);
  const pairs = variant.answers.flatMap((answer) => {
    const beside = twin?.answers.find(({ seed }) => seed === answer.seed);
    return beside ? [pairOf(answer, beside, { own: objectivesOf(variant), context })] : [];
  });
  return { variant, twin, pairs: pairs.filter(({ tradeOffs }) => tradeOffs > 0) };
}

/** Stage and coordinates without `ablation`: what twins have in common. */
function identityOf({ stage, coordinates }: Curve): string {
  const axes = Object.entries(coordinates).filter(([axis]) => axis !== 'ablation');
  return JSON.stringify([stage, axes.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

interface PairOptions {
  /** Objectives of the variant. */
  readonly own: readonly string[];
  readonly context: AblationContext;
}

/** Figures of both over the trade-offs that both answer: those with no weight on what only one of them rewards. */
function pairOf(variant: Answer, twin: Answer, { own, context }: PairOptions): Pair {
  const kept = context.objectives.filter((name) => own.includes(name));
  const yardstick = narrowed(context, kept);
  const both = inCommon(narrowAnswer(variant, own, kept), narrowAnswer(twin, context.objectives, kept));
  const [ours, theirs] = both.map((answer) => figuresOf(measuredBy(answer, yardstick)));
  const [a, b] = [variant.front.reference.digest, twin.front.reference.digest];
  return {
    seed: variant.seed,
    gaps: gapsOf(ours ?? {}, theirs ?? {}),
    tradeOffs: both[0].points.length,
    otherReference: a !== undefined && b !== undefined && a !== b,
  };
}

function narrowAnswer(answer: Answer, objectives: readonly string[], kept: readonly string[]): Answer {
  const face = (points: readonly SeedPoint[]): SeedPoint[] => onFace(points, objectives, kept);
  return { ...answer, points: face(answer.points), optimum: face(answer.optimum) };
}

function rowOf(measure: string, pairs: readonly Pair[]) {
  const seeds = pairs.flatMap(({ seed, gaps }) => {
    const gap = gaps[measure] ?? null;
    return gap === null ? [] : [{ seed, difference: gap }];
  });
  if (seeds.length === 0) return [];
  return [{ measure, ...pairedBy(seeds) }];
}

function namesOf({ variant, twin }: Compared): Pick<Ablation, 'ablation' | 'curve' | 'twin'> {
  const { coordinates, name } = variant.curve;
  return { ablation: coordinates.ablation ?? '', curve: name, twin: twin?.curve.name ?? null };
}

function noteOf({ variant, twin, pairs }: Compared, { main, objectives, alpha }: AblationContext): string {
  if (!twin) return noTwin(variant.curve, main, alpha);
  const own = objectivesOf(variant);
  const [first] = pairs;
  if (!first)
    return own.some((name) => objectives.includes(name))
      ? 'no seed or trade-off in common'
      : 'no reward in common';
  const left = objectives.filter((name) => !own.includes(name));
  const asked = Math.max(
    ...[variant, twin].flatMap(({ answers }) => answers.map(({ points }) => points.length)),
  );
  const part = partText(first.tradeOffs, asked, 'trade-offs');
  return [
    ...(left.length > 0 ? [`over trade-offs with no weight on ${left.join(', ')}`] : []),
    ...(part === '' ? [] : [part]),
    ...(pairs.some((pair) => pair.otherReference) ? ['another reference model, with its own optimum'] : []),
  ].join('; ');
}

function noTwin(curve: Curve, main: readonly Curve[], alpha: number): string {
  const twin = main.find((candidate) => identityOf(candidate) === identityOf(curve));
  return twin
    ? `no twin: ${twin.name} does not answer alpha ${alpha}`
    : 'no twin: its base cell is not among the fronts';
}
