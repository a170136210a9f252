import type { Failure, FailureClass } from '../../schemas/protocol.js';
import type { Cell, CellId } from '../pipeline.js';

/** How often an attempt that failed in a class is tried again where the pipeline doesn't say. */
export const defaultRetries: Readonly<Record<FailureClass, number>> = {
  user: 0,
  resource: 0,
  infrastructure: 2,
  environment: 0,
  internal: 0,
};

export function retriesFor(retries: Cell['retries'], failureClass: FailureClass): number {
  const own: Partial<Record<FailureClass, number>> = retries;
  return own[failureClass] ?? defaultRetries[failureClass];
}

/** Milliseconds to wait before attempt n + 1: 1 s, 2 s, 4 s, ... at most a minute. */
export function exponentialBackoff(attempt: number): number {
  return Math.min(60_000, 1000 * 2 ** (attempt - 1));
}

export interface FailureGroup {
  readonly failure: Failure;
  readonly cells: readonly CellId[];
}

/** The same failure in many cells, once, with its cells; in order of first appearance. */
export function groupFailures(failed: readonly { cell: CellId; failure: Failure }[]): FailureGroup[] {
  const groups = new Map<string, { failure: Failure; cells: CellId[] }>();
  for (const { cell, failure } of failed) {
    const key = JSON.stringify([failure.class, failure.code, failure.message]);
    const group = groups.get(key);
    if (group) group.cells.push(cell);
    else groups.set(key, { failure, cells: [cell] });
  }
  return [...groups.values()];
}

const environmentCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE']);

/** The error code of Node's system errors, such as ENOSPC. */
export function systemCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/**
 * What the runner's own work on disk fails with. A full or read-only disk is the environment's fault: nothing
 * new may start. Everything that isn't a system error is a bug of ours.
 */
export function failureFromSystem(error: unknown): Failure {
  const code = systemCode(error);
  const message = error instanceof Error ? error.message : String(error);
  if (code === undefined) {
    return { class: 'internal', code: 'internal', message: `internal error: ${message}; please report it` };
  }
  if (environmentCodes.has(code)) return { class: 'environment', code, message: explain(code, message) };
  return { class: 'infrastructure', code, message };
}

function explain(code: string, message: string): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `no space is left on the disk of the store (${message}); free some space and run again`;
    case 'EROFS':
      return `the disk of the store is read-only (${message}); set MOFT_HOME to a folder that can be written`;
    case 'EACCES':
    case 'EPERM':
      return `no permission to write (${message}); make the folder writable or set MOFT_HOME to one that is`;
    default:
      return `too many open files (${message}); raise the limit with \`ulimit -n\``;
  }
}

export function timeoutFailure(seconds = 0): Failure {
  const message = `stopped after its timeout of ${seconds} s; raise \`timeout:\` or make the stage smaller`;
  return { class: 'resource', code: 'timeout', message };
}

export const unaskedStop: Failure = {
  class: 'infrastructure',
  code: 'stopped',
  message: 'the worker was told to stop by something else than moft',
};
