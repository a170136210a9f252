/**
 * Cohen's kappa: agreement of two raters beyond chance (Cohen 1960). 1 where both always give one and the same
 * label, for which chance agreement is already complete.
 * @param a, b labels of the same items
 */
export function cohenKappa<L>(a: readonly L[], b: readonly L[]): number {
  const n = a.length;
  const share = (labels: readonly L[], label: L): number => labels.filter((x) => x === label).length / n;
  const observed = a.filter((label, i) => label === b[i]).length / n;
  const expected = [...new Set([...a, ...b])].reduce(
    (sum, label) => sum + share(a, label) * share(b, label),
    0,
  );
  return expected === 1 ? 1 : (observed - expected) / (1 - expected);
}
