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

/** Wrong arguments, with the next thing to do. Caught in one place, cli/main.ts. */
export class UsageError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'UsageError';
    this.hint = hint;
  }
}
