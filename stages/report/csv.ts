/** fronts.csv: every point of every front, one a line, with the names of summary.json. */
import type { Ablation, CurveSummary, SeedPoint, Slice, Summary } from './types.js';

/** RFC 4180 with a header; numbers in their shortest exact form, an empty field for what is not known. */
export function frontsCsv(summary: Summary): string {
  const rows = summary.slices.flatMap((slice) => {
    const curves = [...slice.curves, ...slice.variants, ...(slice.optimum ? [slice.optimum] : [])];
    return curves.flatMap((curve) => curveRows(curve, slice, summary.objectives));
  });
  return table([header(summary.objectives), ...rows]);
}

/** ablations.csv: every difference of a variant to its twin: a line a seed, then one for their mean. */
export function ablationsCsv(summary: Summary): string {
  const head = [
    'alpha',
    'ablation',
    'curve',
    'twin',
    'measure',
    'seed',
    'difference',
    'low',
    'high',
    'pairs',
  ];
  const rows = summary.slices.flatMap(({ alpha, ablations }) =>
    ablations.flatMap((one) => ablationRows(one, [alpha, one.ablation, one.curve, one.twin])),
  );
  return table([[...head, 'p', 'p_holm', 'verdict', 'note'], ...rows]);
}

function ablationRows({ differences, note }: Ablation, names: readonly Cell[]): Cell[][] {
  if (differences.length === 0) return [[...names, ...new Array<null>(9).fill(null), note]];
  return differences.flatMap(({ measure, seeds, difference, p, adjusted, verdict }) => {
    const { mean, low, high, n } = difference;
    return [
      ...seeds.map((one) => [
        ...names,
        measure,
        one.seed,
        one.difference,
        ...new Array<null>(6).fill(null),
        note,
      ]),
      [...names, measure, 'mean', mean, low, high, n, p, adjusted, verdict, note],
    ];
  });
}

const table = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => row.map(field).join(',') + '\r\n').join('');

function header(objectives: readonly string[]): string[] {
  const each = (prefix: string): string[] => objectives.map((name) => `${prefix}/${name}`);
  const first = ['curve', 'method', 'seed', 'alpha', ...each('weight'), ...each('reward'), ...each('stderr')];
  return [
    ...first,
    'kl',
    'value',
    'reference_value',
    'regret',
    'length',
    'entropy',
    'invalid_mass',
    'kl_stderr',
    'value_stderr',
  ];
}

function curveRows(curve: CurveSummary, slice: Slice, objectives: readonly string[]): Cell[][] {
  return curve.seeds.flatMap(({ seed, points }) =>
    points.map((point) => [
      curve.name,
      curve.method,
      seed,
      slice.alpha,
      ...pointCells(spread(point, curve.objectives, objectives)),
    ]),
  );
}

/** A point in the report's objectives; a variant that leaves one out has no weight on it, and its reward is unknown. */
function spread(point: SeedPoint, own: readonly string[], objectives: readonly string[]): SpreadPoint {
  const of = (values: readonly number[] | null, absent: number | null): (number | null)[] =>
    objectives.map((name) => values?.[own.indexOf(name)] ?? absent);
  return {
    ...point,
    weights: of(point.weights, 0),
    rewards: of(point.rewards, null),
    stderr: of(point.stderr, null),
  };
}

type SpreadPoint = Omit<SeedPoint, 'weights' | 'rewards' | 'stderr'> &
  Record<'weights' | 'rewards' | 'stderr', readonly (number | null)[]>;
type Cell = string | number | null;

function pointCells(point: SpreadPoint): Cell[] {
  const { weights, rewards, stderr, kl, value, referenceValue, regret, length, entropy } = point;
  const first = [...weights, ...rewards, ...stderr, kl, value, referenceValue, regret, length, entropy];
  return [...first, point.invalidMass, point.klStderr, point.valueStderr];
}

function field(cell: Cell): string {
  const text = cell === null ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
