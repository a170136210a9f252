import { Composer, type CST, Document, isScalar, Lexer, Parser } from 'yaml';
import type { Place } from '../pipeline.js';
import type { Diagnostics } from './diagnostics.js';
import { Lines, writing } from './edits.js';
import { explainSyntax } from './explain-syntax.js';
import { isCommandLine } from './format-diagnostic.js';
import type { Source } from './options.js';
import { type Change, findRepair, nodesAt, type Parsed, type Repair, type SyntaxError } from './repair.js';

/** Deepest nesting of lists and maps. */
export const deepest = 64;

/**
 * YAML as the parser left it. Where an error of syntax has a sure repair, it is reported and the repaired text is
 * what is read on, so that one slip hides nothing. `broken` holds the nodes whose syntax is wrong beyond repair (the
 * root, where nothing can be told).
 */
export interface Syntax {
  readonly root: unknown;
  /** Repaired: offsets of nodes are offsets in it. */
  readonly text: string;
  readonly broken: ReadonlySet<unknown>;
  /** The place in the file as it is written. */
  readonly placeOf: (from: number, to?: number) => Place;
}

/** How a text is read: loosely, what has errors in its syntax is kept as far as it could be parsed. */
export interface Reading {
  readonly loose: boolean;
}

/** Parses one YAML 1.2 document, and reports what makes it none. Undefined where there is nothing to go on with. */
export function parseSyntax(
  source: Source,
  diagnostics: Diagnostics,
  { loose }: Reading,
): Syntax | undefined {
  const lines = new Lines(source);
  const tokens = tokensOf(source.text);
  const written: Syntax['placeOf'] = (from, to) => lines.place(from, to);
  if ('tooDeep' in tokens) {
    diagnostics.report(written(tokens.tooDeep, tokens.tooDeep + 1), {
      code: 'too-deep',
      message: `lists and maps are nested more than ${String(deepest)} deep here`,
      hint: 'nothing else was checked; a pipeline needs a depth of about 8',
    });
    return undefined;
  }
  reportDirectives(tokens, written, diagnostics);
  const documents = compose(tokens, source.text);
  const [document, second] = documents;
  if (document === undefined) return undefined;
  if (second !== undefined) reportSecond(tokens, { source, placeOf: written, diagnostics });
  const mended = repairAll({ text: source.text, document, errors: document.errors }, written, diagnostics);
  const broken = new Set<unknown>();
  const { placeOf, parsed } = mended;
  const context = { broken, reported: [], placeOf, diagnostics, rest: !isCommandLine(source.file) };
  for (const error of loose ? [] : parsed.errors) reportSyntax(error, parsed.document.contents, context);
  return { root: parsed.document.contents, text: parsed.text, broken, placeOf };
}

const options = {
  version: '1.2',
  schema: 'failsafe',
  uniqueKeys: false,
  merge: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const;

/**
 * Tokens of a text, or the offset of the first collection that is nested too deep. The parser recurses once a level
 * where it leaves one, so it is stopped on the way in.
 */
function tokensOf(text: string): readonly CST.Token[] | { readonly tooDeep: number } {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length <= deepest) continue;
    const open = parser.stack.filter((token) => 'items' in token)[deepest];
    if (open !== undefined) return { tooDeep: open.offset };
  }
  return [...tokens, ...parser.end()];
}

/** Without stack traces of the errors of syntax: a text may have thousands, and nobody reads where the parser was. */
function compose(tokens: readonly CST.Token[], text: string): readonly Document.Parsed[] {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return [...new Composer(options).compose(tokens, true, text.length)].filter(
      (document): document is Document.Parsed => document instanceof Document,
    );
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Most errors of syntax that are repaired. */
const mostRepairs = 8;

/** Reports and repairs errors of syntax, the first one first, as long as a repair is sure. */
function repairAll(
  written: Parsed,
  placeOf: Syntax['placeOf'],
  diagnostics: Diagnostics,
): { readonly parsed: Parsed; readonly placeOf: Syntax['placeOf'] } {
  let parsed = written;
  let place = placeOf;
  const parse = (text: string): Parsed => {
    const tokens = tokensOf(text);
    const [document] = 'tooDeep' in tokens ? [] : compose(tokens, text);
    return document === undefined ? { ...written, text } : { text, document, errors: document.errors };
  };
  for (let count = 0; count < mostRepairs && parsed.errors.length > 0; count++) {
    const found = findRepair(parsed, parse);
    const [error] = parsed.errors;
    if (found === undefined || error === undefined) break;
    reportRepaired(error, { repair: found.repair, parsed, placeOf: place, diagnostics });
    parsed = found.after;
    place = unrepaired(found.repair.changes, place);
  }
  return { parsed, placeOf: place };
}

function reportRepaired(
  error: SyntaxError,
  {
    repair,
    parsed,
    placeOf,
    diagnostics,
  }: { repair: Repair; parsed: Parsed; placeOf: Syntax['placeOf']; diagnostics: Diagnostics },
): void {
  const [from, to] = placeOfError(error, parsed.document.contents);
  const edits = repair.changes.map((change) => ({
    place: placeOf(change.from, change.to),
    text: change.text,
  }));
  const explained = explainSyntax(error);
  const place = missingAt(repair, placeOf) ?? placeOf(from, to);
  const line = edits[0]?.place.line ?? place.line;
  const where = line === place.line ? '' : ` at the end of line ${String(line)}`;
  diagnostics.report(place, {
    ...explained,
    hint: (vague.has(error.code) ? undefined : explained.hint) ?? `${repair.title}${where}`,
    fixes: [{ title: repair.title, edits }],
  });
}

/** Errors whose hint says less than a repair that is sure. */
const vague = new Set(['UNEXPECTED_TOKEN', 'MULTILINE_IMPLICIT_KEY', 'BLOCK_IN_FLOW']);

/** A bracket that is missing is shown where it should stand, after the last character before that. */
function missingAt({ changes: [only, other] }: Repair, placeOf: Syntax['placeOf']): Place | undefined {
  const isClosing = only !== undefined && other === undefined && /^[\]}]+$/.test(only.text);
  return isClosing && only.from === only.to ? placeOf(only.from - 1, only.from) : undefined;
}

/** Offsets after changes as places before them. */
function unrepaired(changes: readonly Change[], placeOf: Syntax['placeOf']): Syntax['placeOf'] {
  const before = (offset: number): number => {
    let shift = 0;
    for (const { from, to, text } of changes) {
      const begin = from + shift;
      if (offset <= begin) break;
      if (offset < begin + text.length) return Math.min(from + offset - begin, to);
      shift += text.length - (to - from);
    }
    return offset - shift;
  };
  return (from, to = from) => placeOf(before(from), before(to));
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
      fixes: [writing(placeOf(token.offset, token.offset + token.source.length), '', 'remove it')],
    });
  }
}

function reportSecond(
  tokens: readonly CST.Token[],
  { source, placeOf, diagnostics }: { source: Source; placeOf: Syntax['placeOf']; diagnostics: Diagnostics },
): void {
  const second = tokens.filter((token) => token.type === 'document')[1];
  const from = second?.offset ?? 0;
  const rest = source.text.slice(from);
  const empty = rest.replaceAll(/^(---|\.\.\.)?[ \t]*(#.*)?$/gm, '').trim() === '';
  diagnostics.report(placeOf(from, from + 3), {
    code: 'several-documents',
    message: 'a second document begins here, and a file holds one pipeline',
    hint: 'remove the `---` and what follows, or put it in a file of its own',
    fixes: [empty ? writing(placeOf(from, source.text.length), '', 'remove the empty document') : undefined],
  });
}

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
  const path = nodesAt(root, error.pos[0]);
  if (path.some((node) => context.broken.has(node))) return;
  const node = path.at(-1) ?? root;
  const [first] = context.reported;
  context.broken.add(node);
  if (node === root && first !== undefined) {
    context.diagnostics.blocks(first, 'the rest of the file');
    return;
  }
  const [from, to] = placeOfError(error, root);
  const id = context.diagnostics.report(context.placeOf(from, to), explainSyntax(error));
  context.reported.push(id);
  if (node === root && context.rest) context.diagnostics.blocks(id, 'the rest of the file');
}

/** Text that isn't closed is pointed at where it begins. */
function placeOfError({ message, pos }: SyntaxError, root: unknown): readonly [number, number] {
  if (!message.startsWith('Missing closing')) return pos;
  const text = nodesAt(root, pos[0] - 1).at(-1);
  const from = isScalar(text) ? text.range?.[0] : undefined;
  return from === undefined ? pos : [from, from + 1];
}
