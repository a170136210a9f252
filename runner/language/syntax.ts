import {
  Composer,
  type CST,
  Document,
  isCollection,
  isPair,
  isScalar,
  LineCounter,
  Parser,
  type YAMLParseError,
} from 'yaml';
import type { Place } from '../pipeline.js';
import type { Diagnostics } from './diagnostics.js';
import { isCommandLine } from './format-diagnostic.js';
import type { Source } from './options.js';

/** Deepest nesting of lists and maps. */
export const deepest = 64;

/** YAML as the parser left it: `broken` holds the nodes whose syntax is wrong (the root, where nothing can be told). */
export interface Syntax {
  readonly root: unknown;
  readonly text: string;
  readonly broken: ReadonlySet<unknown>;
  readonly placeOf: (from: number, to?: number) => Place;
}

/** Parses one YAML 1.2 document, and reports what makes it none. Undefined where there is nothing to go on with. */
export function parseSyntax(source: Source, diagnostics: Diagnostics): Syntax | undefined {
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(source.text)];
  const placeOf = placer(source, lines);
  const deep = tooDeep(tokens);
  if (deep !== undefined) {
    diagnostics.report(placeOf(deep, deep + 1), {
      code: 'too-deep',
      message: `lists and maps are nested more than ${String(deepest)} deep here`,
      hint: 'nothing else was checked; a pipeline needs a depth of about 8',
    });
    return undefined;
  }
  reportDirectives(tokens, placeOf, diagnostics);
  const documents = [...new Composer(options).compose(tokens, true, source.text.length)].filter(
    (document) => document instanceof Document,
  );
  const [document, second] = documents;
  if (document === undefined) return undefined;
  if (second !== undefined) reportSecond(tokens, placeOf, diagnostics);
  const broken = new Set<unknown>();
  const context = { broken, reported: [], placeOf, diagnostics, rest: !isCommandLine(source.file) };
  for (const error of document.errors as readonly SyntaxError[])
    reportSyntax(error, document.contents, context);
  return { root: document.contents, text: source.text, broken, placeOf };
}

const options = {
  version: '1.2',
  schema: 'failsafe',
  uniqueKeys: false,
  merge: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const;

function placer(source: Source, lines: LineCounter): Syntax['placeOf'] {
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(Math.min(offset, source.text.length));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  return (from, to = from) => {
    const start = at(from);
    const end = at(Math.max(from, to));
    return { file: source.file, ...start, endLine: end.line, endColumn: end.column };
  };
}

/** Offset of the first collection that is nested too deep. Walks the tokens without recursion. */
function tooDeep(tokens: readonly CST.Token[]): number | undefined {
  const open: { token: CST.Token | null | undefined; depth: number }[] = tokens
    .map((token) => ({ token, depth: 0 }))
    .reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (token === null || token === undefined) continue;
    if (token.type === 'document') open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    if (depth >= deepest) return token.offset;
    for (const item of [...token.items].reverse())
      open.push({ token: item.value, depth: depth + 1 }, { token: item.key, depth: depth + 1 });
  }
  return undefined;
}

function reportDirectives(
  tokens: readonly CST.Token[],
  placeOf: Syntax['placeOf'],
  diagnostics: Diagnostics,
): void {
  for (const token of tokens) {
    if (token.type !== 'directive') continue;
    diagnostics.report(placeOf(token.offset, token.offset + token.source.length), {
      code: 'directive',
      message: `the directive \`${token.source.trim()}\` is not part of the language`,
      hint: 'remove the line: a pipeline is always YAML 1.2',
    });
  }
}

function reportSecond(
  tokens: readonly CST.Token[],
  placeOf: Syntax['placeOf'],
  diagnostics: Diagnostics,
): void {
  const second = tokens.filter((token) => token.type === 'document')[1];
  const from = second?.offset ?? 0;
  diagnostics.report(placeOf(from, from + 3), {
    code: 'several-documents',
    message: 'a second document begins here, and a file holds one pipeline',
    hint: 'remove the `---` and what follows, or put it in a file of its own',
  });
}

/** The part of the parser's error that is read. */
type SyntaxError = Pick<YAMLParseError, 'code' | 'message' | 'pos'>;

interface SyntaxContext {
  readonly broken: Set<unknown>;
  /** Handles of the errors so far. */
  readonly reported: string[];
  /** Whether there is a rest of the file to speak of. */
  readonly rest: boolean;
  readonly placeOf: Syntax['placeOf'];
  readonly diagnostics: Diagnostics;
}

/**
 * Reports the first error of a node; what follows inside it is likely a consequence, and so is an error of the whole
 * file after one inside it.
 */
function reportSyntax(error: SyntaxError, root: unknown, context: SyntaxContext): void {
  const path = pathTo(root, error.pos[0]);
  if (path.some((node) => context.broken.has(node))) return;
  const node = path.at(-1) ?? root;
  const [first] = context.reported;
  context.broken.add(node);
  if (node === root && first !== undefined) {
    context.diagnostics.blocks(first, 'the rest of the file');
    return;
  }
  const [from, to] = placeOfError(error, root);
  const id = context.diagnostics.report(context.placeOf(from, to), explain(error));
  context.reported.push(id);
  if (node === root && context.rest) context.diagnostics.blocks(id, 'the rest of the file');
}

/** Text that isn't closed is pointed at where it begins. */
function placeOfError({ message, pos }: SyntaxError, root: unknown): readonly [number, number] {
  if (!message.startsWith('Missing closing')) return pos;
  const text = pathTo(root, pos[0] - 1).at(-1);
  const from = isScalar(text) ? text.range?.[0] : undefined;
  return from === undefined ? pos : [from, from + 1];
}

/** The nodes around an offset, outermost first; a key counts as its map. */
function pathTo(root: unknown, offset: number): unknown[] {
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

interface Explained {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

const explained: Readonly<Partial<Record<string, Explained>>> = {
  TAB_AS_INDENT: {
    code: 'tab-indentation',
    message: 'a tab is used for indentation',
    hint: 'indent with spaces',
  },
  MULTILINE_IMPLICIT_KEY: {
    code: 'syntax',
    message: 'a key must stand on one line, followed by `: `',
    hint: 'is a `:` missing, or the indentation wrong?',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    code: 'syntax',
    message: 'a key with a value follows a value',
    hint: 'put it on a line of its own, indented like its neighbours; quote text that has `: ` in it',
  },
  BAD_ALIAS: {
    code: 'syntax',
    message: 'an alias needs a name after `*`',
    hint: 'quote text that begins with `*`',
  },
  BAD_SCALAR_START: {
    code: 'syntax',
    message: 'text that is not quoted cannot begin with this character',
    hint: 'put the text in quotes',
  },
  BAD_DQ_ESCAPE: {
    code: 'syntax',
    message: 'double quotes do not know this escape',
    hint: 'write `\\\\` for a backslash, or use single quotes',
  },
  KEY_OVER_1024_CHARS: { code: 'syntax', message: 'a key may have at most 1,024 characters' },
  MULTIPLE_ANCHORS: { code: 'syntax', message: 'a value may have one anchor only' },
  MULTIPLE_TAGS: { code: 'tag', message: 'tags are not part of the language', hint: 'remove them' },
};

function explain(error: SyntaxError): Explained {
  const known = explained[error.code];
  if (known !== undefined) return known;
  const text = error.message.replace(/\s+/g, ' ').toLowerCase();
  const message = mended[text] ?? unexpected(text) ?? text;
  return error.code === 'UNEXPECTED_TOKEN'
    ? { code: 'syntax', message, hint: 'put text with special characters in quotes' }
    : { code: 'syntax', message };
}

/** Messages of the parser that say it less well than they could. */
const mended: Readonly<Record<string, string>> = {
  'missing closing "quote': 'a closing `"` is missing for the text that begins here',
  "missing closing 'quote": "a closing `'` is missing for the text that begins here",
  'flow map in block collection must be sufficiently indented and end with a }':
    'a `}` is missing: the map that begins with `{` ends here at the latest',
  'flow sequence in block collection must be sufficiently indented and end with a ]':
    'a `]` is missing: the list that begins with `[` ends here at the latest',
  'flow map must end with a }': 'a `}` is missing at the end of the map',
  'flow sequence must end with a ]': 'a `]` is missing at the end of the list',
  'all mapping items must start at the same column': 'the keys of a map must begin at the same column',
  'all sequence items must start at the same column': 'the items of a list must begin at the same column',
  'implicit map keys need to be followed by map values': 'a key must be followed by `: ` and a value',
  'missing , between flow collection items': 'a comma is missing between two items',
  'missing directives-end indicator line': 'a line `---` must follow a directive',
};

const tokens: Readonly<Record<string, string>> = {
  'flow-map-start': '`{`',
  'flow-map-end': '`}`',
  'flow-seq-start': '`[`',
  'flow-seq-end': '`]`',
  'map-value-ind': '`:`',
  'seq-item-ind': '`-`',
  'explicit-key-ind': '`?`',
  'doc-end': '`...`',
  comma: '`,`',
  scalar: 'text',
};

function unexpected(text: string): string | undefined {
  const [, token] = /^unexpected ([a-z-]+)/.exec(text) ?? [];
  return token === undefined ? undefined : `${tokens[token] ?? token} is not expected here`;
}
