import { readdirSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
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
  /** What keeps the event loop going (timers, sockets, processes), by kind, and open files of the attempt. */
  readonly open: readonly string[];
  /** Tensors and bytes that the engine holds; undefined where it isn't loaded. */
  readonly engine: { readonly tensors: number; readonly bytes: number } | undefined;
}

/** @param attempt folder of the cell's own, in which nothing can be open before it begins */
export function surroundings(engine: Surroundings['engine'], attempt?: string): Surroundings {
  const env = JSON.stringify(Object.entries(process.env).sort(([a], [b]) => (a < b ? -1 : 1)));
  const open = [
    ...process.getActiveResourcesInfo().filter((kind) => !passing.test(kind)),
    ...(attempt === undefined ? [] : openFiles(attempt)),
  ];
  return { cwd: process.cwd(), env, engine, open };
}

/** Under way at any moment, and over by itself. */
const passing = /^(?:Immediate|TickObject|.*Req.*|MessagePort)$/;

/** Through a descriptor that is still open, an output could be written to after it was hashed. */
function openFiles(folder: string): readonly string[] {
  const descriptors = '/proc/self/fd';
  try {
    return readdirSync(descriptors).flatMap((name) => {
      const file = linkOf(join(descriptors, name));
      return file?.startsWith(`${folder}/`) ? [relative(folder, file)] : [];
    });
  } catch {
    return []; // a system that doesn't tell
  }
}

function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined; // closed meanwhile, as is the one that lists them
  }
}

/** Closing takes some turns of the event loop. */
const turns = 10;

/** Why a worker can't be used again after a cell, or undefined where everything is as before. */
export async function leftovers(before: Surroundings, look: () => Surroundings): Promise<string | undefined> {
  for (let turn = 0; ; turn += 1) {
    const left = difference(before, look());
    if (left === undefined || turn === turns) return left;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function difference(before: Surroundings, after: Surroundings): string | undefined {
  if (after.cwd !== before.cwd) return `the cell changed the working folder to ${after.cwd}`;
  if (after.env !== before.env) return 'the cell changed environment variables';
  const open = more(before.open, after.open);
  if (open.length > 0) return `the cell left open: ${open.join(', ')}`;
  const tensors = (after.engine?.tensors ?? 0) - (before.engine?.tensors ?? 0);
  const bytes = (after.engine?.bytes ?? 0) - (before.engine?.bytes ?? 0);
  if (tensors === 0 && bytes === 0) return undefined;
  return `the cell left ${tensors} tensors (${bytes} bytes) in the engine's memory`;
}

/** What is in the second list beyond the first, as often as it is. */
function more(before: readonly string[], after: readonly string[]): readonly string[] {
  const rest = [...before];
  return after.filter((one) => {
    const at = rest.indexOf(one);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}
