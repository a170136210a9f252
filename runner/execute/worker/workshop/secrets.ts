/** Forms in which a secret may show, and how they are found in bytes that come in pieces. */

/** A secret of fewer bytes stands in too much that is no secret. */
export const shortestSecret = 4;
const mask = '***';
/** As `base64` of coreutils breaks its lines. */
const wrappedAt = 76;

export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** One form of a secret, as bytes in latin1. */
export interface Pattern {
  readonly name: string;
  readonly text: string;
}

/** Bytes as text of one character each, so that strings can be searched for them. */
const latin = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** The characters of base64 that depend on the secret alone, when it begins `shift` bytes into a group of three. */
function base64Core(value: string, shift: number): string {
  const bytes = Buffer.from(value, 'utf8');
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}

const wrapped = (text: string): string =>
  text.length <= wrappedAt ? text : (text.match(new RegExp(`.{1,${wrappedAt}}`, 'g')) ?? []).join('\n');

/** Every byte but letters, digits and those of `kept` as `%XX`. */
function percent(value: string, kept: RegExp): string {
  return [...Buffer.from(value, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return kept.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

const lowerHex = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());

/** Raw, as JSON and Python write it in quotes, base64 at every offset in both alphabets, URL-encoded in all its habits. */
function formsOf(value: string): readonly string[] {
  const base64 = [0, 1, 2].map((shift) => base64Core(value, shift));
  const standard = [...base64, wrapped(base64[0] ?? '')];
  const urls = [/[A-Za-z0-9_.~-]/, /[A-Za-z0-9_.~/-]/, /[A-Za-z0-9_.!~*'()-]/].map((kept) =>
    percent(value, kept),
  );
  const plus = urls.map((text) => text.replaceAll('%20', '+'));
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = json.replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return [
    value,
    json,
    ascii,
    json.replaceAll('/', '\\/'),
    ...standard,
    ...standard.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ...[...urls, ...plus].flatMap((text) => [text, lowerHex(text)]),
  ];
}

/** All forms of all secrets, the longest first. */
export function patternsOf(secrets: readonly Secret[]): readonly Pattern[] {
  const found = new Map<string, Pattern>();
  for (const { name, value } of secrets) {
    for (const form of formsOf(value)) {
      const text = latin(form);
      if (text.length >= shortestSecret) found.set(text, { name, text });
    }
  }
  return [...found.values()].sort((a, b) => b.text.length - a.text.length);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/** The longest end of `text` that may be the beginning of a pattern. */
function pending(text: string, patterns: readonly Pattern[]): number {
  const most = Math.min(text.length, (patterns[0]?.text.length ?? 1) - 1);
  for (let length = most; length > 0; length -= 1) {
    const end = text.slice(-length);
    if (patterns.some((pattern) => pattern.text.startsWith(end))) return length;
  }
  return 0;
}

/** Masks secrets in a stream of bytes, also those that its chunks cut. */
export class Redactor {
  readonly #patterns: readonly Pattern[];
  readonly #all: RegExp | undefined;
  #rest = '';

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    this.#all =
      patterns.length === 0
        ? undefined
        : new RegExp(patterns.map(({ text }) => escaped(text)).join('|'), 'g');
  }

  /** What may be shown by now. */
  push(chunk: Buffer): Buffer {
    if (!this.#all) return chunk;
    const text = this.#rest + chunk.toString('latin1');
    let shown = '';
    let at = 0;
    let held = text.length - pending(text, this.#patterns);
    for (const { 0: found, index } of text.matchAll(this.#all)) {
      // A shorter form that ends here may be the beginning of a longer one.
      if (index >= held) break;
      shown += text.slice(at, index) + mask;
      at = index + found.length;
      if (at > held) held = text.length - pending(text.slice(at), this.#patterns);
    }
    this.#rest = text.slice(Math.max(at, held));
    return Buffer.from(shown + text.slice(at, Math.max(at, held)), 'latin1');
  }

  /** The rest: half of a secret that was never finished among it, which nobody can use. */
  end(): Buffer {
    const rest = this.#all ? this.#rest.replace(this.#all, mask) : this.#rest;
    this.#rest = '';
    return Buffer.from(rest, 'latin1');
  }

  /** A whole text. */
  text(text: string): string {
    return this.#all ? Buffer.from(latin(text).replace(this.#all, mask), 'latin1').toString('utf8') : text;
  }
}

/** Looks for patterns in a stream of bytes; remembers the first that was found. */
export class Searcher {
  readonly #patterns: readonly { readonly pattern: Pattern; readonly bytes: Buffer }[];
  readonly #carried: number;
  #rest: Buffer = Buffer.alloc(0);
  found: Pattern | undefined;

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns.map((pattern) => ({ pattern, bytes: Buffer.from(pattern.text, 'latin1') }));
    this.#carried = Math.max(0, (patterns[0]?.text.length ?? 0) - 1);
  }

  push(chunk: Buffer): void {
    if (this.found || this.#patterns.length === 0) return;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.found = this.#patterns.find((one) => bytes.includes(one.bytes))?.pattern;
    this.#rest = Buffer.from(bytes.subarray(Math.max(0, bytes.length - this.#carried)));
  }
}
