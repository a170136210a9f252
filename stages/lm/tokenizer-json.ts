/**
 * What a tokenizer.json says, in words that Hugging Face's library for JavaScript reads as the one for Python does. Where
 * it reads them otherwise without a word, they are rewritten, or refused where it has no other.
 */
import type { Json, JsonObject } from '../../schemas/json.js';
import { isMap } from './families/family.js';

/** Of a file without a type, as older ones are, the first that its fields fit. */
export function modelType(model: JsonObject): unknown {
  if (model['type'] !== undefined) return model['type'];
  if (Array.isArray(model['vocab'])) return 'Unigram';
  if ('merges' in model) return 'BPE';
  const pieces = 'continuing_subword_prefix' in model || 'max_input_chars_per_word' in model;
  return pieces ? 'WordPiece' : 'WordLevel';
}

/** What the library would pass over, and has no words for. */
export function unsupported({ model, added_tokens: added }: JsonObject): string | undefined {
  if (isMap(model)) {
    const type = modelType(model);
    if (type === 'BPE' && (model['continuing_subword_prefix'] ?? '') !== '')
      return 'a BPE model with a continuing_subword_prefix';
    if (type === 'BPE' && (model['dropout'] ?? 0) !== 0) return 'a BPE model with dropout';
    if (type === 'Unigram' && model['byte_fallback'] === true) return 'a Unigram model with byte_fallback';
  }
  const single = list(added).find((token) => token['single_word'] === true);
  return single && `an added token with single_word, ${JSON.stringify(single['content'])}`;
}

/** The same tokenizer, of what is not `unsupported`. */
export function forLibrary(json: JsonObject): JsonObject {
  const { model, pre_tokenizer: splits, decoder } = json;
  return {
    ...json,
    ...(isMap(model) ? { model: { ...model, type: modelType(model) as Json } } : {}),
    ...(isMap(splits) ? { pre_tokenizer: preTokenizer(splits) } : {}),
    ...(isMap(decoder) ? { decoder: decoderOf(decoder) } : {}),
  };
}

// Classes of characters as the library for Python has them, for use between brackets.
const blank = '\\p{White_Space}';
const word = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';
const mark = '\\p{P}\\u0021-\\u002F\\u003A-\\u0040\\u005B-\\u0060\\u007B-\\u007E';

function preTokenizer(json: JsonObject): JsonObject {
  const { type, behavior } = json;
  if (typeof type !== 'string') return json;
  const how = typeof behavior === 'string' ? behavior : 'Isolated';
  switch (type) {
    case 'Sequence':
      return { ...json, pretokenizers: list(json['pretokenizers']).map(preTokenizer) };
    case 'Whitespace':
      return pieces(`[${word}]+|[^${word}${blank}]+`);
    case 'WhitespaceSplit':
      return pieces(`[^${blank}]+`);
    case 'Digits':
      return split('\\p{N}', json['individual_digits'] === true ? 'Isolated' : 'Contiguous');
    case 'Punctuation':
      return split(`[${mark}]`, how);
    case 'Split': {
      const { Regex: regex, String: text } = isMap(json['pattern']) ? json['pattern'] : {};
      const pattern = regex ?? (typeof text === 'string' ? escaped(text) : undefined);
      return typeof pattern === 'string' ? split(pattern, how, json['invert'] === true) : json;
    }
    case 'Metaspace':
      return metaspace(json);
    default:
      return json;
  }
}

/** Parts of a text that a pattern matches; what it does not match is left away. */
const pieces = (Regex: string): JsonObject => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Removed',
  invert: true,
});

/** Parts of a text between what a pattern matches. */
const gaps = (pattern: string): JsonObject => ({
  type: 'Split',
  pattern: { Regex: withoutGroups(pattern) },
  behavior: 'Removed',
  invert: false,
});

/** JavaScript keeps what a group of a pattern holds when it splits a text there. */
const withoutGroups = (pattern: string): string =>
  pattern.replace(/\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?<(?![=!])[^>]*>|(?!\?))/gs, (part) =>
    part.startsWith('(') ? '(?:' : part,
  );

/** A split of any behaviour: the library has but those that keep matches alone, or matches and gaps apart. */
function split(pattern: string, behavior: string, invert = false): JsonObject {
  const match = `(?:${pattern})`;
  const other = `(?:(?!${match})[\\s\\S])`;
  switch (behavior) {
    case 'Removed':
      return invert ? pieces(pattern) : gaps(pattern);
    case 'Contiguous':
      return pieces(`${match}+|${other}+`);
    case 'MergedWithPrevious':
      return pieces(invert ? `${match}${other}*|${other}+` : `${other}*${match}|${other}+`);
    case 'MergedWithNext':
      return pieces(invert ? `${other}*${match}|${other}+` : `${match}${other}*|${other}+`);
    default:
      return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function metaspace(json: JsonObject): JsonObject {
  const marked = { ...json, prepend_scheme: schemeOf(json) };
  if (json['split'] === false) return marked;
  const apart = split(escaped(replacementOf(json)), 'MergedWithNext');
  return { type: 'Sequence', pretokenizers: [marked, apart] };
}

/** Older files say `add_prefix_space`. */
const schemeOf = (json: JsonObject): Json =>
  json['add_prefix_space'] === false ? 'never' : (json['prepend_scheme'] ?? 'always');

const replacementOf = ({ replacement }: JsonObject): string =>
  typeof replacement === 'string' ? replacement : '\u2581';

function decoderOf(json: JsonObject): JsonObject {
  if (json['type'] === 'Sequence') return { ...json, decoders: list(json['decoders']).map(decoderOf) };
  // The library takes the first blank away, be it the text's own.
  return json['type'] === 'Metaspace' && schemeOf(json) === 'never'
    ? { type: 'Replace', pattern: { String: replacementOf(json) }, content: ' ' }
    : json;
}

const list = (value: Json | undefined): readonly JsonObject[] =>
  (Array.isArray(value) ? (value as readonly Json[]) : []).filter(isMap);
