/** Names and colours of what a chart draws, in one order everywhere. */
import type { Slice } from '../types.js';
import { curveColour, ink, muted } from './palette.js';

export const optimumName = 'exact optimum';
export const referenceName = 'reference model';

/** A colour channel over the field `curve`; the optimum and the reference close the legend. */
export function seriesScale(slice: Slice): object {
  const curves = slice.curves.map((curve) => curve.name);
  const domain = [...curves, ...(slice.optimum ? [optimumName] : []), referenceName];
  const range = [
    ...slice.curves.map((curve) => curveColour(curve.index).light),
    ...(slice.optimum ? [muted.light] : []),
    ink.light,
  ];
  return {
    field: 'curve',
    type: 'nominal',
    scale: { domain, range },
    legend: {
      orient: 'top',
      direction: 'horizontal',
      columns: 4,
      symbolType: 'circle',
      symbolStrokeWidth: 2,
    },
  };
}
