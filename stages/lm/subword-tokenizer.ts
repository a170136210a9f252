/** Tokenizers of other models: any tokenizer.json, by Hugging Face's own library, with the model's chat template. */
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { StageFailure } from '../../runner/contract.js';
import type { Json, JsonObject } from '../../schemas/json.js';
import { forLibrary, unsupported } from './tokenizer-json.js';
import { specials, type MaskedTokenizer } from './tokenizer.js';
import type { Tokens } from './types.js';

export interface TokenizerFiles {
  /** Text of each file that was there, by name: kept, and written back as it was. */
  readonly files: Readonly<Record<string, string>>;
  /** For messages. */
  readonly path: string;
  /** What config.json says of special tokens, and how many rows the embedding has. */
  readonly model: {
    readonly vocab_size: number;
    readonly ids: Readonly<Record<'bos' | 'eos' | 'pad', number | undefined>>;
    /** All that end a text. */
    readonly ends?: readonly number[];
  };
}

/** What we use of the library, whose own types name their files in a way that Node's resolution does not follow. */
interface Library {
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly number[] };
  decode(
    ids: readonly number[],
    options: { readonly skip_special_tokens: boolean; readonly clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  get_vocab(): ReadonlyMap<string, number>;
  get_added_tokens_decoder(): ReadonlyMap<number, { readonly content: string }>;
}

const Opened = Tokenizer as unknown as new (json: JsonObject, settings: JsonObject) => Library;

export const TOKENIZER = 'tokenizer.json';
export const SETTINGS = 'tokenizer_config.json';
/** Where older versions of Transformers name the special tokens. */
export const SPECIAL_TOKENS = 'special_tokens_map.json';
export const TEMPLATE = 'chat_template.jinja';

/** A file that the library does not read, or a model without an end of text, is a StageFailure. */
export function subwordTokenizer({ files, path, model }: TokenizerFiles): MaskedTokenizer {
  const json = parseObject(files[TOKENIZER] ?? '', path);
  const settings = {
    ...parseObject(files[SPECIAL_TOKENS] ?? '{}', path),
    ...parseObject(files[SETTINGS] ?? '{}', path),
  };
  const library = open(json, settings, path);
  const vocabulary = listOf(library.get_vocab());
  if (vocabulary.length > model.vocab_size)
    throw new StageFailure(
      'user',
      'model-mismatch',
      `${path} has ${vocabulary.length} tokens, config.json says ${model.vocab_size}`,
    );
  const special = (name: 'bos' | 'eos' | 'pad'): number =>
    library.token_to_id(contentOf(settings[`${name}_token`]) ?? ownName(name)) ?? model.ids[name] ?? -1;
  const [bos, eos, pad, sep] = [
    special('bos'),
    special('eos'),
    special('pad'),
    library.token_to_id('<sep>') ?? -1,
  ];
  if (eos < 0)
    throw unreadable(
      path,
      'no token ends a text: neither it, tokenizer_config.json nor config.json has an eos_token',
    );
  const unknown = library.token_to_id(contentOf(settings['unk_token']) ?? '<unk>') ?? -1;
  const ends = [...new Set([eos, ...(model.ends ?? [])])];
  const reserved = reservedOf(library, vocabulary);
  const encode = (text: string, add_special_tokens = false): Tokens =>
    Int32Array.from(library.encode(text, { add_special_tokens }).ids);
  const [bos_token, eos_token, pad_token, unk_token] = [bos, eos, pad, unknown].map((id) => vocabulary[id]);
  const tokens = tokensOf(settings, { bos_token, eos_token, pad_token, unk_token });
  const template = templateOf(files[TEMPLATE] ?? settings['chat_template'], tokens, path);
  const clean = settings['clean_up_tokenization_spaces'] === true;
  return {
    ...{ vocabulary, bos, eos, ends, pad, reserved, files },
    sep: sep < 0 ? eos : sep,
    // As Transformers saves GPT-2, its end of a text is named here; it stands for no unknown word: byte pairs know all.
    unknown: unknown === eos ? -1 : unknown,
    masked: maskedOf({
      vocabulary,
      never: [pad, bos, sep, ...reserved.values()],
      ends,
      rows: model.vocab_size,
    }),
    // A word is the join of many pieces, and spaces are free.
    oneSpelling: false,
    encode,
    encodePrompt(text) {
      if (template) return encode(template(text));
      if (sep >= 0) return Int32Array.of(...encode(text), sep);
      const tokens = encode(text, true);
      return tokens.length > 0 ? tokens : Int32Array.of(bos < 0 ? eos : bos);
    },
    decode: (tokens) => {
      const ids = Array.from(tokens);
      const options = { skip_special_tokens: true, clean_up_tokenization_spaces: clean };
      return ids.length === 0 ? '' : library.decode(ids, options);
    },
  };
}

/** What we call it where the files are our own. */
const ownName = (name: 'bos' | 'eos' | 'pad'): string => `<${name}>`;

function open(json: JsonObject, settings: JsonObject, path: string): Library {
  const problem = unsupported(json);
  if (problem !== undefined) throw unreadable(path, `it has ${problem}, which is not supported`);
  try {
    return new Opened(forLibrary(json), settings);
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error));
  }
}

/** Names by id; ids that no token has are empty. */
function listOf(vocabulary: ReadonlyMap<string, number>): string[] {
  const names = new Map([...vocabulary].map(([token, id]) => [id, token]));
  const size = 1 + [...names.keys()].reduce((most, id) => Math.max(most, id), -1);
  return Array.from({ length: size }, (_, id) => names.get(id) ?? '');
}

/** A token is a text, or a map with one. */
function contentOf(token: Json | undefined): string | undefined {
  if (typeof token === 'string') return token;
  const content = (token as JsonObject | null | undefined)?.['content'];
  return typeof content === 'string' ? content : undefined;
}

/** Extra tokens, of files of our own alone: a model's are for what it was taught. */
function reservedOf(library: Library, vocabulary: readonly string[]): ReadonlyMap<string, number> {
  if (!specials.every((name) => vocabulary.includes(name))) return new Map();
  const own: ReadonlySet<string> = new Set(specials);
  const added = [...library.get_added_tokens_decoder()].map(([id, { content }]) => [content, id] as const);
  return new Map(added.filter(([content]) => !own.has(content)));
}

interface Masking {
  readonly vocabulary: readonly string[];
  readonly never: readonly number[];
  readonly ends: readonly number[];
  /** Rows of the embedding, of which the last may stand for no token. */
  readonly rows: number;
}

function maskedOf({ vocabulary, never, ends, rows }: Masking): Int32Array {
  const blank = Array.from({ length: rows }, (_, id) => id).filter((id) => (vocabulary[id] ?? '') === '');
  const masked = new Set([...never.filter((id) => id >= 0), ...blank]);
  for (const end of ends) masked.delete(end);
  return Int32Array.from([...masked].sort((a, b) => a - b));
}

/** Special tokens by name: as the files call them, else those of the ids. */
function tokensOf(
  named: JsonObject,
  known: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const tokens = Object.entries({ ...known, ...named }).flatMap(([name, value]) => {
    const content = name.endsWith('_token') ? contentOf(value) : undefined;
    return content === undefined ? [] : [[name, content] as const];
  });
  return Object.fromEntries(tokens);
}

/** What Transformers hands to a template beside the messages. */
const nothing = { tools: null, documents: null };

/** Before a template, whose blank space it leaves alone: a prompt that says today's date would be another one tomorrow. */
const withoutClock = '{% set strftime_now = undefined %}\n';

const dated =
  '; it asks for the date of today, which no prompt may hold: give a chat_template.jinja that says one';

/** One question of a user, up to where the answer begins. */
function templateOf(
  written: Json | undefined,
  tokens: Readonly<Record<string, string>>,
  path: string,
): ((text: string) => string) | undefined {
  const text = Array.isArray(written) ? defaultOf(written) : written;
  if (typeof text !== 'string') return undefined;
  const failed = (error: unknown): StageFailure => {
    const message = error instanceof Error ? error.message : String(error);
    const clock = text.includes('strftime_now') ? dated : '';
    return unreadable(path, `its chat template fails: ${message}${clock}`);
  };
  let template: Template;
  try {
    template = new Template(withoutClock + text);
  } catch (error) {
    throw failed(error);
  }
  return (content) => {
    const messages = [{ role: 'user', content }];
    try {
      return template.render({ ...nothing, ...tokens, messages, add_generation_prompt: true });
    } catch (error) {
      throw failed(error);
    }
  };
}

/** Of several named templates the one for plain chats. */
function defaultOf(templates: readonly Json[]): Json | undefined {
  const named = templates as readonly JsonObject[];
  return (named.find((template) => template['name'] === 'default') ?? named[0])?.['template'];
}

function parseObject(text: string, path: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error));
  }
}

const unreadable = (path: string, message: string): StageFailure =>
  new StageFailure('user', 'tokenizer', `${path} is not a tokenizer that can be read: ${message}`);
