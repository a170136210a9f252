/** Reward against KL as alpha changes: the means over the weights of the grid. */
import type { TopLevelSpec } from 'vega-lite';
import { weightedSum } from '../../vector.js';
import type { CurveSummary, Slice } from '../types.js';
import { optimumName, seriesScale } from './series.js';

interface Row {
  readonly curve: string;
  readonly seed: string;
  readonly alpha: number;
  readonly kl: number;
  readonly reward: number;
}

/** One chart for all slices; undefined where there is a single alpha. */
export function alphaSpec(slices: readonly Slice[]): TopLevelSpec | undefined {
  if (slices.length < 2) return undefined;
  const curves = new Map(slices.flatMap((slice) => slice.curves.map((curve) => [curve.name, curve])));
  const inOrder = [...curves.values()].sort((a, b) => a.index - b.index);
  const seeds = slices.flatMap((slice) =>
    slice.curves.flatMap((curve) => seedRows(curve.name, curve, slice.alpha)),
  );
  const optimum = slices.flatMap((slice) =>
    slice.optimum ? seedRows(optimumName, slice.optimum, slice.alpha) : [],
  );
  return {
    width: 820,
    height: 360,
    encoding: {
      color: seriesScale(inOrder, optimum.length > 0 ? [optimumName] : []),
      x: { field: 'kl', type: 'quantitative', title: 'KL to the reference (nats)' },
      y: { field: 'reward', type: 'quantitative', title: 'weighted reward', scale: { zero: false } },
    },
    layer: [
      ...optimumLayer(optimum),
      {
        data: { values: seeds },
        mark: { type: 'line', strokeWidth: 1, opacity: 0.45 },
        encoding: { ...ordered, detail: { field: 'seed' } },
      },
      {
        data: { values: meanRows(seeds) },
        mark: { type: 'line', strokeWidth: 2.4, point: { size: 40, filled: true } },
        encoding: ordered,
      },
    ],
  } as TopLevelSpec;
}

const ordered = { order: { field: 'alpha' } };

function optimumLayer(rows: readonly Row[]): object[] {
  if (rows.length === 0) return [];
  const mark = { type: 'line', strokeDash: [6, 4], strokeWidth: 1.5, point: { size: 24 } };
  return [{ data: { values: meanRows(rows) }, mark, encoding: ordered }];
}

function seedRows(name: string, curve: CurveSummary, alpha: number): Row[] {
  return curve.seeds.map((seed) => ({
    curve: name,
    seed: seed.seed,
    alpha,
    kl: mean(seed.points, (point) => point.kl),
    reward: mean(seed.points, (point) => weightedSum(point.weights, point.rewards)),
  }));
}

function meanRows(rows: readonly Row[]): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = JSON.stringify([row.curve, row.alpha]);
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    return [
      { ...first, seed: '', kl: mean(group, (row) => row.kl), reward: mean(group, (row) => row.reward) },
    ];
  });
}

function mean<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0) / items.length;
}
