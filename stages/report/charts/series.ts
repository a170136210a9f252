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

/** Fields `x`, `xLow`, `xHigh` of a row; the range is empty where there is no interval. */
export function withRange(field: string, estimate: Estimate | undefined): Record<string, number | null> {
  const { mean = null, low = null, high = null } = estimate ?? {};
  return { [field]: mean, [`${field}Low`]: low ?? mean, [`${field}High`]: high ?? mean };
}
