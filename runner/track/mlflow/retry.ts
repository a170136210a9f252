/** Trying again what may pass, a bounded number of times, each time later. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../../schemas/result.js';
import type { MlflowProblem } from './problem.js';

export interface Patience {
  /** Tries in all. */
  readonly tries: number;
  /** Milliseconds before the second try; doubled each time, up to `most`. */
  readonly first: number;
  readonly most: number;
}

/** About half a minute in all. */
export const usualPatience: Patience = { tries: 8, first: 200, most: 10_000 };

/** Milliseconds before try `n` (from 2): spread, so that many who failed together don't come back together. */
export function pauseBefore(n: number, { first, most }: Patience, luck: number = Math.random()): number {
  const full = Math.min(most, first * 2 ** (n - 2));
  return full / 2 + (full / 2) * luck;
}

export interface Retrying {
  readonly patience: Patience;
  /** Whether a problem that leaves open what the server did may be met by the same call again. */
  readonly repeatable: boolean;
  readonly signal?: AbortSignal | undefined;
}

export async function retrying<T>(
  { patience, repeatable, signal }: Retrying,
  work: () => Promise<Result<T, MlflowProblem>>,
): Promise<Result<T, MlflowProblem>> {
  for (let n = 1; ; n++) {
    const result = await work();
    if (result.ok || n >= patience.tries || signal?.aborted === true) return result;
    if (!result.error.passing || (result.error.unknown && !repeatable)) return result;
    await pause(pauseBefore(n + 1, patience), signal);
  }
}

/** Ends early when the signal comes. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined);
}
