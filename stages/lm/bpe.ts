/** Byte-pair encoding (Sennrich et al. 2016) over bytes, trained on one's own texts, as a tokenizer.json of GPT-2's kind. */
import { byCodeUnit } from '../../schemas/json.js';
import { SETTINGS, TOKENIZER, subwordTokenizer } from './subword-tokenizer.js';
import { addedToken, settingsJson, specials, type MaskedTokenizer } from './tokenizer.js';

export interface BpeOptions {
  /** Tokens at most, the special ones, the reserved ones and the 256 bytes included. */
  readonly vocabulary: number;
  /** Extra tokens that exist before any training and are never generated. */
  readonly reserved: readonly string[];
}

/** A tokenizer of byte pairs of these texts. */
export function bpeTokenizer(texts: Iterable<string>, options: BpeOptions): MaskedTokenizer {
  const text = trainBpe(texts, options);
  const { vocab } = (JSON.parse(text) as { readonly model: { readonly vocab: object } }).model;
  const ids = { bos: undefined, eos: undefined, pad: undefined };
  const model = { vocab_size: Object.keys(vocab).length, ids };
  return subwordTokenizer({
    files: { [TOKENIZER]: text, [SETTINGS]: settingsJson() },
    path: TOKENIZER,
    model,
  });
}

type Pair = readonly [string, string];

/** Deterministic: the commonest pair is joined first, of equals the one that sorts first; no pair that comes once alone. */
function trainBpe(texts: Iterable<string>, { vocabulary, reserved }: BpeOptions): string {
  const fixed = [...specials, ...reserved];
  const alphabet = [...byteLetters.values()].sort(byCodeUnit);
  const merges = learnMerges(wordsOf(texts), vocabulary - fixed.length - alphabet.length);
  const tokens = [...fixed, ...alphabet, ...merges.map((pair) => pair.join(''))];
  return tokenizerJson([...new Set(tokens)], merges, fixed);
}

/** GPT-2's letters for bytes: what prints stands for itself, the rest for letters from 256 on. */
const byteLetters: ReadonlyMap<number, string> = new Map(
  (() => {
    const prints = (byte: number): boolean =>
      (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    let next = 256;
    return Array.from({ length: 256 }, (_, byte) => [
      byte,
      String.fromCodePoint(prints(byte) ? byte : next++),
    ]);
  })(),
);

/** GPT-2's pieces: words with the space before them, numbers, marks, spaces. */
const pieces = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** How often each piece comes, in letters for bytes. */
function wordsOf(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of text.normalize('NFC').match(pieces) ?? []) {
      const word = Array.from(Buffer.from(piece), (byte) => byteLetters.get(byte) ?? '').join('');
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

interface Word {
  parts: string[];
  readonly count: number;
}

function learnMerges(counts: ReadonlyMap<string, number>, most: number): Pair[] {
  const words: Word[] = [...counts].map(([word, count]) => ({ parts: Array.from(word), count }));
  const pairs = new PairCounts();
  for (const word of words) pairs.add(word, 1);
  const merges: Pair[] = [];
  while (merges.length < most) {
    const best = pairs.commonest();
    if (!best) break;
    merges.push(best);
    for (const word of pairs.holding(best)) {
      pairs.add(word, -1);
      word.parts = joined(word.parts, best);
      pairs.add(word, 1);
    }
  }
  return merges;
}

/** Every place of the pair made one, from the front. */
function joined(parts: readonly string[], [left, right]: Pair): string[] {
  const result: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const here = parts[i] ?? '';
    if (here === left && parts[i + 1] === right) {
      result.push(left + right);
      i++;
    } else result.push(here);
  }
  return result;
}

class PairCounts {
  readonly #pairs = new Map<string, { readonly pair: Pair; count: number; readonly words: Set<Word> }>();

  /** Counts the pairs of a word `sign` times as often as it comes. */
  add(word: Word, sign: 1 | -1): void {
    for (let i = 1; i < word.parts.length; i++) {
      const pair: Pair = [word.parts[i - 1] ?? '', word.parts[i] ?? ''];
      // No letter for a byte is a space.
      const name = pair.join(' ');
      const entry = this.#pairs.get(name) ?? { pair, count: 0, words: new Set<Word>() };
      entry.count += sign * word.count;
      if (sign > 0) entry.words.add(word);
      if (entry.count > 0) this.#pairs.set(name, entry);
      else this.#pairs.delete(name);
    }
  }

  commonest(): Pair | undefined {
    let [most, best, found]: [number, string, Pair | undefined] = [1, '', undefined];
    for (const [name, { pair, count }] of this.#pairs) {
      if (count < most || count === 1 || (count === most && byCodeUnit(name, best) > 0)) continue;
      [most, best, found] = [count, name, pair];
    }
    return found;
  }

  /** Words that the pair was seen in, some of which may have lost it since. */
  holding(pair: Pair): readonly Word[] {
    return [...(this.#pairs.get(pair.join(' '))?.words ?? [])];
  }
}

function tokenizerJson(tokens: readonly string[], merges: readonly Pair[], fixed: readonly string[]): string {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: fixed.map((content, id) => addedToken(id, content)),
    normalizer: { type: 'NFC' },
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  return JSON.stringify(json, null, 2) + '\n';
}
