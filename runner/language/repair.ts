import { type Document, isCollection, isPair, isScalar, type YAMLParseError } from 'yaml';

/** The part of the parser's error that is read. */
export type SyntaxError = Pick<YAMLParseError, 'code' | 'message' | 'pos'>;

/** A change of a text by offsets. */
export interface Change {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Changes that would make an error of syntax go away. */
export interface Repair {
  readonly title: string;
  /** Of two that leave as many errors the one with the lower rank is meant. */
  readonly rank?: number;
  /** Ordered, and apart from each other. */
  readonly changes: readonly Change[];
}

/** A text as it was parsed. */
export interface Parsed {
  readonly text: string;
  readonly document: Document.Parsed;
  readonly errors: readonly SyntaxError[];
}

/** A repair, and what the text is after it. */
export interface Repaired {
  readonly repair: Repair;
  readonly after: Parsed;
}

/** Longest text that repairs are looked for in, and most tries (fewer with many errors): each parses it again. */
const most = { length: 100_000, errors: 40, tries: 12 };

/**
 * The repair of the first error, where one is sure: of all that could have been meant, the one after which the rest
 * of the text has the fewest errors, none of them at the repair. Undefined where no repair or more than one will do.
 */
export function findRepair(parsed: Parsed, parse: (text: string) => Parsed): Repaired | undefined {
  const [error] = parsed.errors;
  if (error === undefined || parsed.text.length > most.length) return undefined;
  const tried = candidates(error, parsed)
    .slice(0, parsed.errors.length > most.errors ? 2 : most.tries)
    .map((repair) => ({ repair, after: parse(changed(parsed.text, repair.changes)) }))
    .filter(isGone);
  const least = Math.min(...tried.map(({ after }) => after.errors.length));
  const good = tried.filter(({ after }) => after.errors.length === least);
  const rank = Math.min(...good.map(({ repair }) => repair.rank ?? 0));
  const best = good.filter(({ repair }) => (repair.rank ?? 0) === rank);
  return best.length === 1 ? best[0] : undefined;
}

const changed = (text: string, changes: readonly Change[]): string =>
  [...changes]
    .reverse()
    .reduce((now, change) => now.slice(0, change.from) + change.text + now.slice(change.to), text);

/** Whether none of the errors that are left is at the repair or before it. */
function isGone({ repair, after: { errors, text } }: Repaired): boolean {
  const last = repair.changes.at(-1);
  const grown = repair.changes.reduce(
    (sum, change) => sum + change.text.length - (change.to - change.from),
    0,
  );
  const lineEnd = text.indexOf('\n', (last?.to ?? 0) + grown);
  const [first] = errors;
  return first === undefined || (lineEnd >= 0 && first.pos[0] > lineEnd);
}

function candidates(error: SyntaxError, parsed: Parsed): readonly Repair[] {
  const { text } = parsed;
  const [at, to] = error.pos;
  const closing = /(?:Flow (map|sequence)).*end with/.test(error.message);
  const own: Readonly<Partial<Record<string, () => readonly Repair[]>>> = {
    TAB_AS_INDENT: () => [2, 4, 8, 3, 6].map((width, rank) => tabs(text, { at, width, rank })),
    MULTILINE_IMPLICIT_KEY: () => missingColon(text, at),
    BLOCK_AS_IMPLICIT_KEY: () => [...quoteToEnd(text, at), ...outdent(text, at)],
    BLOCK_IN_FLOW: () => missingComma(text, at, to),
    BAD_SCALAR_START: () => quoteScalar(parsed, at),
    BAD_DQ_ESCAPE: () => [one('write `\\\\`', { from: at, to: at, text: '\\' })],
    BAD_ALIAS: () => quoteToEnd(text, at),
    BAD_INDENT: () => (closing ? closers(text, at) : sameIndent(text, at)),
    MISSING_CHAR: () => missingChar(error, parsed, closing),
    UNEXPECTED_TOKEN: () => unexpected(text, at),
  };
  return [...(own[error.code]?.() ?? []), ...(error.code === 'MISSING_CHAR' ? [] : openText(parsed, at))];
}

function missingChar({ message, pos }: SyntaxError, parsed: Parsed, closing: boolean): readonly Repair[] {
  const [at] = pos;
  if (closing) return closers(parsed.text, at);
  return message.startsWith('Implicit map keys') ? missingColon(parsed.text, at) : missingQuote(parsed, at);
}

const one = (title: string, change: Change): Repair => ({ title, changes: [change] });

/** So many spaces for each tab that indents, in the whole text. */
function tabs(
  text: string,
  { at, width, rank }: { readonly at: number; readonly width: number; readonly rank: number },
): Repair {
  const indents = [...text.matchAll(/^ *\t[ \t]*/gm)].map(({ index, 0: found }) => ({
    from: index,
    to: index + found.length,
    text: found.replaceAll('\t', ' '.repeat(width)),
  }));
  const changes = indents.length > 0 ? indents : [{ from: at, to: at + 1, text: ' ' }];
  return { title: 'indent with spaces', changes, rank: rank + 10 * strays(text, changed(text, changes)) };
}

/** Lines that had tabs and stand neither where the line above stands nor below a key that waits for its value. */
function strays(before: string, after: string): number {
  const lines = after.split('\n');
  let above = '';
  return before.split('\n').filter((line, index) => {
    const now = lines[index] ?? '';
    if (now.trim() === '') return false;
    const waits = /\w: *(#.*)?$/.test(above);
    const stands = waits ? widthOf(now) > widthOf(above) : widthOf(now) === widthOf(above);
    above = now;
    return /^ *\t/.test(line) && !stands;
  }).length;
}

const lineOf = (text: string, at: number): { readonly begin: number; readonly end: number } => {
  const end = text.indexOf('\n', at);
  return { begin: text.lastIndexOf('\n', at - 1) + 1, end: end < 0 ? text.length : end };
};

/** The end of a line without its comment and the blanks before that. */
function endOf(text: string, at: number): number {
  const { end } = lineOf(text, at);
  return (
    at +
    text
      .slice(at, end)
      .replace(/(^|\s)#.*$/, '')
      .trimEnd().length
  );
}

/** `uses data/news`, `uses:data/news`, `stages`: a key without its `: `. */
function missingColon(text: string, at: number): readonly Repair[] {
  const line = text.slice(at, endOf(text, at));
  const [, joined, value] = /^([\w-]+:)(\S.*)/.exec(line) ?? [];
  if (joined !== undefined)
    return [one(`write \`${joined} ${value ?? ''}\``, insertion(at + joined.length, ' '))];
  const [, word] = /^([\w-]+)( |$)/.exec(line) ?? [];
  return word === undefined ? [] : [one('write `:` after the key', insertion(at + word.length, ':'))];
}

const insertion = (at: number, text: string): Change => ({ from: at, to: at, text });

/** `name: a: b`: the text as a whole. */
function quoteToEnd(text: string, at: number): readonly Repair[] {
  const end = endOf(text, at);
  const value = text.slice(at, end);
  return value === '' || /["\\]/.test(value)
    ? []
    : [one('put the text in quotes', { from: at, to: end, text: `"${value}"` })];
}

/** A line that is indented deeper than the key before it, though that has a value. */
function outdent(text: string, at: number): readonly Repair[] {
  const { begin, end } = lineOf(text, at);
  return end >= text.length ? [] : shift(text, end + 1, widthOf(text.slice(begin)));
}

/** A line between two levels: the nearest of those above, the deeper one of two. */
function sameIndent(text: string, at: number): readonly Repair[] {
  const { begin } = lineOf(text, at);
  const above = text.slice(0, begin).split('\n').slice(-40);
  const own = widthOf(text.slice(begin));
  const levels = [...new Set(above.filter((line) => line.trim() !== '').map(widthOf))];
  return levels.flatMap((level) =>
    shift(text, begin, level).map((repair, index) => ({
      ...repair,
      rank: 4 * Math.abs(level - own) + 2 * Number(level < own) + index,
    })),
  );
}

const widthOf = (text: string): number => /^ */.exec(text)?.[0].length ?? 0;

/** A line moved to an indentation: with those that are deeper below it, and alone. */
function shift(text: string, begin: number, indent: number): readonly Repair[] {
  const lines = text.slice(begin).split('\n');
  const own = widthOf(lines[0] ?? '');
  if (own === indent || (lines[0] ?? '').trim() === '') return [];
  const until = lines.findIndex((line, index) => index > 0 && line.trim() !== '' && widthOf(line) <= own);
  let at = begin;
  const changes = lines.slice(0, until < 0 ? lines.length : until).flatMap((line): Change[] => {
    const from = at;
    at += line.length + 1;
    const columns = Math.max(0, widthOf(line) + indent - own);
    return line.trim() === '' ? [] : [{ from, to: from + widthOf(line), text: ' '.repeat(columns) }];
  });
  const title = `indent by ${String(indent)} spaces`;
  return changes.length === 1
    ? [{ title, changes }]
    : [
        { title, changes },
        { title, changes: changes.slice(0, 1), rank: 1 },
      ];
}

/** `{b: 1 c: 2}`: before the last word that stands before a colon; else the text as a whole. */
function missingComma(text: string, at: number, to: number): readonly Repair[] {
  const [, before, blanks] = /^([^:]*\S)(\s+)[^\s:]+:/.exec(text.slice(at, to)) ?? [];
  if (before !== undefined && blanks !== undefined)
    return [one('write a comma', insertion(at + before.length, ','))];
  const value = text.slice(at, to).trimEnd();
  return /["\\\n]/.test(value)
    ? []
    : [one('put the text in quotes', { from: at, to: at + value.length, text: `"${value}"` })];
}

function quoteScalar({ document }: Parsed, at: number): readonly Repair[] {
  const node = nodesAt(document.contents, at).at(-1);
  const range = isScalar(node) ? node.range : undefined;
  if (!isScalar(node) || range === undefined || range === null || typeof node.source !== 'string') return [];
  const text = JSON.stringify(node.source);
  return [one('put the text in quotes', { from: range[0], to: range[1], text })];
}

/** What closes the collections that are open where the line before an offset ends. */
function closers(text: string, at: number): readonly Repair[] {
  const before = text.slice(0, at).trimEnd();
  const end = endOf(text, lineOf(text, Math.max(0, before.length - 1)).begin);
  return ['}', ']', '}}', ']}', '}]', ']]', '}}}'].map((closing) =>
    one(`write \`${closing}\``, insertion(Math.min(end, before.length), closing)),
  );
}

/** Where a quote could have been meant to close: at the end of its line, or before what closes or goes on there. */
function missingQuote({ text, document }: Parsed, at: number): readonly Repair[] {
  return closings(text, nodesAt(document.contents, at - 1).at(-1));
}

/** Text in quotes that runs over several lines ends just before the error: it was meant to end on its first. */
function openText({ text, document }: Parsed, at: number): readonly Repair[] {
  const before = text.slice(0, at).trimEnd().length - 1;
  const node = nodesAt(document.contents, before).at(-1);
  const range = isScalar(node) ? node.range : undefined;
  if (range === undefined || range === null || !text.slice(range[0], range[1]).includes('\n')) return [];
  return closings(text, node);
}

function closings(text: string, node: unknown): readonly Repair[] {
  const from = isScalar(node) && node.type?.startsWith('QUOTE') === true ? node.range?.[0] : undefined;
  if (from === undefined) return [];
  const quote = text.charAt(from);
  const end = endOf(text, from);
  const rest = text.slice(from, end);
  const nextKey = /,\s*[\w-]+: /.exec(rest)?.index;
  const places = nextKey === undefined ? [end] : [end, from + nextKey];
  for (let at = end - 1; at > from && nextKey === undefined && places.length < 6; at--)
    if (/[,}\]]/.test(text.charAt(at))) places.push(at);
  return places.map((at) => one(`write \`${quote}\``, insertion(at, quote)));
}

function unexpected(text: string, at: number): readonly Repair[] {
  const found = text.charAt(at);
  if (found === '}' || found === ']') return [one(`remove \`${found}\``, { from: at, to: at + 1, text: '' })];
  if (found === '{') return braces(text, at);
  if (found !== '-') return [];
  const { begin } = lineOf(text, at);
  const indent = (/^ */.exec(text.slice(begin))?.[0].length ?? 0) + 2;
  return [one('put the item on a line of its own', insertion(at, `\n${' '.repeat(indent)}`))];
}

/** `${params.n}` and `${{ params.n }}`, as other tools interpolate, in a map or list in braces. */
function braces(text: string, at: number): readonly Repair[] {
  const after = text.slice(at, at + 200);
  const found =
    /^\{\{ *\$?([a-z][\w-]*\.[\w-]+) *\}\}/.exec(after) ?? /^\{ *\$?([a-z][\w-]*\.[\w-]+) *\}/.exec(after);
  const [all, name] = text.charAt(at - 1) === '$' ? (found ?? []) : [];
  if (all === undefined || name === undefined) return [];
  const reference = { from: at - 1, to: at + all.length, text: `$${name}` };
  return [one(`write \`$${name}\`, without braces`, reference)];
}

/** The nodes around an offset, outermost first; a key counts as its map. */
export function nodesAt(root: unknown, offset: number): unknown[] {
  const path: unknown[] = [];
  for (let node: unknown = root; node !== undefined;) {
    path.push(node);
    const children: unknown[] = isCollection(node)
      ? node.items.map((item) => (isPair(item) ? item.value : item))
      : [];
    node = children.find((child) => covers(child, offset));
  }
  return path;
}

function covers(node: unknown, offset: number): boolean {
  if (!isCollection(node) && !isScalar(node)) return false;
  const { range } = node;
  if (range === null || range === undefined) return false;
  return range[0] <= offset && offset < range[1] + (isCollection(node) ? 1 : 0);
}
