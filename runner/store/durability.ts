/**
 * Group commit: what was written is forced onto the disk every 200 ms or 64 records, off the path of
 * the cells; children need not wait. A kill loses nothing anyway: the page cache outlives the process.
 */
import path from 'node:path';
import { err, ok, type Result } from '../../schemas/result.js';
import type { Disk } from './disk.js';
import { errorCode, toProblem } from './problem.js';
import type { StoreProblem } from './types.js';

const intervalMs = 200;
const recordsPerCommit = 64;
/** Syncs under way at once: libuv has four threads, and blobs are copied on them too. */
const width = 2;

export interface Durability {
  /** A file that is to survive a loss of power, with its folder. */
  note(file: string): void;
  /** Counts a record; a full group is committed at once. */
  noteRecord(file: string): void;
  /** Commits what was noted; the first failure since opening stays. */
  flush(): Promise<Result<void, StoreProblem>>;
  /** The first failure so far. */
  failure(): StoreProblem | undefined;
}

/**
 * @param onLost told of a file whose sync failed: it is not to be believed, and the sync is not tried again,
 *   since the kernel may have dropped the pages and would report success.
 */
export function createDurability(disk: Disk, onLost: (file: string) => void): Durability {
  let files = new Set<string>();
  let folders = new Set<string>();
  let records = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let failure: StoreProblem | undefined;

  async function syncOne(file: string): Promise<void> {
    try {
      await disk.sync(file);
    } catch (error) {
      // What is gone by now (replaced, quarantined) has nothing to lose.
      if (errorCode(error) === 'ENOENT') return;
      failure ??= toProblem(error);
      onLost(file);
    }
  }

  async function syncEach(list: readonly string[]): Promise<void> {
    const queue = list.values();
    const worker = async (): Promise<void> => {
      for (const file of queue) await syncOne(file);
    };
    await Promise.all(Array.from({ length: width }, worker));
  }

  function commit(): void {
    clearTimeout(timer);
    timer = undefined;
    const group = { files: [...files], folders: [...folders] };
    files = new Set();
    folders = new Set();
    records = 0;
    running = running.then(async () => {
      await syncEach(group.files);
      await syncEach(group.folders);
    });
  }

  function note(file: string): void {
    files.add(file);
    folders.add(path.dirname(file));
    timer ??= setTimeout(commit, intervalMs).unref();
  }

  return {
    note,
    noteRecord: (file) => {
      note(file);
      records += 1;
      if (records >= recordsPerCommit) commit();
    },
    flush: async () => {
      commit();
      await running;
      return failure ? err(failure) : ok(undefined);
    },
    failure: () => failure,
  };
}
