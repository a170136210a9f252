/** Applies the fixes of diagnostics, one after the other, as long as each leaves less to mend. */
import { randomBytes } from 'node:crypto';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Diagnostic, Fix } from '../runner/pipeline.js';

/** A fix that was applied, with the lines that it changed. */
export interface Applied {
  readonly diagnostic: Diagnostic;
  readonly fix: Fix;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export interface Mended {
  readonly text: string;
  readonly applied: readonly Applied[];
  /** What no fix mends. */
  readonly left: readonly Diagnostic[];
}

/** Most fixes that are tried: each is followed by a check of the whole file. */
const most = 500;

/**
 * Tries the fix of each error that has one alone, in the order of the file (of several, the writer must choose), and keeps those after which fewer errors are left, or
 * only others, elsewhere, that were not judged before.
 */
export function mend(
  text: string,
  check: (text: string) => readonly Diagnostic[],
  apply: (text: string, fix: Fix) => string,
): Mended {
  const applied: Applied[] = [];
  const failed = new Set<string>();
  const seen = new Set([text]);
  let now = text;
  let left = check(now);
  for (let count = 0; count < most; count++) {
    const diagnostic = left.find((one) => one.fixes?.length === 1 && !failed.has(nameOf(one)));
    const [fix] = diagnostic?.fixes ?? [];
    if (diagnostic === undefined || fix === undefined) break;
    const next = apply(now, fix);
    const after = check(next);
    const known = seen.has(next);
    seen.add(next);
    if (!known && (after.length < left.length || reveals(diagnostic, fix, after))) {
      applied.push({ diagnostic, fix, ...difference(now, next) });
      now = next;
      left = after;
    } else failed.add(nameOf(diagnostic));
  }
  return { text: now, applied, left };
}

/** Whether an error is gone, and what stands in its place is none of the edit's doing. */
function reveals(gone: Diagnostic, { edits }: Fix, after: readonly Diagnostic[]): boolean {
  const [first] = edits;
  const ofOneLine = edits.every(({ place, text }) => place.line === place.endLine && !text.includes('\n'));
  if (first === undefined || !ofOneLine) return false;
  const lines = edits.map(({ place }) => place.line);
  return !after.some(({ message, line }) => message === gone.message || lines.includes(line));
}

const nameOf = ({ code, message, line, column }: Diagnostic): string =>
  JSON.stringify([code, message, line, column]);

/** The lines in which two texts differ, from the first to the last. */
function difference(a: string, b: string): Pick<Applied, 'before' | 'after'> {
  const [before, after] = [a.split('\n'), b.split('\n')];
  const least = Math.min(before.length, after.length);
  let start = 0;
  while (start < least && before[start] === after[start]) start++;
  let end = 0;
  while (end < least - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return {
    before: before.slice(start, before.length - end),
    after: after.slice(start, after.length - end),
  };
}

/** What was changed, as lines to print. */
export function describeFix({ diagnostic, fix: { title }, before, after }: Applied): string {
  const { file, line, column, message } = diagnostic;
  const lines = [...before.map((text) => `  - ${text}`), ...after.map((text) => `  + ${text}`)];
  return [`${file}:${String(line)}:${String(column)}: ${message}`, `  fixed: ${title}`, ...lines, ''].join(
    '\n',
  );
}

/** Writes a file whole or not at all, with the permissions that it has; a link stays one. */
export function replaceFile(path: string, text: string): void {
  const target = realpathSync(path);
  const temporary = `${target}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(temporary, text, { mode: statSync(target).mode, flag: 'wx' });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
