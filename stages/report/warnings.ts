/** What a reader must know before trusting the figures. */
import { byCodeUnit } from '../../schemas/json.js';
import { lowSpan, lowSpanAdvice, spansText } from '../statistics/low-span.js';
import { invalidMass, isMostlyInvalid, mostInvalid } from './invalid-mass.js';
import { biasedEstimators, groupSizes } from './trained-by.js';
import type { CurveSummary, SeedSummary, Slice } from './types.js';

/** Sentences, in the order of the slices; empty where nothing is amiss. */
export function warningsOf(slices: readonly Slice[]): string[] {
  const several = slices.length > 1;
  return slices.flatMap((slice) => {
    const at = several ? ` (alpha ${slice.alpha})` : '';
    return [
      ...mostlyInvalid([...slice.curves, ...slice.variants]),
      ...[...slice.curves, ...slice.variants].flatMap((curve) => [
        ...lowSpans(curve),
        ...invalid(curve),
        ...belowZero(curve),
        ...filteredResponses(curve),
        ...biased(curve),
        ...unlisted(curve),
      ]),
      ...mixedExactness(slice),
      ...unequalSeeds(slice),
      ...unequalGrids(slice),
      ...unequalBudgets(slice),
      ...unequalGroups(slice),
      ...severalReferences(slice),
      ...severalPrompts(slice),
      ...severalDecodings(slice),
    ].map((text) => text + at);
  });
}

function lowSpans({ name, seeds }: CurveSummary): string[] {
  return (['locked-in', 'out-of-reach'] as const).flatMap((cause) => {
    const low = seeds.filter(
      ({ figures, spanInReach }) => lowSpan(figures.span ?? null, spanInReach) === cause,
    );
    const spans = low.map(({ figures, seed }) => ({
      span: figures.span ?? 0,
      of: seed === '-' ? '' : `at seed ${seed}`,
    }));
    return low.length === 0 ? [] : [lowSpanAdvice(cause, name, spansText(spans))];
  });
}

/** Above this the bound on the regret is no longer a detail. */
const muchMass = 0.02;

function invalid(curve: CurveSummary): string[] {
  const most = mostInvalid(curve);
  if (!most || most.mass <= muchMass || isMostlyInvalid(curve)) return [];
  const at = most.seed.seed === '-' ? '' : ` at seed ${most.seed.seed}`;
  return [
    `${curve.name} leaves the listed responses with probability up to ${most.mass.toFixed(3)}${at}: its KL is a lower bound there, and its regret too.`,
  ];
}

/** One sentence for all: where a reference never learnt to answer, no curve has. */
function mostlyInvalid(curves: readonly CurveSummary[]): string[] {
  const found = curves.filter(isMostlyInvalid);
  if (found.length === 0) return [];
  const [names, least] = [found.map(({ name }) => name).join(', '), Math.min(...found.map(invalidMass))];
  return [
    `Most of what ${names} answer is not among the listed responses (a share of ${least.toFixed(3)} or more, over weights and seeds): rewards, ` +
      'regret and KL say nothing of them, however good they look. Train the reference longer, or give it more data, until it answers.',
  ];
}

function belowZero(curve: CurveSummary): string[] {
  const least = Math.min(...curve.seeds.flatMap((seed) => seed.points.map((point) => point.regret ?? 0)));
  if (least >= -1e-6) return [];
  return [
    `${curve.name} has a regret of ${least.toPrecision(2)}: no policy can beat the optimum, so its exact figures do not belong together.`,
  ];
}

/** Rewards of an easier question, and no KL of the policy: they are right for what was drawn. */
function filteredResponses(curve: CurveSummary): string[] {
  const texts = [...new Set(curve.seeds.map(({ decoding }) => decoding && decodingText(decoding)))];
  return texts.flatMap((text) =>
    text
      ? [
          `${curve.name} was asked with ${text}: its figures are those of what was drawn, not of the policy itself.`,
        ]
      : [],
  );
}

function decodingText({
  temperature,
  top_k,
  top_p,
  min_p,
  stop,
}: NonNullable<SeedSummary['decoding']>): string {
  const parts = [
    temperature === 1 ? '' : `temperature ${temperature}`,
    top_k === 0 ? '' : `top_k ${top_k}`,
    top_p === 1 ? '' : `top_p ${top_p}`,
    min_p === 0 ? '' : `min_p ${min_p}`,
    stop.length === 0 ? '' : `stop ${JSON.stringify(stop)}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function severalDecodings(slice: Slice): string[] {
  const ways = new Set(
    slice.curves.flatMap(({ seeds }) => seeds.map(({ decoding }) => JSON.stringify(decoding))),
  );
  if (ways.size < 2) return [];
  return ['The fronts were not asked with the same `decoding`: their responses are not drawn alike.'];
}

function mixedExactness(slice: Slice): string[] {
  const exact = slice.curves.filter((curve) => (curve.figures['regret-mean']?.n ?? 0) > 0);
  if (exact.length === 0 || slice.exact) return [];
  return ['Only some of the fronts have exact figures; the others are sampled, so compare them with care.'];
}

function unequalSeeds(slice: Slice): string[] {
  const lists = new Set(slice.curves.map((curve) => curve.seeds.map((seed) => seed.seed).join(', ')));
  if (lists.size < 2) return [];
  return ['The curves do not have the same seeds; differences use the seeds that two curves share.'];
}

function unequalGrids(slice: Slice): string[] {
  const grids = new Set(
    slice.curves.flatMap((curve) =>
      curve.seeds.map((seed) =>
        seed.points
          .map((point) => JSON.stringify(point.weights))
          .sort(byCodeUnit)
          .join(' '),
      ),
    ),
  );
  if (grids.size < 2) return [];
  return ['The fronts were not asked for the same weights; means over the weights are not like for like.'];
}

/** Budgets that differ by less are taken for equal: sampled lengths alone move the tokens. */
const budgetSlack = 1.1;

function unequalBudgets(slice: Slice): string[] {
  const known = slice.curves.flatMap(({ name, figures }) => {
    const groups = figures['trained-groups']?.mean ?? null;
    return groups === null ? [] : [{ name, groups }];
  });
  const counts = known.map(({ groups }) => groups);
  if (known.length < 2 || Math.max(...counts) <= budgetSlack * Math.min(...counts)) return [];
  const list = known.map(({ name, groups }) => `${name} ${Math.round(groups)}`).join(', ');
  return [`The curves were not trained on equal budgets, in groups of responses: ${list}.`];
}

function unequalGroups(slice: Slice): string[] {
  const known = slice.curves
    .map((curve) => ({ name: curve.name, size: groupSizes(curve) }))
    .filter(({ size }) => size !== '');
  if (new Set(known.map(({ size }) => size)).size < 2) return [];
  const list = known.map(({ name, size }) => `${name} ${size}`).join(', ');
  return [
    `The curves were not trained on groups of one size, so that equal groups are not equal responses: ${list}.`,
  ];
}

function biased(curve: CurveSummary): string[] {
  return biasedEstimators(curve).map(
    (kl) =>
      `${curve.name} was trained with \`kl: ${kl}\`, whose gradient is not that of V: it backs no claim, and no verdict is given on it.`,
  );
}

function unlisted({ name, seeds }: CurveSummary): string[] {
  const reasons = new Set(seeds.flatMap((seed) => seed.unlisted ?? []));
  return [...reasons].map(
    (why) => `${name} has sampled figures, although its prompts come from an exact world: ${why}.`,
  );
}

function severalReferences(slice: Slice): string[] {
  const where = mixedSeeds(slice, ({ reference }) => reference);
  if (where === undefined) return [];
  return [
    `The curves do not have the same reference model${where}: V, KL and regret of each are against its own, and the optimum drawn is that of one.`,
  ];
}

function severalPrompts(slice: Slice): string[] {
  const where = mixedSeeds(slice, ({ prompts }) => prompts);
  if (where === undefined) return [];
  return [
    `The fronts were not asked on the same prompts${where}: their differences are those of prompts too.`,
  ];
}

/** Where curves of one seed say different things: a few words, empty where there are no seeds; undefined for nowhere. */
function mixedSeeds(slice: Slice, said: (seed: SeedSummary) => string | null): string | undefined {
  const seeds = slice.curves.flatMap((curve) => curve.seeds);
  const mixed = [...new Set(seeds.map(({ seed }) => seed))].filter((name) => {
    const values = seeds.flatMap((one) => (one.seed === name ? (said(one) ?? []) : []));
    return new Set(values).size > 1;
  });
  if (mixed.length === 0) return undefined;
  return mixed.some((seed) => seed !== '-') ? ` at seed ${mixed.join(', ')}` : '';
}
