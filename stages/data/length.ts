/** Texts shorter or longer than wanted: cut, left out or refused, only as told, and counted. */

export const longerChoices = ['error', 'truncate', 'drop'] as const;
export type Longer = (typeof longerChoices)[number];

export interface LengthLimit {
  /** Most words and marks; 0: no limit. */
  readonly words: number;
  readonly longer: Longer;
  /** Fewest words and marks: a row with a shorter text is left out. */
  readonly fewest: number;
}

/** Words and marks, one by one, as the word-level tokenizer splits a text. */
const wordOrMark = /[\p{L}\p{N}\p{M}_]+|[^\s]/gu;

export function countWords(text: string): number {
  return text.match(wordOrMark)?.length ?? 0;
}

/** The text up to its nth word or mark. */
export function firstWords(text: string, n: number): string {
  let seen = 0;
  for (const match of text.matchAll(wordOrMark))
    if (++seen === n) return text.slice(0, match.index + match[0].length);
  return text;
}

/** A text under a limit. */
export type Fitted =
  | { readonly kind: 'whole' | 'cut'; readonly text: string }
  | { readonly kind: 'drop'; readonly why: 'long' | 'short' }
  | { readonly kind: 'refuse'; readonly words: number };

export function fit(text: string, { words, longer, fewest }: LengthLimit): Fitted {
  if (words === 0 && fewest === 0) return { kind: 'whole', text };
  const found = countWords(text);
  if (found < fewest) return { kind: 'drop', why: 'short' };
  if (words === 0 || found <= words) return { kind: 'whole', text };
  switch (longer) {
    case 'truncate':
      return { kind: 'cut', text: firstWords(text, words) };
    case 'drop':
      return { kind: 'drop', why: 'long' };
    case 'error':
      return { kind: 'refuse', words: found };
  }
}
