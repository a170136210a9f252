import { starredLogins } from '../login.js';
import type { Diagnostic, Origin, Place } from '../pipeline.js';

/** Files that are no files: where a value came from the command line (`-p alpha`). */
export function isCommandLine(file: string): boolean {
  return /^(-p|--set|--preset) /.test(file);
}

/** `file:line:column`, or the option that gave the value; and what chose it, where that is something else. */
export function formatOrigin({ via, ...place }: Origin): string {
  const where = isCommandLine(place.file)
    ? place.file
    : `${place.file}:${String(place.line)}:${String(place.column)}`;
  return via === undefined || via === place.file ? where : `${where}, ${via}`;
}

const where = ({ file, line, column, endLine, endColumn }: Place): string =>
  formatOrigin({ file, line, column, endLine, endColumn });

/**
 * `file:line:column: error[code]: message`, then the source line with a caret (where the text of the file is
 * given), the hint, and the related places.
 */
export function formatDiagnostic(diagnostic: Diagnostic, text?: string): string {
  const { severity = 'error', code, message } = diagnostic;
  const lines = [`${where(diagnostic)}: ${severity}[${code}]: ${message}`];
  if (text !== undefined && !isCommandLine(diagnostic.file)) lines.push(...excerpt(diagnostic, text));
  if (diagnostic.hint !== undefined) lines.push(`  hint: ${diagnostic.hint}`);
  for (const related of diagnostic.related ?? []) lines.push(`  ${where(related)}: ${related.message}`);
  return lines.join('\n');
}

const widest = 160;

function excerpt(place: Place, text: string): string[] {
  const line = text.split('\n')[place.line - 1]?.replace(/\r$/, '');
  if (line === undefined || line.trim() === '') return [];
  const from = line.length <= widest ? 0 : Math.max(0, place.column - 1 - widest / 2);
  const shown = starredLogins(line)
    .slice(from, from + widest)
    .replaceAll(/[\t\r]/g, ' ');
  const column = place.column - 1 - from;
  const end = place.endLine === place.line ? place.endColumn - 1 - from : shown.length;
  const length = Math.max(1, Math.min(end, shown.length) - column);
  const gutter = `  ${String(place.line)} | `;
  return [
    `${gutter}${shown}`,
    `${' '.repeat(gutter.length - 2)}| ${' '.repeat(column)}${'^'.repeat(length)}`,
  ];
}
