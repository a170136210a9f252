/** Curves over the weight of the first of two objectives: regret or value, and each reward. */
import type { TopLevelSpec } from 'vega-lite';
import type { CurveSummary, Estimate, PointSummary, SeedPoint, Slice } from '../types.js';
import { optimumName, seriesScale, withRange } from './series.js';

interface Quantity {
  readonly title: string;
  readonly seed: (point: SeedPoint) => number | null;
  readonly mean: (point: PointSummary) => Estimate | undefined;
  readonly optimum: boolean;
  /** Standard error over prompts; null where there is none to draw. */
  readonly error?: (point: PointSummary) => number | null;
}

/** V-regret against the weight, or V itself where no optimum is known. */
export function valueSpec(slice: Slice, objectives: readonly string[]): TopLevelSpec {
  const quantity: Quantity = slice.exact
    ? { title: 'V-regret', seed: (p) => p.regret, mean: (p) => p.regret, optimum: false }
    : { title: 'V', seed: (p) => p.value, mean: (p) => p.value, optimum: false, error: (p) => p.valueStderr };
  return weightPanel(slice, quantity, objectives[0] ?? '', { width: 820, height: 280 }) as TopLevelSpec;
}

/** What each reward does as its weight grows: flat lines are steering that was lost. */
export function steeringSpec(slice: Slice, objectives: readonly string[]): TopLevelSpec {
  const panels = objectives.map((objective, k) =>
    weightPanel(
      slice,
      { title: objective, seed: (p) => p.rewards[k] ?? null, mean: (p) => p.rewards[k], optimum: true },
      objectives[0] ?? '',
      { width: 440, height: 270 },
    ),
  );
  return { hconcat: panels } as TopLevelSpec;
}

function weightPanel(
  slice: Slice,
  quantity: Quantity,
  objective: string,
  size: { width: number; height: number },
): object {
  const seeds = { values: slice.curves.flatMap((curve) => seedRows(curve, quantity)) };
  const means = { values: slice.curves.flatMap((curve) => meanRows(curve.name, curve, quantity)) };
  return {
    ...size,
    encoding: {
      color: seriesScale(slice.curves, quantity.optimum && slice.optimum ? [optimumName] : []),
      x: { field: 'w', type: 'quantitative', title: `weight of ${objective}`, scale: { domain: [0, 1] } },
      y: { field: 'y', type: 'quantitative', title: quantity.title, scale: { zero: false } },
    },
    layer: [
      {
        data: means,
        mark: { type: 'area', opacity: 0.13 },
        encoding: { y: { field: 'yLow' }, y2: { field: 'yHigh' } },
      },
      {
        data: seeds,
        mark: { type: 'line', strokeWidth: 1, opacity: 0.45 },
        encoding: { detail: { field: 'seed' } },
      },
      { data: means, mark: { type: 'line', strokeWidth: 2.4, point: { size: 30, filled: true } } },
      ...errorLayer(slice, quantity),
      ...(quantity.optimum ? optimumLayer(slice, quantity) : []),
    ],
  };
}

/** Whiskers of two standard errors. */
function errorLayer(slice: Slice, { mean, error }: Quantity): object[] {
  const values = slice.curves.flatMap((curve) =>
    curve.points.flatMap((point) => {
      const [y, noise] = [mean(point)?.mean ?? null, error?.(point) ?? null];
      if (y === null || noise === null) return [];
      return [{ curve: curve.name, w: point.weights[0], yLow: y - 2 * noise, yHigh: y + 2 * noise }];
    }),
  );
  if (values.length === 0) return [];
  const mark = { type: 'rule', strokeWidth: 1, opacity: 0.7 };
  return [{ data: { values }, mark, encoding: { y: { field: 'yLow' }, y2: { field: 'yHigh' } } }];
}

function optimumLayer(slice: Slice, quantity: Quantity): object[] {
  if (!slice.optimum) return [];
  const data = { values: meanRows(optimumName, slice.optimum, quantity) };
  return [{ data, mark: { type: 'line', strokeDash: [6, 4], strokeWidth: 1.5 } }];
}

function seedRows(curve: CurveSummary, quantity: Quantity): object[] {
  return curve.seeds.flatMap((seed) =>
    seed.points.map((point) => ({
      curve: curve.name,
      seed: seed.seed,
      w: point.weights[0],
      y: quantity.seed(point),
    })),
  );
}

function meanRows(name: string, curve: CurveSummary, quantity: Quantity): object[] {
  return curve.points.map((point) => ({
    curve: name,
    w: point.weights[0],
    ...withRange('y', quantity.mean(point)),
  }));
}
