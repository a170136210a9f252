/** Names and colours of what a chart draws, in one order everywhere. */
import type { CurveSummary, Estimate } from '../types.js';
import { curveColour, ink, muted } from './palette.js';

export const optimumName = 'exact optimum' as const;
export const referenceName = 'reference model' as const;

type Bound = typeof optimumName | typeof referenceName;

/** A colour channel over the field `curve`; what bounds the curves closes the legend. */
export function seriesScale(curves: readonly CurveSummary[], bounds: readonly Bound[]): object {
  const domain = [...curves.map((curve) => curve.name), ...bounds];
  const range = [
    ...curves.map((curve) => curveColour(curve.index).light),
    ...bounds.map((name) => (name === optimumName ? muted.light : ink.light)),
  ];
  return {
    field: 'curve',
    type: 'nominal',
    scale: { domain, range },
    legend: {
      orient: 'top',
      direction: 'horizontal',
      columns: domain.length > 6 ? 4 : domain.length,
      symbolType: 'circle',
      symbolOpacity: 1,
      symbolStrokeWidth: 2,
    },
  };
}

/** From this many seeds an interval is drawn: with two it is thirteen standard errors wide and hides the seeds. */
export const seedsForInterval = 3;

/** Fields `x`, `xLow`, `xHigh` of a row; the range is empty where no interval is drawn. */
export function withRange(field: string, estimate: Estimate | undefined): Record<string, number | null> {
  const { mean = null, low = null, high = null, n = 0 } = estimate ?? {};
  const drawn = n >= seedsForInterval;
  return {
    [field]: mean,
    [`${field}Low`]: drawn ? low : mean,
    [`${field}High`]: drawn ? high : mean,
  };
}
