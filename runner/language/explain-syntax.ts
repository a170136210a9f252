import type { SyntaxError } from './repair.js';

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
  BLOCK_IN_FLOW: {
    code: 'syntax',
    message: 'a second `: ` stands in one item of a map or list',
    hint: 'is a comma missing? put text that has `: ` in it in quotes',
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

/** An error of the parser as the user should hear it. */
export function explainSyntax(error: SyntaxError): Explained {
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
  'block-seq-ind': '`-`',
  'explicit-key-ind': '`?`',
  'doc-end': '`...`',
  comma: '`,`',
  scalar: 'text',
};

function unexpected(text: string): string | undefined {
  const [, token] = /^unexpected ([a-z-]+)/.exec(text) ?? [];
  return token === undefined ? undefined : `${tokens[token] ?? token} is not expected here`;
}
