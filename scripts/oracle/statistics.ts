/** Lists of statistics, each item with what went in and what came out. */
import Type, { type TSchema } from 'typebox';
import { mean } from 'simple-statistics';
import { cohenKappa } from '../../stages/statistics/cohen-kappa.js';
import { holm } from '../../stages/statistics/holm.js';
import {
  type Interval,
  pairedTInterval,
  pairedTTest,
  tInterval,
  wilsonInterval,
} from '../../stages/statistics/interval.js';
import { kendallTauB, spearmanRho } from '../../stages/statistics/rank-correlation.js';
import { Ledger, shape, type Shape } from './shape.js';

const N = Type.Number();
const Ns = Type.Array(N);
const Labels = Type.Array(Type.Union([Type.Number(), Type.String(), Type.Boolean()]));
const Pair = Type.Array(N, { minItems: 2, maxItems: 2 });
const level = Type.Optional(N);

/** A list of one statistic. `compute` gives the fields that are compared, under the names of the file. */
function statistic<P extends Record<string, TSchema>>(
  name: string,
  properties: P,
  compute: (item: Item<P>, level: number) => Readonly<Record<string, unknown>>,
): Shape {
  return shape({
    name,
    schema: Type.Array(Type.Object(properties), { minItems: 1 }),
    // the files round to nine digits
    tolerance: 1e-8,
    check(group, around) {
      const ledger = new Ledger();
      for (const item of group as Item<P>[]) {
        const stated = (item as { level?: number }).level ?? levelOf(around.name);
        for (const [field, found] of Object.entries(compute(item, stated))) {
          const expected = (item as Readonly<Record<string, unknown>>)[field];
          if (expected !== undefined) ledger.compare(field, found, expected);
        }
      }
      return ledger.errors;
    },
  });
}

type Item<P extends Record<string, TSchema>> = Type.Static<Type.TObject<P>>;

/** Confidence level of intervals that don't state one: the last two digits of their list's name, else 95%. */
function levelOf(name: string): number {
  const digits = /(\d\d)$/.exec(name)?.[1];
  return digits === undefined ? 0.95 : Number(digits) / 100;
}

function ends(interval: Interval | null): number[] {
  return interval ? [interval.low, interval.high] : [];
}

export const statistics: readonly Shape[] = [
  statistic('wilson interval', { successes: N, n: N, interval: Pair, level }, (item, confidence) => ({
    interval: ends(wilsonInterval(item.successes, item.n, confidence)),
  })),
  statistic('kendall tau-b', { x: Ns, y: Ns, tau: N }, ({ x, y }) => ({ tau: kendallTauB(x, y) })),
  statistic('spearman rho', { x: Ns, y: Ns, rho: N }, ({ x, y }) => ({ rho: spearmanRho(x, y) })),
  statistic(
    't interval',
    { values: Ns, mean: Type.Optional(N), interval: Pair, level },
    ({ values }, confidence) => ({ mean: mean(values), interval: ends(tInterval(values, confidence)) }),
  ),
  statistic(
    'paired t interval',
    { a: Ns, b: Ns, interval: Pair, p: Type.Optional(N), level },
    ({ a, b }, confidence) => ({
      interval: ends(pairedTInterval(a, b, confidence)),
      p: pairedTTest(a, b),
    }),
  ),
  statistic('cohen kappa', { a: Labels, b: Labels, kappa: N }, ({ a, b }) => ({
    kappa: cohenKappa<unknown>(a, b),
  })),
  statistic('holm adjustment', { p: Ns, adjusted: Ns }, ({ p }) => ({ adjusted: holm(p) })),
];
