import { StageFailure } from '../../contract.js';

/**
 * Makes Math.random throw until the returned function is called: a result that depends on it could not be
 * reproduced, and a cache would hide that.
 */
export function forbidMathRandom(): () => void {
  const original = Math.random;
  Math.random = () => {
    throw new StageFailure(
      'internal',
      'math-random',
      'a stage called Math.random; draw from stages/random.ts, whose streams are named by (seed, purpose)',
    );
  };
  return () => {
    Math.random = original;
  };
}

/** What a cell must leave as it found it. */
export interface Surroundings {
  readonly cwd: string;
  readonly env: string;
  /** Tensors and bytes that the engine holds; undefined where it isn't loaded. */
  readonly engine: { readonly tensors: number; readonly bytes: number } | undefined;
}

export function surroundings(engine: Surroundings['engine']): Surroundings {
  const env = JSON.stringify(Object.entries(process.env).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { cwd: process.cwd(), env, engine };
}

/** Why a worker can't be used again after a cell, or undefined where everything is as before. */
export function leftovers(before: Surroundings, after: Surroundings): string | undefined {
  if (after.cwd !== before.cwd) return `the cell changed the working folder to ${after.cwd}`;
  if (after.env !== before.env) return 'the cell changed environment variables';
  const tensors = (after.engine?.tensors ?? 0) - (before.engine?.tensors ?? 0);
  const bytes = (after.engine?.bytes ?? 0) - (before.engine?.bytes ?? 0);
  if (tensors === 0 && bytes === 0) return undefined;
  return `the cell left ${tensors} tensors (${bytes} bytes) in the engine's memory`;
}
