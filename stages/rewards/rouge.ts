/**
 * ROUGE as Google's rouge-score 0.1.2 computes it: the same tokens, counts and tie-breaks.
 * Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004.
 */
import { porterStem } from './porter.js';

export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly fmeasure: number;
}

export type RougeType = 'rouge1' | 'rouge2' | 'rougeL' | 'rougeLsum';

export interface RougeOptions {
  /** Words of more than three characters are stemmed. Default false. */
  readonly stem?: boolean;
}

/** Lower-case runs of a-z and 0-9; whatever else a text holds only separates. */
export function rougeTokens(text: string, options: RougeOptions = {}): string[] {
  const tokens = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return options.stem ? tokens.map((token) => (token.length > 3 ? porterStem(token) : token)) : tokens;
}

/** Overlap of n-grams (n = 1, 2, ...), each counted as often as it stands in both. */
export function rougeN(
  n: number,
  reference: string,
  candidate: string,
  options: RougeOptions = {},
): RougeScore {
  const expected = countNgrams(rougeTokens(reference, options), n);
  const found = countNgrams(rougeTokens(candidate, options), n);
  let hits = 0;
  for (const [ngram, count] of expected) hits += Math.min(count, found.get(ngram) ?? 0);
  return score(hits, { reference: total(expected), candidate: total(found) });
}

/** Longest common subsequence of the whole texts. */
export function rougeL(reference: string, candidate: string, options: RougeOptions = {}): RougeScore {
  const [expected, found] = [rougeTokens(reference, options), rougeTokens(candidate, options)];
  const common = lcsTable(expected, found).at(-1)?.at(-1) ?? 0;
  return score(common, { reference: expected.length, candidate: found.length });
}

/**
 * Summary-level ROUGE-L: texts are split into sentences at newlines; each sentence of the reference is matched by the
 * union of its longest common subsequences with all sentences of the candidate, no token counted twice.
 */
export function rougeLsum(reference: string, candidate: string, options: RougeOptions = {}): RougeScore {
  const sentences = (text: string): string[][] => text.split('\n').map((line) => rougeTokens(line, options));
  const [expected, found] = [sentences(reference), sentences(candidate)];
  const left = { reference: countNgrams(expected.flat(), 1), candidate: countNgrams(found.flat(), 1) };
  let hits = 0;
  for (const sentence of expected)
    for (const token of unionLcs(sentence, found)) if (take(left, token)) hits += 1;
  return score(hits, { reference: expected.flat().length, candidate: found.flat().length });
}

/** One measure by its name in rouge-score. */
export function rouge(
  type: RougeType,
  reference: string,
  candidate: string,
  options: RougeOptions = {},
): RougeScore {
  if (type === 'rougeL') return rougeL(reference, candidate, options);
  if (type === 'rougeLsum') return rougeLsum(reference, candidate, options);
  return rougeN(type === 'rouge1' ? 1 : 2, reference, candidate, options);
}

/** The score against the reference with the largest f-measure, the first of equals; zero without references. */
export function bestRouge(
  type: RougeType,
  references: readonly string[],
  candidate: string,
  options: RougeOptions = {},
): RougeScore {
  const scores = references.map((reference) => rouge(type, reference, candidate, options));
  const zero = { precision: 0, recall: 0, fmeasure: 0 };
  return scores.reduce((best, next) => (next.fmeasure > best.fmeasure ? next : best), scores[0] ?? zero);
}

function countNgrams(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    const ngram = tokens.slice(i, i + n).join(' ');
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((a, b) => a + b, 0);
}

function score(hits: number, of: { readonly reference: number; readonly candidate: number }): RougeScore {
  const precision = hits / Math.max(1, of.candidate);
  const recall = hits / Math.max(1, of.reference);
  const fmeasure = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
  return { precision, recall, fmeasure };
}

/** table[i][j]: length of the longest common subsequence of the first i and the first j tokens. */
function lcsTable(a: readonly string[], b: readonly string[]): Uint32Array[] {
  const table = [new Uint32Array(b.length + 1)];
  for (const token of a) {
    const above = table[table.length - 1] ?? new Uint32Array();
    const row = new Uint32Array(b.length + 1);
    for (let j = 1; j <= b.length; j++)
      row[j] = token === b[j - 1] ? (above[j - 1] ?? 0) + 1 : Math.max(above[j] ?? 0, row[j - 1] ?? 0);
    table.push(row);
  }
  return table;
}

/** Tokens of `sentence` at the places that any of its common subsequences with `others` covers, in order. */
function unionLcs(sentence: readonly string[], others: readonly (readonly string[])[]): string[] {
  const covered = new Set(others.flatMap((other) => lcsPlaces(sentence, other)));
  return sentence.filter((_, i) => covered.has(i));
}

/** Places in `a` of one longest common subsequence; of several, the one that rouge-score reads out. */
function lcsPlaces(a: readonly string[], b: readonly string[]): number[] {
  const table = lcsTable(a, b);
  const places: number[] = [];
  let [i, j] = [a.length, b.length];
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      places.push(i - 1);
      i -= 1;
      j -= 1;
    } else if ((table[i]?.[j - 1] ?? 0) > (table[i - 1]?.[j] ?? 0)) j -= 1;
    else i -= 1;
  }
  return places;
}

/** Uses up one occurrence of a token on both sides, if both have one left. */
function take(
  left: { readonly reference: Map<string, number>; readonly candidate: Map<string, number> },
  token: string,
): boolean {
  const [expected, found] = [left.reference.get(token) ?? 0, left.candidate.get(token) ?? 0];
  if (expected === 0 || found === 0) return false;
  left.reference.set(token, expected - 1);
  left.candidate.set(token, found - 1);
  return true;
}
