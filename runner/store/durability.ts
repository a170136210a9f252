/**
 * Group commit: what was written is forced onto the disk every 200 ms or 64 records, off the path of
 * the cells; children need not wait. A kill loses nothing anyway: the page cache outlives the process.
 */
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { err, ok, type Result } from '../../schemas/result.js';
import { atOnce } from '../at-once.js';
import type { Disk } from './disk.js';
import { errorCode, isSystemError, StoreError, toProblem } from './problem.js';
import type { StoreProblem } from './types.js';

const intervalMs = 200;
const recordsPerCommit = 64;
/** Syncs under way at once: libuv has four threads, and blobs are copied on them too. */
const width = 2;
const openTries = 6;
const openPauseMs = 50;
/** What is gone by now (replaced, quarantined) has nothing to lose. */
const gone = ['ENOENT'];
/** Some file systems (CIFS, FUSE) sync no folders at all. */
const noFolders = [...gone, 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];

const isUnopened = (error: unknown): boolean =>
  isSystemError(error) && error.syscall === 'open' && error.code !== 'ENOENT';

export interface Durability {
  /** A file that is to survive a loss of power, with its folder. */
  note(file: string): void;
  /** Counts a record; a full group is committed at once. */
  noteRecord(file: string): void;
  /** Commits what was noted; the first failure since opening stays. */
  flush(): Promise<Result<void, StoreProblem>>;
  /** Throws the first failure so far. */
  require(): void;
}

/**
 * @param onLost told of a file whose sync failed: it is not to be believed, and the sync is not tried again,
 *   since the kernel may have dropped the pages and would report success.
 */
export function createDurability(disk: Disk, onLost: (file: string) => void): Durability {
  const nothing = () => ({ files: new Set<string>(), records: new Set<string>() });
  let waiting = nothing();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let failure: StoreProblem | undefined;

  /** What a sync failed with; one that never began, since too much is open, is tried again. */
  async function faultOf(file: string): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      try {
        await disk.sync(file);
        return undefined;
      } catch (error) {
        if (!isUnopened(error) || tries === openTries || failure) return error;
      }
      await pause(openPauseMs * tries);
    }
  }

  async function syncOne(file: string, passedOver: readonly string[] = gone): Promise<void> {
    const error = await faultOf(file);
    if (error === undefined || passedOver.includes(errorCode(error) ?? '')) return;
    // It stays, whatever the disk calls it: no other try in this store is worth its while.
    failure ??= { ...toProblem(error), class: 'environment' };
    if (!isUnopened(error)) onLost(file);
  }

  /** Blobs with their folders, then records with theirs: what a record names is there when it is. */
  function commit(): void {
    clearTimeout(timer);
    timer = undefined;
    const group = [waiting.files, waiting.records].map((files) => [...files]);
    waiting = nothing();
    running = running.then(async () => {
      for (const files of group) {
        await atOnce(files, (file) => syncOne(file), { width });
        const folders = new Set(files.map((file) => path.dirname(file)));
        await atOnce([...folders], (folder) => syncOne(folder, noFolders), { width });
      }
    });
  }

  function noteIn(files: Set<string>, file: string): void {
    files.add(file);
    timer ??= setTimeout(commit, intervalMs).unref();
  }

  return {
    note: (file) => noteIn(waiting.files, file),
    noteRecord: (file) => {
      noteIn(waiting.records, file);
      if (waiting.records.size >= recordsPerCommit) commit();
    },
    flush: async () => {
      commit();
      await running;
      return failure ? err(failure) : ok(undefined);
    },
    require: () => {
      if (failure) throw new StoreError(failure);
    },
  };
}
