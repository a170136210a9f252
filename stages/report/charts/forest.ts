/** A forest plot: what each variant changes against its twin, a panel a measure. */
import type { TopLevelSpec } from 'vega-lite';
import { directed } from '../measures.js';
import type { Measure, Slice } from '../types.js';
import { muted } from './palette.js';
import { seriesScale, withRange } from './series.js';

/** The judged measure and those that see steering; what has no difference in the slice is left out. */
const drawn = ['span', 'steering-order', 'hypervolume', 'corner-reward'];
const most = 4;

/** Undefined where no variant has a twin. */
export function forestSpec(slice: Slice, measures: readonly Measure[]): TopLevelSpec | undefined {
  const panels = [slice.judgedBy, ...drawn]
    .filter((id) => slice.ablations.some(({ differences }) => differences.some((one) => one.measure === id)))
    .flatMap((id) => measures.find((measure) => measure.id === id) ?? [])
    .slice(0, most);
  if (panels.length === 0) return undefined;
  const rows = labels(slice);
  const twins = slice.curves.filter(({ name }) => slice.ablations.some(({ twin }) => twin === name));
  return {
    hconcat: panels.map((measure, i) => panel(slice, { measure, rows, twins, first: i === 0 })),
    spacing: 18,
  } as TopLevelSpec;
}

/** What a row is called: the variant, with its twin where several curves are ablated. */
function labels({ ablations }: Slice): ReadonlyMap<string, string> {
  const compared = ablations.filter(({ twin }) => twin !== null);
  const several = new Set(compared.map(({ twin }) => twin)).size > 1;
  return new Map(
    compared.map(({ curve, ablation, twin }) => [curve, several ? `${ablation} | ${twin ?? ''}` : ablation]),
  );
}

interface PanelOptions {
  readonly measure: Measure;
  /** Name of a variant's curve to the name of its row, in order. */
  readonly rows: ReadonlyMap<string, string>;
  readonly twins: Slice['curves'];
  readonly first: boolean;
}

function panel(slice: Slice, { measure, rows, twins, first }: PanelOptions): object {
  const compared = slice.ablations.flatMap(({ curve, twin, differences }) => {
    const found = differences.find((one) => one.measure === measure.id);
    return found ? [{ names: { row: rows.get(curve), curve: twin }, ...found }] : [];
  });
  const means = compared.map(({ names, difference }) => ({ ...names, ...withRange('x', difference) }));
  const seeds = compared.flatMap(({ names, seeds: own }) =>
    own.map(({ seed, difference }) => ({ ...names, seed, x: difference })),
  );
  const scale = seriesScale(twins, []);
  return {
    width: first ? 210 : 190,
    height: { step: 26 },
    encoding: {
      color: twins.length > 1 ? scale : { ...scale, legend: null },
      y: {
        ...{ field: 'row', type: 'nominal', title: null, scale: { domain: [...rows.values()] } },
        axis: first
          ? { labelLimit: 260, grid: true }
          : { labels: false, ticks: false, domain: false, grid: true },
      },
      x: { field: 'x', type: 'quantitative', title: directed(measure), axis: { tickCount: 4 } },
    },
    layer: [
      {
        data: { values: [{ zero: 0 }] },
        mark: { type: 'rule', strokeDash: [4, 3], color: muted.light },
        encoding: { x: { field: 'zero', type: 'quantitative' }, y: null, color: null },
      },
      { data: { values: seeds }, mark: { type: 'point', filled: true, size: 16, opacity: 0.5 } },
      {
        data: { values: means },
        mark: { type: 'rule', strokeWidth: 1.6 },
        encoding: { x: { field: 'xLow' }, x2: { field: 'xHigh' } },
      },
      { data: { values: means }, mark: { type: 'point', filled: true, size: 80, opacity: 1 } },
    ],
  };
}
