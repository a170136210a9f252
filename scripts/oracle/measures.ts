/** Points of objective space with measures of them; any of the measures may be there. */
import Type, { type Static } from 'typebox';
import {
  additiveEpsilon,
  generationalDistance,
  invertedGenerationalDistance,
  invertedGenerationalDistancePlus,
} from '../../stages/pareto/distance.js';
import { nonDominated } from '../../stages/pareto/dominance.js';
import { hypervolume } from '../../stages/pareto/hypervolume.js';
import { maximumSpread, spacing, sparsity } from '../../stages/pareto/spread.js';
import {
  askedUtility,
  expectedUtility,
  maximumUtilityLoss,
  missteering,
} from '../../stages/pareto/utility.js';
import { kendallTauB, spearmanRho } from '../../stages/statistics/rank-correlation.js';
import { Ledger, shape } from './shape.js';

const Points = Type.Array(Type.Array(Type.Number()), { minItems: 1 });
const Measured = Type.Object({
  points: Points,
  front: Type.Optional(Points),
  z: Type.Optional(Type.Array(Type.Number())),
  reference_point: Type.Optional(Type.Array(Type.Number())),
  w: Type.Optional(Points),
  weights: Type.Optional(Points),
  maximise: Type.Optional(Type.Boolean()),
});

type Rows = readonly (readonly number[])[];
interface Given {
  readonly points: Rows;
  readonly front: Rows;
  readonly origin: readonly number[];
  readonly weights: Rows;
}

/** Measures under the names they have been seen by. */
const measures: readonly (readonly [names: readonly string[], measure: (given: Given) => unknown])[] = [
  [['hypervolume'], ({ points, origin }) => hypervolume(points, origin)],
  [['nondominated_idx', 'non_dominated'], ({ points }) => nonDominated(points)],
  [['IGD', 'igd'], ({ points, front }) => invertedGenerationalDistance(points, front)],
  [['IGD_plus', 'igd_plus'], ({ points, front }) => invertedGenerationalDistancePlus(points, front)],
  [['GD', 'gd'], ({ points, front }) => generationalDistance(points, front)],
  [['eps_plus', 'additive_epsilon'], ({ points, front }) => additiveEpsilon(points, front)],
  [['sparsity'], ({ points }) => sparsity(points)],
  [['spacing_L1_population', 'spacing_l1'], ({ points }) => spacing(points, 'L1')],
  [['spacing_L2_population', 'spacing_l2'], ({ points }) => spacing(points, 'L2')],
  [['max_spread', 'maximum_spread'], ({ points }) => maximumSpread(points)],
  [['EUM', 'expected_utility'], ({ points, weights }) => expectedUtility(points, weights)],
  [
    ['MUL', 'maximum_utility_loss'],
    ({ points, front, weights }) => maximumUtilityLoss(points, front, weights),
  ],
  [['inner_product'], ({ points, weights }) => askedUtility(points, weights)],
  [['missteer'], ({ points, weights }) => missteering(points, weights)],
  [['kendall_tau_b'], (given) => byObjective(given, kendallTauB)],
  [['spearman'], (given) => byObjective(given, spearmanRho)],
];

function isMeasured(group: unknown): boolean {
  const names = Object.keys(group as object);
  return measures.some(([known]) => known.some((name) => names.includes(name)));
}

function check(group: Static<typeof Measured>, ledger: Ledger): void {
  const sign = (rows: Rows): Rows =>
    group.maximise === false ? rows.map((row) => row.map((x) => -x)) : rows;
  const given: Given = {
    points: sign(group.points),
    front: sign(group.front ?? []),
    origin: sign([group.z ?? group.reference_point ?? []])[0] ?? [],
    weights: group.w ?? group.weights ?? [],
  };
  const expected = new Map<string, unknown>(Object.entries(group));
  for (const [names, measure] of measures)
    for (const name of names)
      if (expected.has(name)) ledger.compare(name, measure(given), expected.get(name));
}

function byObjective(
  { points, weights }: Given,
  correlation: (x: readonly number[], y: readonly number[]) => number,
): number[] {
  return (points[0] ?? []).map((_, k) => correlation(column(weights, k), column(points, k)));
}

function column(rows: Rows, k: number): number[] {
  return rows.map((row) => row[k] ?? NaN);
}

const one = shape({
  name: 'measures of points',
  schema: Measured,
  tolerance: 1e-9,
  check(group) {
    const ledger = new Ledger();
    check(group, ledger);
    return ledger.errors;
  },
});
export const measuresOfPoints = { ...one, fits: (group: unknown) => one.fits(group) && isMeasured(group) };

const many = shape({
  name: 'measures of point sets',
  schema: Type.Array(Measured, { minItems: 1 }),
  tolerance: 1e-9,
  check(group) {
    const ledger = new Ledger();
    for (const item of group) check(item, ledger);
    return ledger.errors;
  },
});
export const measuresOfPointSets = {
  ...many,
  fits: (group: unknown) => many.fits(group) && (group as unknown[]).every(isMeasured),
};
