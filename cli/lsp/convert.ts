/** Places and findings of the language in the words of the protocol: lines and characters from 0. */
import type { Place, Diagnostic as Found, Fix } from '../../runner/pipeline.js';
import type { Point } from '../../runner/editor/places.js';
import {
  CodeActionKind,
  DiagnosticSeverity,
  type CodeAction,
  type Diagnostic,
  type Position,
  type Range,
  type TextEdit,
} from 'vscode-languageserver/node';

export const toPoint = ({ line, character }: Position): Point => ({ line: line + 1, column: character + 1 });

export const toRange = ({ line, column, endLine, endColumn }: Place): Range => ({
  start: { line: line - 1, character: column - 1 },
  end: { line: endLine - 1, character: endColumn - 1 },
});

/** A param without a default is no mistake of the file: the command line gives it. */
const informs: readonly string[] = ['missing-param'];

export function toDiagnostic(found: Found, uri: string): Diagnostic {
  const { code, message, hint, related = [] } = found;
  return {
    range: toRange(found),
    severity: severityOf(found),
    source: 'moft',
    code,
    message: hint === undefined ? message : `${message}\nhint: ${hint}`,
    relatedInformation: related.map((place) => ({
      location: { uri, range: toRange(place) },
      message: place.message,
    })),
  };
}

function severityOf({ code, severity }: Found): DiagnosticSeverity {
  if (severity === 'warning') return DiagnosticSeverity.Warning;
  return informs.includes(code) ? DiagnosticSeverity.Information : DiagnosticSeverity.Error;
}

/** Fixes as quick fixes of the diagnostics that they mend; the first one of each is preferred. */
export function toActions(found: Found, uri: string): CodeAction[] {
  return (found.fixes ?? []).map((fix, index) => ({
    title: fix.title,
    kind: CodeActionKind.QuickFix,
    diagnostics: [toDiagnostic(found, uri)],
    isPreferred: index === 0,
    edit: { changes: { [uri]: toEdits(fix) } },
  }));
}

const toEdits = ({ edits }: Fix): TextEdit[] =>
  edits.map(({ place, text }) => ({ range: toRange(place), newText: text }));
