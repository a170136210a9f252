/** Errors of the file and the arguments, as people and as scripts read them. */
import type { Diagnostic, Fix } from '../runner/pipeline.js';
import { PipelineError, type UsageError } from './exit.js';
import type { CliHost, Output, Trouble } from './host.js';
import { printDiagnostics, printJson } from './load.js';
import { clean } from './text.js';

/** On stderr for people, whatever stdout is for. */
export async function printError(error: PipelineError | UsageError, host: CliHost): Promise<void> {
  if (error instanceof PipelineError) {
    await printDiagnostics(error.diagnostics, error.source, host);
    return;
  }
  host.stderr.write(`moft: ${clean(error.message)}\n`);
  if (error.hint !== undefined) host.stderr.write(`  hint: ${clean(error.hint)}\n`);
}

/** What `--json` prints instead of a result: an event where events were to come, one document elsewhere. */
export function printErrorJson(error: PipelineError | UsageError, events: boolean, host: CliHost): void {
  const errors =
    error instanceof PipelineError ? error.diagnostics.map(plainDiagnostic) : [plainUsage(error)];
  printErrorsJson(errors, events, host);
}

function printErrorsJson(errors: readonly object[], events: boolean, host: CliHost): void {
  if (events) host.stdout.write(`${JSON.stringify({ type: 'error', errors })}\n`);
  else printJson({ ok: false, errors }, host);
}

/**
 * A host that hears what is wrong with the environment, for `--json`: its `tell` prints that as errors where the command
 * printed nothing else on stdout, so that a script never reads one document too many or none.
 */
export function hearing(host: CliHost): { readonly host: CliHost; readonly tell: (events: boolean) => void } {
  const heard: Trouble[] = [];
  let isPrinted = false;
  const { isTTY, columns, rows } = host.stdout;
  const stdout: Output = {
    write: (text) => {
      isPrinted = true;
      return host.stdout.write(text);
    },
    ...(isTTY === undefined ? {} : { isTTY }),
    ...(columns === undefined ? {} : { columns }),
    ...(rows === undefined ? {} : { rows }),
  };
  const tell = (events: boolean): void => {
    if (!isPrinted) printErrorsJson(heard.map(plainTrouble), events, host);
  };
  return { host: { ...host, stdout, onProblem: (problem) => heard.push(problem) }, tell };
}

const plainTrouble = ({ code = 'environment', message, hint }: Trouble): object => ({
  code,
  message,
  ...(hint === undefined ? {} : { hint }),
});

/** Arguments have no place in a file. */
function plainUsage({ message, hint }: UsageError): Record<string, unknown> {
  return { code: 'arguments', message, ...(hint === undefined ? {} : { hint }) };
}

/** Exactly the fields that scripts may rely on. */
export function plainDiagnostic(diagnostic: Diagnostic): Record<string, unknown> {
  const { code, message, file, line, column, endLine, endColumn, hint, fixes, related } = diagnostic;
  return {
    code,
    message,
    file,
    line,
    column,
    endLine,
    endColumn,
    ...(hint === undefined ? {} : { hint }),
    ...(fixes === undefined ? {} : { fixes: fixes.map(plainFix) }),
    ...(related === undefined
      ? {}
      : {
          related: related.map((r) => ({ message: r.message, file: r.file, line: r.line, column: r.column })),
        }),
  };
}

/** Edits of the file of the error; a place that is empty inserts. */
function plainFix({ title, edits }: Fix): Record<string, unknown> {
  return {
    title,
    edits: edits.map(({ place, text }) => ({
      line: place.line,
      column: place.column,
      endLine: place.endLine,
      endColumn: place.endColumn,
      text,
    })),
  };
}
