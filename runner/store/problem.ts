/** From what the disk throws to a StoreProblem that says what to do. */
import { err, ok, type Result } from '../../schemas/result.js';
import type { StoreProblem } from './types.js';

/** Carries a problem through the store's own code; turned into a value by `guard` before it leaves the room. */
export class StoreError extends Error {
  readonly problem: StoreProblem;
  constructor(problem: StoreProblem) {
    super(problem.message);
    this.name = 'StoreError';
    this.problem = problem;
  }
}

/** For want of memory, or of processes that one may have; it names no call of the system's. */
const noThread: readonly unknown[] = ['ERR_WORKER_INIT_FAILED', 'ERR_WORKER_OUT_OF_MEMORY'];

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return noThread.includes(code) || (typeof code === 'string' && 'syscall' in error);
}

/** The system's code (`ENOENT`) of an exception, or undefined. */
export function errorCode(error: unknown): string | undefined {
  return isSystemError(error) ? error.code : undefined;
}

interface Refused {
  readonly code: string;
  readonly what: string;
  readonly hint: string;
}

/** CIFS and some of FUSE have no hard links. */
const unable: Refused = {
  code: 'disk-error',
  what: 'the file system can not do what is asked of it',
  hint: 'it must allow hard links and renames; else set MOFT_HOME to a folder on another disk',
};

/** What no second try mends: the disk or the system takes nothing more, from anybody. */
const known: Readonly<Record<string, Refused>> = {
  ENOSPC: {
    code: 'disk-full',
    what: 'the disk is full',
    hint: 'free some space (`moft gc` shows what of the store can go), or set MOFT_HOME to a folder on another disk',
  },
  EDQUOT: {
    code: 'disk-full',
    what: 'the disk quota is used up',
    hint: 'free some space (`moft gc` shows what of the store can go), or set MOFT_HOME to a folder on another disk',
  },
  EROFS: {
    code: 'read-only',
    what: 'the disk is read-only',
    hint: 'set MOFT_HOME to a folder that can be written',
  },
  EACCES: {
    code: 'no-permission',
    what: 'permission is denied',
    hint: 'give yourself the right to read and write there, or set MOFT_HOME to a folder of your own',
  },
  EPERM: {
    code: 'no-permission',
    what: 'the operation is not permitted',
    hint: 'the file system must allow hard links and renames; else set MOFT_HOME to another folder',
  },
  EMFILE: { code: 'too-many-files', what: 'too many files are open', hint: 'raise `ulimit -n`' },
  ENFILE: {
    code: 'too-many-files',
    what: 'too many files are open',
    hint: 'raise the system limit on open files',
  },
  ENOTDIR: {
    code: 'disk-error',
    what: 'a file stands where a folder is needed',
    hint: 'move it away',
  },
  EFBIG: {
    code: 'disk-error',
    what: 'a file may not grow so large',
    hint: 'raise `ulimit -f`, or set MOFT_HOME to a folder on another disk',
  },
  ENAMETOOLONG: {
    code: 'disk-error',
    what: 'a name is longer than the disk takes',
    hint: 'set MOFT_HOME to a folder nearer to the root',
  },
  ENOTSUP: unable,
  EOPNOTSUPP: unable,
  ENOSYS: unable,
  EXDEV: {
    code: 'disk-error',
    what: 'parts of the store lie on several disks',
    hint: 'move all of it to one disk, or set MOFT_HOME to another folder',
  },
  ENXIO: { code: 'disk-error', what: 'the device is gone', hint: 'check the disk' },
  ENODEV: { code: 'disk-error', what: 'the device is gone', hint: 'check the disk' },
  EIO: { code: 'disk-error', what: 'the disk can not be read or written', hint: 'check the disk' },
};

/** What was refused for good; undefined for what may go well the next time, such as a file that somebody removed. */
export const refusedForGood = (error: NodeJS.ErrnoException): Refused | undefined => known[error.code ?? ''];

/**
 * A system exception as a problem: of the environment where nothing goes on, else of the infrastructure, which is worth
 * another try. Anything else is ours and is thrown on.
 */
export function toProblem(error: unknown): StoreProblem {
  if (error instanceof StoreError) return error.problem;
  if (!isSystemError(error)) throw error;
  const refused = refusedForGood(error);
  const { code, what, hint } = refused ?? {
    code: 'disk-error',
    what: error.message,
    hint: noThread.includes(error.code)
      ? 'the system gave no thread: free memory, or raise `ulimit -u`'
      : 'check the disk that holds the store',
  };
  const where = error.path === undefined ? '' : `: ${error.path}`;
  return {
    class: refused ? 'environment' : 'infrastructure',
    code,
    message: `the store can't be used, ${what}${where}`,
    hint,
    ...(error.path === undefined ? {} : { path: error.path }),
  };
}

/** What the disk or the system refused, of an exception that nothing else has taken; undefined for any other. */
export function refusalOf(error: unknown): { readonly message: string; readonly hint: string } | undefined {
  const hint = known[errorCode(error) ?? '']?.hint;
  return hint === undefined || !(error instanceof Error) ? undefined : { message: error.message, hint };
}

/** Runs the store's own code; what the disk did wrong becomes a value. */
export function guard<T>(work: () => T): Result<T, StoreProblem> {
  try {
    return ok(work());
  } catch (error) {
    return err(toProblem(error));
  }
}

export async function guardAsync<T>(work: () => Promise<T>): Promise<Result<T, StoreProblem>> {
  try {
    return ok(await work());
  } catch (error) {
    return err(toProblem(error));
  }
}

/** A refusal of what the user's files hold. */
export function refuse(code: string, message: string, hint?: string, path?: string): never {
  throw new StoreError({
    class: 'user',
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(path === undefined ? {} : { path }),
  });
}
