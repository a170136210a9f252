/** The trade-off front: one reward against the other, a panel for every pair of objectives. */
import type { TopLevelSpec } from 'vega-lite';
import { isMiddle } from '../points.js';
import type { CurveSummary, Slice } from '../types.js';
import { optimumName, referenceName, seriesScale, withRange } from './series.js';

interface Panel {
  readonly x: number;
  readonly y: number;
}

/** Seeds thin, means strong with 95% intervals, the optimum dashed, the reference a cross. */
export function frontSpec(slice: Slice, objectives: readonly string[]): TopLevelSpec {
  const panels = pairs(objectives.length);
  const drawn = panels.map((panel) => panelSpec(slice, objectives, panel, panels.length > 1));
  const [only] = drawn;
  return (drawn.length === 1 && only ? only : { hconcat: drawn }) as TopLevelSpec;
}

function pairs(m: number): Panel[] {
  const indices = Array.from({ length: m }, (_, i) => i);
  return indices.flatMap((x) => indices.filter((y) => y > x).map((y) => ({ x, y })));
}

function panelSpec(slice: Slice, objectives: readonly string[], panel: Panel, small: boolean): object {
  const lines = objectives.length === 2;
  return {
    width: small ? 320 : 820,
    height: small ? 300 : 470,
    encoding: {
      color: seriesScale(slice.curves, slice.optimum ? [optimumName, referenceName] : [referenceName]),
      x: axis('x', objectives[panel.x] ?? ''),
      y: axis('y', objectives[panel.y] ?? ''),
    },
    layer: [
      ...seedLayers(slice, panel, lines),
      ...meanLayers(slice, panel, lines),
      ...optimumLayers(slice, panel, lines),
      referenceLayer(slice, panel),
    ],
  };
}

function axis(field: 'x' | 'y', title: string): object {
  return { field, type: 'quantitative', scale: { zero: false, nice: true }, title };
}

/** The mean optimum, and thin each seed's own: another reference model has another optimum. */
function optimumLayers(slice: Slice, panel: Panel, lines: boolean): object[] {
  if (!slice.optimum) return [];
  const data = { values: meanRows(optimumName, slice.optimum, panel) };
  const dots = { data, mark: { type: 'point', shape: 'circle', size: 30, filled: false, strokeWidth: 1.2 } };
  if (!lines) return [dots];
  const own = seedRows({ ...slice.optimum, name: optimumName }, panel);
  return [
    {
      data: { values: own },
      mark: { type: 'line', strokeDash: [2, 3], strokeWidth: 1, opacity: 0.6 },
      encoding: { ...ordered, detail: { field: 'seed' } },
    },
    { data, mark: { type: 'line', strokeDash: [6, 4], strokeWidth: 1.5 }, encoding: ordered },
    dots,
  ];
}

function seedLayers(slice: Slice, panel: Panel, lines: boolean): object[] {
  const values = slice.curves.flatMap((curve) => seedRows(curve, panel));
  const data = { values };
  const mark = lines
    ? { type: 'line', strokeWidth: 1, opacity: 0.45 }
    : { type: 'point', filled: true, size: 12, opacity: 0.4 };
  return [{ data, mark, encoding: { ...ordered, detail: { field: 'seed' } } }];
}

function meanLayers(slice: Slice, panel: Panel, lines: boolean): object[] {
  const data = { values: slice.curves.flatMap((curve) => meanRows(curve.name, curve, panel)) };
  const intervals = [
    {
      data,
      mark: { type: 'rule', strokeWidth: 1, opacity: 0.5 },
      encoding: { x: { field: 'xLow' }, x2: { field: 'xHigh' } },
    },
    {
      data,
      mark: { type: 'rule', strokeWidth: 1, opacity: 0.5 },
      encoding: { y: { field: 'yLow' }, y2: { field: 'yHigh' } },
    },
  ];
  const line = { data, mark: { type: 'line', strokeWidth: 2.4 }, encoding: ordered };
  const dots = {
    data,
    mark: { type: 'point', filled: true, opacity: 1 },
    encoding: {
      shape: {
        field: 'place',
        type: 'nominal',
        scale: { domain: ['between', 'middle'], range: ['circle', 'diamond'] },
        legend: null,
      },
      size: { condition: { test: "datum.place === 'middle'", value: 130 }, value: 34 },
    },
  };
  return lines ? [...intervals, line, dots] : [...intervals, dots];
}

function referenceLayer(slice: Slice, panel: Panel): object {
  const values = [
    { curve: referenceName, x: slice.reference[panel.x]?.mean, y: slice.reference[panel.y]?.mean },
  ];
  return { data: { values }, mark: { type: 'point', shape: 'cross', filled: true, size: 110, opacity: 1 } };
}

const ordered = { order: { field: 'order' } };

function seedRows(curve: CurveSummary, panel: Panel): object[] {
  return curve.seeds.flatMap((seed) =>
    seed.points.map((point, order) => ({
      curve: curve.name,
      seed: seed.seed,
      order,
      x: point.rewards[panel.x],
      y: point.rewards[panel.y],
    })),
  );
}

function meanRows(name: string, curve: CurveSummary, panel: Panel): object[] {
  return curve.points.map((point, order) => {
    const x = point.rewards[panel.x];
    const y = point.rewards[panel.y];
    return {
      curve: name,
      order,
      place: isMiddle(point) ? 'middle' : 'between',
      ...withRange('x', x),
      ...withRange('y', y),
    };
  });
}
