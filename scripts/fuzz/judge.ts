/** What must hold of the checker whatever the text: undefined, or what is wrong. */
import { kinds } from '../../cli/kinds.js';
import { analyze, applyFix, formatDiagnostic } from '../../runner/language/index.js';
import type { Diagnostic, Place } from '../../runner/pipeline.js';

const file = '/project/pipelines/fuzz.yaml';

export function judge(text: string): string | undefined {
  try {
    return problemOf(text);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function problemOf(text: string): string | undefined {
  const { pipeline, diagnostics } = analyze(
    { file, text },
    { registry: kinds, workingFolder: '/project', exists: () => true },
  );
  if ((pipeline === undefined) !== diagnostics.length > 0) return 'neither a pipeline nor an error';
  const ends = text.split('\n').map((line) => line.length + 1);
  for (const diagnostic of diagnostics) {
    const problem = wrongDiagnostic(diagnostic, text, ends);
    if (problem !== undefined) return `${problem} in ${JSON.stringify(diagnostic).slice(0, 2000)}`;
  }
  return undefined;
}

function wrongDiagnostic(diagnostic: Diagnostic, text: string, ends: readonly number[]): string | undefined {
  const shown = formatDiagnostic(diagnostic, text);
  const told = /internal error|\bundefined\b|\[object|\bNaN\b/.exec(shown.replace(/^ +\d* \|.*$/gm, ''))?.[0];
  if (told !== undefined && !text.includes(told)) return `the message says ${told}`;
  const places = [diagnostic, ...(diagnostic.related ?? [])];
  if (places.some((place) => !isInside(place, ends))) return 'a place is outside the file';
  for (const fix of diagnostic.fixes ?? []) {
    if (fix.edits.some(({ place }) => !isInside(place, ends))) return 'an edit is outside the file';
    if (overlap(fix.edits.map(({ place }) => place))) return 'edits overlap';
    if (applyFix({ file, text }, fix) === text) return 'a fix changes nothing';
  }
  return undefined;
}

function isInside(place: Place, ends: readonly number[]): boolean {
  const inside = (line: number, column: number): boolean =>
    line >= 1 && column >= 1 && line <= ends.length && column <= (ends[line - 1] ?? 0);
  const ordered =
    place.line < place.endLine || (place.line === place.endLine && place.column <= place.endColumn);
  return (
    place.file === file &&
    ordered &&
    inside(place.line, place.column) &&
    inside(place.endLine, place.endColumn)
  );
}

function overlap(places: readonly Place[]): boolean {
  const sorted = [...places].sort((a, b) => a.line - b.line || a.column - b.column);
  return sorted.some((place, index) => {
    const next = sorted[index + 1];
    return (
      next !== undefined &&
      (place.endLine > next.line || (place.endLine === next.line && place.endColumn > next.column))
    );
  });
}

/** Most tries to make a text smaller. */
const mostTries = 1500;

/** The smallest text found by taking pieces away that fails in the same way. */
export function minimise(text: string, fails: (text: string) => boolean): string {
  let now = text;
  let tries = 0;
  for (let size = Math.ceil(now.length / 2); size >= 1; size = Math.floor(size / 2))
    for (let from = 0; from < now.length && tries < mostTries;) {
      tries++;
      const less = now.slice(0, from) + now.slice(from + size);
      if (fails(less)) now = less;
      else from += size;
    }
  return now;
}
