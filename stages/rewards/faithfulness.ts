/**
 * How much of what a summary says can be found in its document: a cheap stand-in for entailment.
 *
 * score = share x shortness x copying, in [0, 1]:
 * - share: of the summary's content 1-grams (words that are no function words) and content 2-grams (two content words
 *   in a row), those found in the document. Each different n-gram is credited once, every occurrence counts in the
 *   denominator: repeating a supported word lowers the share.
 * - shortness: min(1, n / 5) for n different content words: an empty summary scores 0, one word at most .2.
 * - copying: min(1, 8 / run), run = the longest stretch of words taken from the document as it stands. Phrases of up
 *   to 8 words are free; a copied sentence of 24 words keeps a third, a copied document next to nothing.
 *
 * null where the document has no content word: nothing can be faithful to it. Extractive fragments as in Grusky et
 * al., "Newsroom", NAACL 2018.
 */
import type { Reward } from './types.js';
import { isContent, wordsOf } from './words.js';

const fullContent = 5;
const freeRun = 8;

export const reward: Reward = {
  name: 'faithfulness',
  score: (row, response) => faithfulness(row.prompt, response),
};

/** Faithfulness of a summary to a document, in [0, 1]; null where the document has no content words. */
export function faithfulness(document: string, summary: string): number | null {
  const source = wordsOf(document);
  if (!source.some(isContent)) return null;
  const words = wordsOf(summary);
  const different = new Set(words.filter(isContent)).size;
  if (different === 0) return 0;
  const shortness = Math.min(1, different / fullContent);
  const copying = Math.min(1, freeRun / Math.max(1, longestCopiedRun(words, source)));
  return supportedShare(contentGrams(words), new Set(contentGrams(source))) * shortness * copying;
}

/** Content 1-grams and 2-grams, in order, with repeats. */
function contentGrams(words: readonly string[]): string[] {
  return words.flatMap((word, i) => {
    const next = words[i + 1];
    if (!isContent(word)) return [];
    return next !== undefined && isContent(next) ? [word, `${word} ${next}`] : [word];
  });
}

function supportedShare(grams: readonly string[], source: ReadonlySet<string>): number {
  const supported = new Set(grams.filter((gram) => source.has(gram)));
  return supported.size / grams.length;
}

/** Length in words of the longest stretch of `words` that also stands in `source`; O(words x source) time. */
export function longestCopiedRun(words: readonly string[], source: readonly string[]): number {
  let longest = 0;
  let previous = new Int32Array(source.length + 1);
  for (const word of words) {
    const current = new Int32Array(source.length + 1);
    source.forEach((other, j) => {
      if (other !== word) return;
      const run = (previous[j] ?? 0) + 1;
      current[j + 1] = run;
      longest = Math.max(longest, run);
    });
    previous = current;
  }
  return longest;
}
