/** A folder for each try at a cell: `attempts/<run>/<16 hex of the cell's id>/<n>`. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { sha256 } from '../../schemas/json.js';
import type { CellId } from '../pipeline.js';
import type { Context } from './context.js';
import { attemptsFolder, names, readJson } from './layout.js';
import { errorCode, guard } from './problem.js';
import type { Attempt, Attempts } from './types.js';

function describe(folder: string, number: number, nonce: string): Attempt {
  const at = (name: string): string => path.join(folder, name);
  return {
    folder,
    scratch: at('scratch'),
    outputs: at('outputs'),
    job: at('job.json'),
    events: at('events.jsonl'),
    exit: at('exit.json'),
    log: at('log.txt'),
    nonce,
    number,
  };
}

/** Empty where it was killed before its job stood there. */
function nonceIn(folder: string): string {
  const job = readJson(path.join(folder, 'job.json')) as { readonly attempt?: unknown } | null | undefined;
  return typeof job?.attempt === 'string' ? job.attempt : '';
}

const cellFolder = (root: string, run: string, cell: CellId): string =>
  path.join(attemptsFolder(root, run), sha256(cell).slice(0, 16));

const attemptNumbers = (folder: string): number[] =>
  names(folder)
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);

/** The next number that is free; two tries never share a folder. */
function claimFolder(context: Context, parent: string): { folder: string; number: number } {
  let fresh = context.disk.folder(parent);
  for (;;) {
    const number = fresh ? 1 : Math.max(0, ...attemptNumbers(parent)) + 1;
    fresh = false;
    const folder = path.join(parent, String(number));
    try {
      context.disk.exclusiveFolder(folder);
      return { folder, number };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

export function createAttempts(context: Context): Attempts {
  return {
    create: (run, cell) =>
      guard(() => {
        const { folder, number } = claimFolder(context, cellFolder(context.root, run, cell));
        const attempt = describe(folder, number, randomBytes(16).toString('hex'));
        context.disk.exclusiveFolder(attempt.outputs);
        return attempt;
      }),
    write: (file, content) => guard(() => context.disk.write(file, content)),
    list: (run, cell) => {
      const parent = cellFolder(context.root, run, cell);
      return attemptNumbers(parent).map((number) => {
        const folder = path.join(parent, String(number));
        return describe(folder, number, nonceIn(folder));
      });
    },
    clean: (attempt) =>
      guard(() => {
        context.disk.remove(attempt.scratch);
        context.disk.remove(attempt.outputs);
      }),
  };
}
