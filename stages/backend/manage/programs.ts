/** Other programs, run to their end: what they say is a value, whether they exist or not. */
import { execFile } from 'node:child_process';

export interface Ran {
  /** Undefined where the program could not be started. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds. */
  readonly timeout?: number;
}

export function runProgram(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd, env = process.env, timeout = 600_000 } = options;
  return new Promise((resolve) => {
    const limits = { timeout, maxBuffer: 2 ** 28, ...(cwd === undefined ? {} : { cwd }), env };
    execFile(command, [...args], limits, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
      resolve({ code, stdout, stderr: stderr === '' && error ? error.message : stderr });
    });
  });
}

/** The end of what a failed program said, for a message. */
export function lastLines({ stdout, stderr }: Ran, count = 6): string {
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(-count).join('\n');
}
