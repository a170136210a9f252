/**
 * Shorter is better, down to a sentence: 1 for 6 to 10 words, falling in a line to 0 at 30 words, and n / 6 below 6
 * words, so that saying nothing pays nothing. Bounded in [0, 1]; depends on the response alone.
 */
import type { Reward } from './types.js';
import { wordsOf } from './words.js';

const enough = 6;
const short = 10;
const long = 30;

export const reward: Reward = {
  name: 'brevity',
  score: (_row, response) => brevity(wordsOf(response).length),
};

/** Brevity of a response of n words, in [0, 1]. */
export function brevity(words: number): number {
  if (words < enough) return words / enough;
  return Math.min(1, Math.max(0, (long - words) / (long - short)));
}
