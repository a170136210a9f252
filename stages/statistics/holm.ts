/**
 * Holm's step-down adjustment of p-values: any of them under the level means the family-wise error is kept.
 * Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.
 * @returns adjusted p-values in the order given
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let floor = 0;
  order.forEach(({ p, i }, rank) => {
    floor = Math.max(floor, Math.min(1, (pValues.length - rank) * p));
    adjusted[i] = floor;
  });
  return adjusted;
}
