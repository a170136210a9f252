/** Forms in which a secret may show, and how they are found in bytes that come in pieces. */

/** A secret of fewer bytes stands in too much that is no secret. */
export const shortestSecret = 4;
/** A shorter line of a secret of several is too likely to be something else. */
const shortestLine = 8;
const mask = '***';

export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** One form of a secret, as bytes in latin1. */
export interface Pattern {
  readonly name: string;
  readonly text: string;
  /** Base64: wherever it is, a line may end, at whatever width a program breaks them. */
  readonly broken?: boolean;
}

/** Bytes as text of one character each, so that strings can be searched for them. */
const latin = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** The characters of base64 that depend on the secret alone, when it begins `shift` bytes into a group of three. */
function base64Core(value: string, shift: number): string {
  const bytes = Buffer.from(value, 'utf8');
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}

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

/** Base64 at every offset in both alphabets. */
function base64Of(value: string): readonly string[] {
  const standard = [0, 1, 2].map((shift) => base64Core(value, shift));
  return [...standard, ...standard.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))];
}

/** Raw, as JSON and Python write it in quotes, URL-encoded in all its habits. */
function formsOf(value: string): readonly string[] {
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
    ...[...urls, ...plus].flatMap((text) => [text, lowerHex(text)]),
  ];
}

/** A secret as it is, without the blanks around it, which programs strip, and its lines: but not what heads any key. */
function partsOf(value: string): ReadonlySet<string> {
  const lines = value.split('\n').map((line) => line.trim());
  const telling = lines.filter(
    (line) => Buffer.byteLength(line) >= shortestLine && !/^-----.*-----$/.test(line),
  );
  return new Set([value, value.trim(), ...(lines.length > 1 ? telling : [])]);
}

/** All forms of all secrets, the longest first. */
export function patternsOf(secrets: readonly Secret[]): readonly Pattern[] {
  const found = new Map<string, Pattern>();
  const add = (pattern: Pattern): void => {
    if (pattern.text.length >= shortestSecret) found.set(pattern.text, pattern);
  };
  const parts = secrets.flatMap(({ name, value }) => [...partsOf(value)].map((part) => ({ name, part })));
  for (const { name, part } of parts) for (const form of formsOf(part)) add({ name, text: latin(form) });
  for (const { name, part } of parts) for (const text of base64Of(part)) add({ name, text, broken: true });
  return [...found.values()].sort((a, b) => b.text.length - a.text.length);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/** How patterns begin: an expression of the whole of many long ones takes seconds. */
const headOf = ({ text, broken }: Pattern): string =>
  Array.from(text.slice(0, shortestSecret), escaped).join(broken === true ? '[\\r\\n]*' : '');

/** How many characters of a text are a pattern that begins there; 0 where none does. */
function lengthAt(text: string, index: number, { text: whole, broken }: Pattern): number {
  if (text.startsWith(whole, index)) return whole.length;
  if (broken !== true) return 0;
  let at = index;
  for (const character of whole) {
    while (at > index && (text[at] === '\n' || text[at] === '\r')) at += 1;
    if (text[at] !== character) return 0;
    at += 1;
  }
  return at - index;
}

/** The longest end of `text` that may be the beginning of a pattern. */
function pending(text: string, patterns: readonly Pattern[]): number {
  const longest = patterns[0]?.text.length ?? 0;
  const whole = heldOf(text.slice(-longest), patterns);
  // No more characters than this hold that many that are no ends of lines.
  const end = text.slice(-3 * longest);
  if (!/[\r\n]/.test(end)) return whole;
  const kept = [...end.matchAll(/[^\r\n]/g)].map(({ index }) => index);
  const bare = kept
    .map((at) => end[at])
    .join('')
    .slice(-longest);
  const held = heldOf(
    bare,
    patterns.filter(({ broken }) => broken),
  );
  return held === 0 ? whole : Math.max(whole, end.length - (kept[kept.length - held] ?? 0));
}

/** How many last characters of `text` begin a pattern, and don't end it. */
function heldOf(text: string, patterns: readonly Pattern[]): number {
  for (let length = text.length; length > 0; length -= 1) {
    const end = text.slice(-length);
    for (const pattern of patterns) {
      // The longest stand first.
      if (pattern.text.length <= length) break;
      if (pattern.text.startsWith(end)) return length;
    }
  }
  return 0;
}

/** Masks secrets in a stream of bytes, also those that its chunks cut. */
export class Redactor {
  readonly #patterns: readonly Pattern[];
  readonly #heads: RegExp | undefined;
  #rest = '';

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    const heads = new Set(patterns.map(headOf));
    this.#heads = heads.size === 0 ? undefined : new RegExp([...heads].join('|'), 'g');
  }

  /** What may be shown by now. */
  push(chunk: Buffer): Buffer {
    if (!this.#heads) return chunk;
    const text = this.#rest + chunk.toString('latin1');
    let shown = '';
    let at = 0;
    let held = text.length - pending(text, this.#patterns);
    for (const { index, length } of this.#find(text)) {
      // A shorter form that ends here may be the beginning of a longer one.
      if (index >= held) break;
      shown += text.slice(at, index) + mask;
      at = index + length;
      if (at > held) held = text.length - pending(text.slice(at), this.#patterns);
    }
    this.#rest = text.slice(Math.max(at, held));
    return Buffer.from(shown + text.slice(at, Math.max(at, held)), 'latin1');
  }

  /** The rest: half of a secret that was never finished among it, which nobody can use. */
  end(): Buffer {
    const rest = this.#masked(this.#rest);
    this.#rest = '';
    return Buffer.from(rest, 'latin1');
  }

  /** A whole text. */
  text(text: string): string {
    return this.#heads ? Buffer.from(this.#masked(latin(text)), 'latin1').toString('utf8') : text;
  }

  #masked(text: string): string {
    let shown = '';
    let at = 0;
    for (const { index, length } of this.#find(text)) {
      shown += text.slice(at, index) + mask;
      at = index + length;
    }
    return shown + text.slice(at);
  }

  /** From left to right; of patterns that begin at one place the longest. */
  *#find(text: string): Generator<{ readonly index: number; readonly length: number }> {
    for (let from = 0; this.#heads;) {
      this.#heads.lastIndex = from;
      const index = this.#heads.exec(text)?.index;
      if (index === undefined) return;
      const pattern = this.#patterns.find((one) => lengthAt(text, index, one) > 0);
      const length = pattern ? lengthAt(text, index, pattern) : 0;
      if (length > 0) yield { index, length };
      from = index + Math.max(1, length);
    }
  }
}

/** Bytes without ends of lines. */
function unbroken(chunk: Buffer): Buffer {
  const bare = Buffer.allocUnsafe(chunk.length);
  let length = 0;
  for (const byte of chunk) {
    bare[length] = byte;
    if (byte !== 10 && byte !== 13) length += 1;
  }
  return bare.subarray(0, length);
}

/** Looks for patterns in a stream of bytes; remembers the first that was found. */
export class Searcher {
  readonly #whole: Search;
  readonly #unbroken: Search | undefined;
  found: Pattern | undefined;

  constructor(patterns: readonly Pattern[]) {
    const broken = patterns.filter((pattern) => pattern.broken);
    this.#whole = new Search(patterns);
    this.#unbroken = broken.length === 0 ? undefined : new Search(broken);
  }

  push(chunk: Buffer): void {
    this.found ??= this.#whole.push(chunk) ?? this.#unbroken?.push(unbroken(chunk));
  }
}

/** A search that remembers as much as may be the beginning of a pattern. */
class Search {
  readonly #patterns: readonly { readonly pattern: Pattern; readonly bytes: Buffer }[];
  readonly #carried: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns.map((pattern) => ({ pattern, bytes: Buffer.from(pattern.text, 'latin1') }));
    this.#carried = Math.max(0, (patterns[0]?.text.length ?? 0) - 1);
  }

  push(chunk: Buffer): Pattern | undefined {
    if (this.#patterns.length === 0) return undefined;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.from(bytes.subarray(Math.max(0, bytes.length - this.#carried)));
    return this.#patterns.find((one) => bytes.includes(one.bytes))?.pattern;
  }
}
