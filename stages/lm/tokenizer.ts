/** Word-level tokenizer: lower-cased words and single punctuation marks, kept as Hugging Face's WordLevel. */
import { StageFailure } from '../../runner/contract.js';
import { byCodeUnit, type JsonObject } from '../../schemas/json.js';
import { modelType } from './tokenizer-json.js';
import type { Tokenizer, Tokens } from './types.js';

export interface MaskedTokenizer extends Tokenizer {
  /** All tokens that end a text when they are said, `eos` first: the one that ends texts which are learnt. */
  readonly ends: readonly number[];
  /**
   * Each text that it can say is said by one sequence of tokens alone, with one space between words: an exact world, which
   * lists one sequence a text, then lists all that count.
   */
  readonly oneSpelling: boolean;
  /** Never generated, probability 0: pad, bos, sep and the reserved tokens. */
  readonly masked: Int32Array;
  /** Ids of the reserved extra tokens, by name. */
  readonly reserved: ReadonlyMap<string, number>;
  /** What is written beside a model, by name of the file. */
  readonly files: Readonly<Record<string, string>>;
}

export interface TokenizerOptions {
  /** Specials and reserved tokens included; all words without. */
  readonly maxVocabulary?: number;
  /** Extra tokens in angle brackets, such as `<w0.5>`, that exist before any training and are never generated. */
  readonly reserved?: readonly string[];
}

export const specials = ['<pad>', '<bos>', '<eos>', '<sep>', '<unk>'] as const;

/** The specials, the reserved tokens, then words by frequency, ties by code unit. */
export function buildTokenizer(texts: Iterable<string>, options: TokenizerOptions = {}): MaskedTokenizer {
  const reserved = options.reserved ?? [];
  const fixed: readonly string[] = [...specials, ...reserved];
  const split = splitter(fixed);
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of split(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  for (const token of fixed) counts.delete(token);
  const frequent = [...counts].sort(([a, m], [b, n]) => n - m || byCodeUnit(a, b)).map(([word]) => word);
  const room = Math.max(0, (options.maxVocabulary ?? Infinity) - fixed.length);
  return wordTokenizer([...fixed, ...frequent.slice(0, room)], reserved);
}

function wordTokenizer(vocabulary: readonly string[], reservedNames: readonly string[]): MaskedTokenizer {
  const ids = new Map(vocabulary.map((token, id) => [token, id]));
  const id = (token: string): number => ids.get(token) ?? specials.indexOf('<unk>');
  const split = splitter([...specials, ...reservedNames]);
  const reserved = new Map(reservedNames.map((name) => [name, id(name)]));
  const encode = (text: string): Tokens => Int32Array.from(split(text), id);
  const files: Record<string, string> = {};
  const tokenizer: MaskedTokenizer = {
    vocabulary,
    pad: id('<pad>'),
    bos: id('<bos>'),
    eos: id('<eos>'),
    ends: [id('<eos>')],
    sep: id('<sep>'),
    unknown: id('<unk>'),
    // Of another's vocabulary a word may hold several, or be none that a text is split into.
    oneSpelling: vocabulary.every((token) => split(token).join(' ') === token && !/\s/.test(token)),
    reserved,
    masked: Int32Array.from([id('<pad>'), id('<bos>'), id('<sep>'), ...reserved.values()]),
    encode,
    encodePrompt: (text) => Int32Array.of(...encode(text), id('<sep>')),
    decode: (tokens) => decode(vocabulary, tokens),
    files,
  };
  files['tokenizer.json'] = tokenizerJson(tokenizer);
  files['tokenizer_config.json'] = settingsJson({ unk_token: '<unk>' });
  return tokenizer;
}

/** Lower-cased runs of letters, digits and marks, and other signs one by one; the given names stay whole. */
function splitter(names: readonly string[]): (text: string) => string[] {
  const whole = new Set(names);
  const boundary = new RegExp(`(${names.map((name) => name.replace(/[^\w<>]/g, '\\$&')).join('|')})`);
  return (text) => text.split(boundary).flatMap((part) => (whole.has(part) ? [part] : words(part)));
}

function words(text: string): string[] {
  return (
    text
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{N}\p{M}_]+|[^\s]/gu) ?? []
  );
}

/** Words with a space between, all but specials; reading it back gives the same tokens. */
function decode(vocabulary: readonly string[], tokens: ArrayLike<number>): string {
  const hidden = new Set<string>(['<pad>', '<bos>', '<eos>', '<sep>']);
  return Array.from(tokens, (token) => vocabulary[token] ?? '<unk>')
    .filter((word) => !hidden.has(word))
    .join(' ');
}

/** tokenizer.json of Hugging Face's tokenizers library; deterministic text. */
export function tokenizerJson(tokenizer: Pick<MaskedTokenizer, 'vocabulary' | 'reserved'>): string {
  const names: readonly string[] = [...specials, ...tokenizer.reserved.keys()];
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: names.map((content) => addedToken(tokenizer.vocabulary.indexOf(content), content)),
    normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] },
    pre_tokenizer: {
      type: 'Split',
      pattern: { Regex: '[\\p{L}\\p{N}\\p{M}_]+|[^\\s]' },
      behavior: 'Removed',
      invert: true,
    },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(tokenizer.vocabulary.map((token, id) => [token, id])),
      unk_token: '<unk>',
    },
  };
  return JSON.stringify(json, null, 2) + '\n';
}

/**
 * tokenizer_config.json of our own tokenizers. Without a class Transformers takes that of the model's type, which rebuilds
 * the tokenizer in its own way.
 */
export function settingsJson(more: Readonly<Record<string, string>> = {}): string {
  const settings = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: '<bos>',
    eos_token: '<eos>',
    pad_token: '<pad>',
    sep_token: '<sep>',
    ...more,
    clean_up_tokenization_spaces: false,
  };
  return JSON.stringify(settings, null, 2) + '\n';
}

export function addedToken(id: number, content: string): object {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

interface TokenizerFile {
  readonly added_tokens?: readonly { readonly content: string }[];
  readonly model?: { readonly type?: string; readonly vocab?: Readonly<Record<string, number>> };
}

/** Whether a tokenizer.json is of this kind, be it broken; one of another kind is read by the library. */
export function isWordLevel(text: string): boolean {
  try {
    const { model } = JSON.parse(text) as { readonly model?: JsonObject };
    return modelType(model ?? {}) === 'WordLevel';
  } catch {
    return true;
  }
}

/** Reads what `tokenizerJson` wrote; anything else is a StageFailure. */
export function parseTokenizer(text: string, path: string): MaskedTokenizer {
  const { added_tokens: added = [], model } = parseFile(text, path);
  if (model?.type !== 'WordLevel' || !model.vocab) {
    throw unreadable(path, `its model is ${JSON.stringify(model?.type ?? null)}; expected "WordLevel"`);
  }
  const vocabulary: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) vocabulary[id] = token;
  const missing = specials.find((token) => !vocabulary.includes(token));
  if (missing) throw unreadable(path, `its vocabulary lacks ${missing}`);
  const known: ReadonlySet<string> = new Set(specials);
  return wordTokenizer(
    vocabulary,
    added.map(({ content }) => content).filter((content) => !known.has(content)),
  );
}

function parseFile(text: string, path: string): TokenizerFile {
  try {
    return JSON.parse(text) as TokenizerFile;
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error));
  }
}

const unreadable = (path: string, message: string): StageFailure =>
  new StageFailure('user', 'tokenizer', `${path} is not a tokenizer that can be read: ${message}`);
