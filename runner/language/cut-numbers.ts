import { isScalar, type Pair } from 'yaml';
import { withoutSeparators } from './scalars.js';

/** `{alpha: 0,05}`: YAML ends the value at the comma, and takes the rest for a key without a value. */
export interface CutNumber {
  readonly pair: Pair;
  /** From the first digit to the last one. */
  readonly from: number;
  readonly to: number;
  /** As it should be written. */
  readonly mended: string;
}

/** The pairs of a flow map without the remains of numbers that a comma cut, and those numbers. */
export function cutNumbers(
  pairs: readonly Pair[],
  text: string,
): { readonly kept: readonly Pair[]; readonly cut: readonly CutNumber[] } {
  const kept: Pair[] = [];
  const cut: CutNumber[] = [];
  for (const pair of pairs) {
    const before = kept.at(-1);
    const found = before === undefined ? undefined : cutNumber(before, pair, text);
    if (found === undefined) kept.push(pair);
    else cut.push(found);
  }
  return { kept, cut };
}

function cutNumber(before: Pair, rest: Pair, text: string): CutNumber | undefined {
  const [from, end] = plainRange(before.value) ?? [];
  const [begin, to] = plainRange(rest.key) ?? [];
  if (from === undefined || end === undefined || begin === undefined || to === undefined) return undefined;
  if (rest.value !== null && rest.value !== undefined && !isEmpty(rest.value)) return undefined;
  const whole = text.slice(from, to);
  if (text.slice(end, begin) !== ',' || !/^[-+]?[0-9]+,[0-9]+$/.test(whole)) return undefined;
  return { pair: before, from, to, mended: withoutSeparators(whole) };
}

const isEmpty = (node: unknown): boolean => isScalar(node) && node.type === 'PLAIN' && node.source === '';

const plainRange = (node: unknown): readonly [number, number] | undefined =>
  isScalar(node) && node.type === 'PLAIN' && node.range ? [node.range[0], node.range[1]] : undefined;
