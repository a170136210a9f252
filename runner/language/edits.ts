import type { Json } from '../../schemas/json.js';
import type { Fix, Place } from '../pipeline.js';
import type { Entry, MapNode, Node } from './nodes.js';
import type { Source } from './options.js';

/** A fix that puts a text where a place is. */
export const writing = (place: Place, text: string, title = `write \`${text}\``): Fix => ({
  title,
  edits: [{ place, text }],
});

/** A value as it is written in YAML: plain where that can't be misread, else in double quotes. */
export function written(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const plain = /^[A-Za-z_$][\w./$=*()+-]*( [\w=*./-]+)*[)\w./-]*$/.test(value);
  const meansElse = /^(true|false|null|True|False|Null|TRUE|FALSE|NULL)$/.test(value);
  return plain && !meansElse ? value : JSON.stringify(value);
}

/** The same for lists and maps, in flow style. */
export function writtenAll(value: Json): string {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(writtenAll).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return written(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${written(key)}: ${writtenAll(item)}`)
    .join(', ')}}`;
}

/** Where lines begin; offsets of places, and places of offsets. */
export class Lines {
  readonly #starts: number[] = [0];

  constructor(private readonly source: Source) {
    for (let at = source.text.indexOf('\n'); at >= 0; at = source.text.indexOf('\n', at + 1))
      this.#starts.push(at + 1);
  }

  offset(line: number, column: number): number {
    const start = this.#starts[line - 1] ?? this.source.text.length;
    return Math.min(start + column - 1, this.source.text.length);
  }

  range(place: Place): readonly [number, number] {
    return [this.offset(place.line, place.column), this.offset(place.endLine, place.endColumn)];
  }

  place(from: number, to = from): Place {
    const start = this.#at(from);
    const end = this.#at(Math.max(from, to));
    return { file: this.source.file, ...start, endLine: end.line, endColumn: end.column };
  }

  #at(offset: number): { line: number; column: number } {
    const within = Math.max(0, Math.min(offset, this.source.text.length));
    let low = 0;
    for (let high = this.#starts.length - 1; low < high;) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= within) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: within - (this.#starts[low] ?? 0) + 1 };
  }
}

/** The text with a fix applied. */
export function applyFix(source: Source, fix: Fix): string {
  const lines = new Lines(source);
  return fix.edits
    .map(({ place, text }) => ({ range: lines.range(place), text }))
    .sort((a, b) => b.range[0] - a.range[0])
    .reduce(
      (text, edit) => text.slice(0, edit.range[0]) + edit.text + text.slice(edit.range[1]),
      source.text,
    );
}

/** The part of a scalar's place where `part` of its text stands; the whole where quotes or folds hide it. */
export function partOf(place: Place, text: string, from: number, length: number): Place {
  const written = place.endColumn - place.column;
  const quotes = written === text.length ? 0 : written === text.length + 2 ? 1 : undefined;
  if (place.line !== place.endLine || quotes === undefined || from < 0) return place;
  const column = place.column + quotes + from;
  return { ...place, column, endColumn: column + length };
}

/** What is read of a map: where it is, and how many keys it has. */
type AnyMap = Pick<MapNode, 'place'> & { readonly entries: { readonly length: number } };

/**
 * Edits of one file that know its text: what stands around a key or a value. They are undefined where the place
 * isn't in the file (a value from the command line) or the layout is one that is better mended by hand.
 */
export class Editor {
  readonly #lines: Lines;

  constructor(private readonly source: Source) {
    this.#lines = new Lines(source);
  }

  /** The text of a place. */
  textOf(place: Place): string {
    const [from, to] = place.file === this.source.file ? this.#lines.range(place) : [0, 0];
    return this.source.text.slice(from, to);
  }

  /** Where a node is written in this file: not what an alias or a reference stands for. */
  placeOf(node: Node): Place {
    return node.uses[0] ?? node.place;
  }

  /** A key with its value, with the comma or the line that go with it. */
  remove(map: AnyMap, entry: Entry, title = `remove \`${entry.key}\``): Fix | undefined {
    const extent = this.#extent(entry);
    if (extent === undefined) return undefined;
    const [from, to] = extent;
    const only = map.entries.length <= 1;
    const range = this.#inFlow(map) ? this.#flowItem(from, to) : only ? extent : this.#wholeLines(from, to);
    if (range === undefined) return undefined;
    return writing(this.#lines.place(...range), only && !this.#inFlow(map) ? '{}' : '', title);
  }

  /** A value of a list, with its comma or line. */
  removeItem(place: Place, title: string): Fix | undefined {
    if (place.file !== this.source.file) return undefined;
    const [from, to] = this.#lines.range(place);
    const before = this.source.text.slice(this.source.text.lastIndexOf('\n', from - 1) + 1, from);
    const block = /^ *- +$/.test(before);
    const range = block ? this.#wholeLines(from - before.trimStart().length, to) : this.#flowItem(from, to);
    return range === undefined ? undefined : writing(this.#lines.place(...range), '', title);
  }

  /** A new key before the first one of a map. */
  insert(map: MapNode, text: string, title = `write \`${text}\``): Fix | undefined {
    if (map.place.file !== this.source.file || map.uses.length > 0) return undefined;
    const [from] = this.#lines.range(map.place);
    if (this.#inFlow(map)) {
      const rest = map.entries.length === 0 ? '' : ', ';
      return writing(this.#lines.place(from + 1), `${text}${rest}`, title);
    }
    const first = map.entries[0]?.keyPlace;
    if (first === undefined || first.file !== this.source.file) return undefined;
    const indent = this.#indentOf(this.#lines.range(first)[0]);
    if (indent === undefined) return undefined;
    const at = this.#lines.place(this.#lines.range(first)[0]);
    return writing(at, `${reindented(text, indent)}\n${' '.repeat(indent)}`, title);
  }

  /** The entry taken out of one map and put into another. */
  move(entry: Entry, from: MapNode, to: MapNode, title: string): Fix | undefined {
    const text = this.#entryText(entry);
    if (text === undefined || (text.includes('\n') && this.#inFlow(to))) return undefined;
    const [gone, come] = [this.remove(from, entry), this.insert(to, text)];
    if (gone === undefined || come === undefined) return undefined;
    return { title, edits: [...come.edits, ...gone.edits] };
  }

  /** A key with its value as the value of another key: `steps: 4` becomes `with: {steps: 4}`. */
  wrap(entry: Entry, key: string, title: string): Fix | undefined {
    const text = this.#entryText(entry);
    const extent = this.#extent(entry);
    if (text === undefined || extent === undefined || text.includes('\n')) return undefined;
    return writing(this.#lines.place(...extent), `${key}: {${text}}`, title);
  }

  /** The source of an entry, its further lines indented from its key. */
  #entryText(entry: Entry): string | undefined {
    const extent = this.#extent(entry);
    if (extent === undefined) return undefined;
    const text = this.source.text.slice(...extent);
    if (text.includes('#')) return undefined;
    return text.includes('\n') ? dedented(text, entry.keyPlace.column - 1) : text;
  }

  /** From the key to the end of its value. */
  #extent({ keyPlace, value }: Entry): readonly [number, number] | undefined {
    const { text, file } = this.source;
    const at = this.placeOf(value);
    if (keyPlace.file !== file || at.file !== file) return undefined;
    const [from, keyEnd] = this.#lines.range(keyPlace);
    if (this.#explicit(from)) return undefined;
    const [valueFrom, valueEnd] = this.#lines.range(at);
    const colon = /^\s*:/.exec(text.slice(keyEnd, keyEnd + 200))?.[0].length ?? 0;
    const to = valueFrom <= from ? keyEnd + colon : valueEnd;
    return [from, from + text.slice(from, to).trimEnd().length];
  }

  /** `? key` */
  #explicit(from: number): boolean {
    return /\?\s*$/.test(this.source.text.slice(Math.max(0, from - 20), from));
  }

  #inFlow(map: AnyMap): boolean {
    return this.source.text[this.#lines.range(map.place)[0]] === '{';
  }

  /** An item of a flow collection with the comma after it, else with the one before it. */
  #flowItem(from: number, to: number): readonly [number, number] {
    const { text } = this.source;
    const after = /^\s*,[ \t]*/.exec(text.slice(to))?.[0];
    if (after !== undefined) return [from, to + after.length];
    const before = /,\s*$/.exec(text.slice(0, from))?.[0];
    return before === undefined ? [from, to] : [from - before.length, to];
  }

  /** The lines of an entry that has them for itself. */
  #wholeLines(from: number, to: number): readonly [number, number] | undefined {
    if (this.#indentOf(from) === undefined) return undefined;
    const { text } = this.source;
    const end = text.indexOf('\n', to);
    const rest = text.slice(to, end < 0 ? text.length : end);
    if (!/^\s*(#.*)?$/.test(rest)) return undefined;
    const begin = text.lastIndexOf('\n', from - 1) + 1;
    return end < 0 ? [Math.max(0, begin - 1), text.length] : [begin, end + 1];
  }

  /** Columns before a key that is the first thing on its line. */
  #indentOf(from: number): number | undefined {
    const begin = this.source.text.lastIndexOf('\n', from - 1) + 1;
    const before = this.source.text.slice(begin, from);
    return /^ *$/.test(before) ? before.length : undefined;
  }
}

const dedented = (text: string, columns: number): string =>
  text.replaceAll(new RegExp(`\\n {0,${String(columns)}}`, 'g'), '\n');
const reindented = (text: string, columns: number): string =>
  text.replaceAll('\n', `\n${' '.repeat(columns)}`);
