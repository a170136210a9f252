import type { Failure, FailureClass } from '../../schemas/protocol.js';
import { isSystemError, refusedForGood } from '../store/problem.js';
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

/**
 * What the runner's own work on disk fails with. A full or read-only disk is the environment's fault: nothing
 * new may start. Everything that isn't a system error is a bug of ours.
 */
export function failureFromSystem(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (!isSystemError(error))
    return { class: 'internal', code: 'internal', message: `internal error: ${message}; please report it` };
  const refused = refusedForGood(error);
  if (!refused) return { class: 'infrastructure', code: error.code ?? 'disk-error', message };
  return {
    class: 'environment',
    code: refused.code,
    message: `${refused.what} (${message}); ${refused.hint}`,
  };
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
