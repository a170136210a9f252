/** Numbers as the page writes them: a fixed number of decimals, a true minus, a dash for what is not known. */
import { fixed } from '../../statistics/fixed.js';
import type { Estimate } from '../types.js';

export const unknown = '–';

export function numberText(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined) return unknown;
  return fixed(value, digits).replace('-', '\u2212');
}

/** `0.123 [0.100, 0.146]`; no brackets where there is no interval. */
export function interval(estimate: Estimate | undefined, digits: number): { mean: string; range: string } {
  const { mean = null, low = null, high = null } = estimate ?? {};
  const range =
    low === null || high === null ? '' : `[${numberText(low, digits)}, ${numberText(high, digits)}]`;
  return { mean: numberText(mean, digits), range };
}

/** A trade-off's weights: `.5 / .5`, `1 / 0`. */
export function weightsText(weights: readonly number[]): string {
  return weights.map((w) => String(Math.round(w * 1000) / 1000).replace(/^0\./, '.')).join(' / ');
}

/** A p value: three decimals, never `0.000`. */
export function pText(p: number | null): string {
  if (p === null) return unknown;
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

/** A count, in thousands apart: `19,200`. */
export function counted(value: number | null | undefined): string {
  return numberText(value, 0).replace(/(?<=\d)(?=(\d{3})+$)/g, ',');
}
