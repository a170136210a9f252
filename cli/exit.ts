import type { Diagnostic } from '../runner/pipeline.js';

/** Stable exit codes. */
export const exitCode = {
  done: 0,
  /** A cell failed. */
  failed: 1,
  /** The file or the arguments are wrong. */
  wrong: 2,
  /** The environment is: no disk, no permission, no engine. */
  environment: 3,
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** A file with errors. Caught in one place, cli/main.ts. */
export class PipelineError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  /** Text of the file, where it is at hand: excerpts are shown from it. */
  readonly source: { readonly file: string; readonly text: string };
  constructor(diagnostics: readonly Diagnostic[], source: { readonly file: string; readonly text: string }) {
    super('the pipeline has errors');
    this.name = 'PipelineError';
    this.diagnostics = diagnostics;
    this.source = source;
  }
}

/** Wrong arguments, with the next thing to do. Caught in one place, cli/main.ts. */
export class UsageError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'UsageError';
    this.hint = hint;
  }
}
