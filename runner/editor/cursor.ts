/** Where a cursor stands, told from the text alone: what is being typed has no syntax yet. */
import type { Point } from './places.js';

export interface Cursor {
  /** Keys from the top of the file to the value that is being written. */
  readonly path: readonly string[];
  /** The line up to the cursor. */
  readonly before: string;
  /** The line from the cursor on. */
  readonly after: string;
}

const blockKey = /^(\s*)(?:- +)*(["']?)([\w./-]+)\2\s*:(?=\s|$)/;

export function cursorAt(text: string, { line, column }: Point): Cursor {
  const lines = text.split(/\r\n|\n|\r/);
  const current = lines[line - 1] ?? '';
  const before = current.slice(0, column - 1);
  const key = blockKey.exec(before);
  const inside = flowKeys(key === null ? before : before.slice(key[0].length));
  const indent = current.trim() === '' ? before.length : current.search(/\S/);
  const above = keysAbove(lines.slice(0, line - 1), indent, current.trimStart().startsWith('- '));
  return {
    path: [...above, ...(key?.[3] === undefined ? [] : [key[3]]), ...inside],
    before,
    after: current.slice(column - 1),
  };
}

/** Keys of the maps in braces that are open at the end of a text. */
function flowKeys(text: string): readonly string[] {
  const open: (string | undefined)[] = [];
  for (const [token, key] of text.matchAll(/[{[\]},]|([\w./-]+)\s*:(?=\s|$)/g)) {
    if (token === '{' || token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (open.length > 0) open[open.length - 1] = token === ',' ? undefined : key;
  }
  return open.filter((key) => key !== undefined);
}

/** Keys of the blocks that a line with this indentation stands in. */
function keysAbove(lines: readonly string[], indent: number, isItem: boolean): readonly string[] {
  const keys: string[] = [];
  let least = isItem ? indent + 1 : indent;
  for (const line of lines.toReversed()) {
    const [, space = '', , key] = blockKey.exec(line) ?? [];
    if (key === undefined || space.length >= least) continue;
    keys.unshift(key);
    least = space.length;
  }
  return keys;
}
