/**
 * Every change that the store makes to a disk, one small operation a method, so that a test can stop the world
 * before any of them. (Only the heartbeat, which may be lost at will, is written elsewhere: by its thread.)
 */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export type DiskOperation =
  | 'folder'
  | 'create'
  | 'chunk'
  | 'rename'
  | 'link'
  | 'symlink'
  | 'remove'
  | 'truncate'
  | 'mode'
  | 'touch'
  | 'sync';

export interface DiskWrite {
  readonly operation: DiskOperation;
  readonly path: string;
  /** The bytes of a chunk; none where a thread writes them. */
  readonly bytes?: Uint8Array;
}

/** Called before each operation; may throw what the disk would throw, or never return. */
export type WriteHook = (write: DiskWrite) => void;

/** A file being written from start to end. */
export interface Sink {
  write(bytes: Uint8Array): void;
  /** The descriptor, for a thread that writes in place of this one; `close` stays with who made it. */
  handOver(): number;
  close(): void;
}

export interface Disk {
  /** Creates a folder and those above it; true where it made any. */
  folder(path: string): boolean;
  /** Creates one folder; EEXIST where it stands. */
  exclusiveFolder(path: string): void;
  /** Creates a file that doesn't exist yet; only who makes it writes to one whose mode lets nobody. */
  create(path: string, mode?: number): Sink;
  /** Opens a file for appending. */
  append(path: string): Sink;
  /** Creates and fills a file that doesn't exist yet; where that fails, half of it is not left behind. */
  write(path: string, content: string | Uint8Array, mode?: number): void;
  /** Makes a file that has the bytes and the mode of another one. */
  copy(from: string, to: string): void;
  rename(from: string, to: string): void;
  link(existing: string, path: string): void;
  symlink(target: string, path: string): void;
  /** Removes a file or a whole folder, or nothing. */
  remove(path: string): void;
  truncate(path: string, length: number): void;
  mode(path: string, mode: number): void;
  /** Sets the time of the last change to now. */
  touch(path: string): void;
  /** Forces a file or a folder onto the disk. */
  sync(path: string): Promise<void>;
}

/** The system may take less than it is given. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(descriptor, bytes, done, bytes.length - done);
  }
}

const forced = promisify(fs.fsync);

/** Most folders are as they should be, and go in fewer steps than `rmSync` takes, which looks at each file first. */
function removeFolder(folder: string): void {
  try {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) removeFolder(path);
      else fs.unlinkSync(path);
    }
    fs.rmdirSync(folder);
  } catch {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Creates a folder and those above it; true where it made any. Node's own recursive one says of a disk that takes
 * nothing that the folder isn't there (ENOENT), where this one says what the disk says.
 */
export function makeFolder(path: string, mode = 0o777): boolean {
  if (fs.existsSync(path)) return false;
  makeFolder(dirname(path), mode);
  try {
    fs.mkdirSync(path, { mode });
    return true;
  } catch (error) {
    // Somebody else was faster.
    if (fs.existsSync(path)) return false;
    throw error;
  }
}

/** The real disk. */
export function createDisk(hook: WriteHook = () => undefined): Disk {
  const sink = (path: string, flags: string, mode = 0o666): Sink => {
    hook({ operation: 'create', path });
    const descriptor = fs.openSync(path, flags, mode);
    return {
      write: (bytes) => {
        hook({ operation: 'chunk', path, bytes });
        writeAll(descriptor, bytes);
      },
      handOver: () => {
        hook({ operation: 'chunk', path, bytes: new Uint8Array() });
        return descriptor;
      },
      close: () => fs.closeSync(descriptor),
    };
  };
  const before = (operation: DiskOperation, path: string): void => hook({ operation, path });
  const disk: Disk = {
    folder: (path) => {
      if (fs.existsSync(path)) return false;
      before('folder', path);
      return makeFolder(path);
    },
    exclusiveFolder: (path) => {
      before('folder', path);
      fs.mkdirSync(path);
    },
    create: (path, mode) => sink(path, 'wx', mode),
    append: (path) => sink(path, 'a'),
    write: (path, content, mode) => {
      const file = disk.create(path, mode);
      try {
        try {
          file.write(typeof content === 'string' ? Buffer.from(content) : content);
        } finally {
          file.close();
        }
      } catch (error) {
        disk.remove(path);
        throw error;
      }
    },
    copy: (from, to) => {
      before('create', to);
      fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
    },
    rename: (from, to) => {
      before('rename', to);
      fs.renameSync(from, to);
    },
    link: (existing, path) => {
      before('link', path);
      fs.linkSync(existing, path);
    },
    symlink: (target, path) => {
      before('symlink', path);
      fs.symlinkSync(target, path);
    },
    remove: (path) => {
      before('remove', path);
      const stat = fs.lstatSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory()) removeFolder(path);
      else if (stat) fs.unlinkSync(path);
    },
    truncate: (path, length) => {
      before('truncate', path);
      fs.truncateSync(path, length);
    },
    mode: (path, mode) => {
      before('mode', path);
      fs.chmodSync(path, mode);
    },
    touch: (path) => {
      before('touch', path);
      const now = new Date();
      fs.utimesSync(path, now, now);
    },
    sync: async (path) => {
      before('sync', path);
      // Only the waiting is left to another thread: opening costs less than handing it over.
      const descriptor = fs.openSync(path, 'r');
      try {
        await forced(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    },
  };
  return disk;
}
