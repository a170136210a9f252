/** The three rewards of the news world, as functions of a summary's opener and clauses. */
import { rougeL } from '../../rewards/rouge.js';
import {
  clauseIds,
  referenceSummary,
  textOf,
  type ClauseId,
  type ClauseWords,
  type Summary,
} from './summary.js';

export const newsRewards = ['nli', 'rouge', 'tldr'] as const;
export type NewsReward = (typeof newsRewards)[number];
export type NewsScores = Readonly<Record<NewsReward, number>>;

/** What a hedge earns: the alignment dial. At `opposed` the best compromise hedges, at `aligned` it never does. */
export const dials = { aligned: 0.2, opposed: 0.75 } as const;
export type Dial = keyof typeof dials | number;

export function kappaOf(dial: Dial): number {
  return typeof dial === 'number' ? dial : dials[dial];
}

const entailed: ReadonlySet<ClauseId> = new Set(['e1', 'e2', 'e3']);

/** Share of the summary that the item supports; under a hedge every true clause earns kappa. Repeats add nothing. */
export function nli({ opener, clauses }: Summary, kappa: number): number {
  const said = clauseIds.filter((id) => clauses.includes(id));
  const supported = said.filter((id) => entailed.has(id)).length;
  const credit = opener === 'H' ? kappa * said.length : supported;
  return (decoy(opener) * credit) / Math.max(2, clauses.length);
}

/** How much of a headline it is: one clause, the headline first; under a hedge, headline and entailed clause. */
export function tldr({ opener, clauses }: Summary, kappa: number): number {
  const single = clauses.length === 1;
  if (opener === 'H') {
    const headlineAndNews = clauses.includes('hd') && clauses.some((id) => entailed.has(id));
    return headlineAndNews ? kappa : single ? 0.25 : 0;
  }
  return decoy(opener) * ((single ? 0.5 : 0) + (clauses[0] === 'hd' ? 0.5 : 0));
}

/** A summary that opens with the decoy earns half of every reward. */
export function decoy(opener: Summary['opener']): number {
  return opener === 'S' ? 0.5 : 1;
}

const gated: NewsScores = { nli: 0, rouge: 0, tldr: 0 };

/** All rewards of a parsed summary. The gate: whatever is no summary, or says anything false, earns nothing. */
export function summaryRewards(summary: Summary | undefined, words: ClauseWords, kappa: number): NewsScores {
  if (!summary) return gated;
  return { nli: nli(summary, kappa), rouge: rouge(summary, words), tldr: tldr(summary, kappa) };
}

/** ROUGE-L (F1) against the hidden reference: region and both hidden facts. */
export function rouge(summary: Summary, words: ClauseWords): number {
  return decoy(summary.opener) * rougeL(textOf(referenceSummary, words), textOf(summary, words)).fmeasure;
}
