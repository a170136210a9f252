/** Trade-offs as tokens of their own: they are in the vocabulary before SFT and are never generated. */
import { unreachable } from '../../schemas/result.js';
import type { TradeOffWriter } from './conditioning/types.js';
import type { Spelling } from './settings.js';

const buckets = 10;
const digits = '0123456789.%';

const bucketToken = (k: number): string => `<weight:${k}>`;
const alphaToken = (k: number): string => `<alpha:${k}>`;
const digitToken = (digit: string): string => `<digit:${digit}>`;

/** Every token a trade-off may be written with: reserved when a tokenizer is built. */
export const conditioningTokens: readonly string[] = [
  ...Array.from({ length: buckets + 1 }, (_, k) => bucketToken(k)),
  ...Array.from({ length: buckets + 1 }, (_, k) => alphaToken(k)),
  ...Array.from(digits, digitToken),
];

/**
 * One number an objective, in their order; before them, where alpha is conditioned, the tenth of the log range that
 * alpha falls into. A tokenizer of another model has no such tokens: there the same is written as text. `buckets`: a token of eleven, w = 0, 0.1, ..., 1; `decimals`: 0.25; `percent`: 25%.
 */
export const writeTradeOff: TradeOffWriter = (tradeOff, { tokenizer, spelling, alphaRange }) => {
  const names = [
    ...(alphaRange ? [alphaToken(alphaBucket(tradeOff.alpha, alphaRange))] : []),
    ...tradeOff.weights.flatMap((weight) => spell(weight, spelling)),
  ];
  return Int32Array.from(
    names.flatMap((name) => {
      const id = tokenizer.reserved.get(name);
      return id === undefined ? [...tokenizer.encode(name)] : [id];
    }),
  );
};

function spell(weight: number, spelling: Spelling): string[] {
  switch (spelling) {
    case 'buckets':
      return [bucketToken(Math.round(weight * buckets))];
    case 'decimals':
      return Array.from(weight.toFixed(2), digitToken);
    case 'percent':
      return Array.from(`${Math.round(weight * 100)}%`, digitToken);
    default:
      return unreachable(spelling);
  }
}

function alphaBucket(alpha: number, [least, greatest]: readonly [number, number]): number {
  const place = Math.log(alpha / least) / Math.log(greatest / least);
  return Math.round(buckets * Math.min(1, Math.max(0, place)));
}
