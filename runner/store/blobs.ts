/** Single blobs: how bytes come into `cas/`, and when they are believed to be there. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { sha256 } from '../../schemas/json.js';
import type { BlobHash } from '../pipeline.js';
import type { Context } from './context.js';
import type { Sink } from './disk.js';
import { blobPath, names, readText } from './layout.js';
import { StoreError, errorCode, refuse } from './problem.js';
import { smallBytes } from './pump.js';
import { identityOf } from './stat-cache.js';
import type { Put } from './types.js';

const copyTries = 3;
/** Nobody has any business to write to a blob. */
const blobMode = 0o444;
/** A blob that is used again and is younger keeps its age: a collection allows for that. */
export const freshMs = 6 * 3_600_000;

/** The only maker of the brand: the digest of bytes that were hashed here, or a checked text. */
export const blobHash = (digest: string): BlobHash => digest as BlobHash;

/** Moves a finished temporary file to its place. Replacing an equal or a corrupt blob are the same to a reader. */
function install(context: Context, temporary: string, digest: string): void {
  const file = blobPath(context.root, digest);
  context.disk.folder(path.dirname(file));
  context.disk.rename(temporary, file);
  context.durability.note(file);
  // The bytes were hashed as they were written: this process need not read them again.
  context.stats.hashing(file, fs.lstatSync(file, { bigint: true }))(digest);
}

export function putBytes(context: Context, content: Uint8Array | string): Put {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const digest = blobHash(sha256(bytes));
  if (context.access === 'write') {
    const temporary = context.temporary();
    context.disk.write(temporary, bytes, blobMode);
    install(context, temporary, digest);
  }
  return { digest, bytes: bytes.length };
}

export interface Received {
  readonly source: AsyncIterable<Uint8Array>;
  readonly bytes: number;
  readonly exact: boolean;
}

/**
 * Fills a new file and closes it, before it is moved to its place: a network disk may say only then that it has no
 * room. Where it was moved, nothing is left to remove; where the disk is full, its bytes are needed.
 */
async function takeIn<T>(
  context: Context,
  fill: (sink: Sink) => Promise<T>,
  digestOf: (filled: T) => string | undefined,
): Promise<T> {
  const temporary = context.temporary();
  const sink = context.disk.create(temporary, blobMode);
  try {
    const filled = await fill(sink).finally(() => sink.close());
    const digest = digestOf(filled);
    if (digest !== undefined) install(context, temporary, digest);
    return filled;
  } finally {
    context.disk.remove(temporary);
  }
}

/** Takes in bytes that somebody else says are those of a digest; nothing stays of what isn't. */
export async function receiveBlob(
  context: Context,
  digest: string,
  { source, bytes: limit, exact }: Received,
): Promise<Put> {
  const fill = async (sink: Sink): Promise<number> => {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > limit) break;
      hash.update(chunk);
      sink.write(chunk);
    }
    if (bytes > limit || (exact && bytes !== limit) || hash.digest('hex') !== digest)
      refuse('wrong-bytes', `what was sent for ${digest} is something else`);
    return bytes;
  };
  return { digest: blobHash(digest), bytes: await takeIn(context, fill, () => digest) };
}

const noFollow = (follow: boolean): number =>
  fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | (follow ? 0 : fs.constants.O_NOFOLLOW);

/** Opens a user's file for reading; what they can mend is said as such. */
function openSource(file: string, follow: boolean): number {
  try {
    return fs.openSync(file, noFollow(follow));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return refuse('missing-file', `there is no file ${file}`, undefined, file);
    if (code === 'EACCES')
      return refuse(
        'unreadable',
        `the file ${file} can't be read`,
        'give yourself the right to read it',
        file,
      );
    if (code === 'ELOOP' || code === 'ENXIO')
      return refuse('not-a-file', `${file} is not a regular file`, undefined, file);
    throw error;
  }
}

interface Copied {
  readonly digest: string;
  readonly bytes: number;
  readonly stat: fs.BigIntStats;
  /** The bytes are those of one moment. */
  readonly still: boolean;
}

interface Copying {
  /** Descriptor. */
  readonly source: number;
  /** What messages call it. */
  readonly file: string;
  readonly sink?: Sink;
}

async function copyOnce(context: Context, { source, file, sink }: Copying): Promise<Copied> {
  const stat = fs.fstatSync(source, { bigint: true });
  if (!stat.isFile()) refuse('not-a-file', `${file} is not a regular file`, undefined, file);
  const size = Number(stat.size);
  const { digest, bytes } = await context.pump.run(source, { size, limit: size, ...(sink ? { sink } : {}) });
  const after = fs.fstatSync(source, { bigint: true });
  const still = identityOf(stat) === identityOf(after) && BigInt(bytes) === stat.size;
  return { digest, bytes, stat, still };
}

const copyIn = (context: Context, source: number, file: string): Promise<Copied> =>
  takeIn(
    context,
    (sink) => copyOnce(context, { source, file, sink }),
    ({ still, digest }) => (still ? digest : undefined),
  );

async function tryCopy(context: Context, file: string, follow: boolean): Promise<Copied> {
  const source = openSource(file, follow);
  try {
    return await (context.access === 'write'
      ? copyIn(context, source, file)
      : copyOnce(context, { source, file }));
  } finally {
    fs.closeSync(source);
  }
}

/**
 * Copies a file in, hashing the bytes written. Where the file is unchanged since it was last hashed, and its blob
 * is there, nothing is read.
 */
export async function putFile(context: Context, file: string, follow = true): Promise<Put> {
  const stat = (follow ? fs.statSync : fs.lstatSync)(file, { bigint: true, throwIfNoEntry: false });
  const seen = stat && context.stats.lookup(file, stat);
  if (stat && seen !== undefined && (await isKept(context, seen, Number(stat.size)))) {
    freshen(context, seen);
    return { digest: blobHash(seen), bytes: Number(stat.size) };
  }
  const remember = stat && context.stats.hashing(file, stat);
  for (let tries = 0; tries < copyTries; tries += 1) {
    const copied = await tryCopy(context, file, follow);
    if (!copied.still) continue;
    if (stat && identityOf(stat) === identityOf(copied.stat)) remember?.(copied.digest);
    return { digest: blobHash(copied.digest), bytes: copied.bytes };
  }
  return refuse(
    'changing-file',
    `${file} changed while it was read, ${copyTries} times in a row`,
    'wait until whatever writes it has finished',
    file,
  );
}

/** A blob that is used again counts as new, so that no collection takes it from under its next reader. */
export function freshen(context: Context, digest: string): void {
  const file = blobPath(context.root, digest);
  const stat = statBlob(file);
  if (context.access === 'read' || !stat || Date.now() - Number(stat.mtimeMs) < freshMs) return;
  touch(context, file);
  const after = statBlob(file);
  // Its content is as it was: the digest is believed on, and need not be computed again.
  if (after) context.stats.hashing(file, after)(digest);
}

/** Times of a file of another user's are that user's to set: a copy that is one's own has the time of its making. */
function touch(context: Context, file: string): void {
  try {
    context.disk.touch(file);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error;
    const temporary = context.temporary();
    context.disk.copy(file, temporary);
    context.disk.rename(temporary, file);
  }
}

/** Who only hashes needs no blob. */
const isKept = async (context: Context, digest: string, size: number): Promise<boolean> =>
  context.access === 'read' || blobIsWhole(context, digest, size);

/** Hashes a file; a small one at once, since a promise a read costs more than the reading. */
async function hashFile(context: Context, file: string, size: number): Promise<string> {
  return size <= smallBytes ? sha256(fs.readFileSync(file)) : hashStream(context, file);
}

async function hashStream(context: Context, file: string, sink?: Sink): Promise<string> {
  const source = fs.openSync(file, 'r');
  try {
    const { size } = fs.fstatSync(source);
    return (await context.pump.run(source, { size, ...(sink ? { sink } : {}) })).digest;
  } finally {
    fs.closeSync(source);
  }
}

/** Copies a blob out of the store, hashing the bytes written. */
export async function copyBlobOut(context: Context, digest: string, destination: string): Promise<void> {
  const sink = context.disk.create(destination);
  try {
    const actual = await hashStream(context, blobPath(context.root, digest), sink);
    if (actual !== digest) missing(digest);
  } finally {
    sink.close();
  }
}

/** Takes a bad blob out of the way, for a person to look at. */
function quarantine(context: Context, digest: string): void {
  if (context.access === 'read') return;
  const folder = path.join(context.root, 'quarantine');
  context.disk.folder(folder);
  const name = `${digest}.${context.runner}.${path.basename(context.temporary())}`;
  try {
    context.disk.rename(blobPath(context.root, digest), path.join(folder, name));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** What a sync failed for is not to be believed. */
export const distrust = (context: Context, file: string): void => {
  const digest = path.basename(file);
  if (file === path.join(context.root, 'cas', digest.slice(0, 2), digest)) quarantine(context, digest);
};

/**
 * Whether a blob is there with its size and, unless it is unchanged since it was last hashed, with its digest. One
 * that isn't what its name says is quarantined.
 *
 * @param again hashes it whatever is believed of it
 */
export async function blobIsWhole(
  context: Context,
  digest: string,
  size: number | undefined,
  again = false,
): Promise<boolean> {
  const file = blobPath(context.root, digest);
  const stat = statBlob(file) ?? (recoverBlob(context, digest) ? statBlob(file) : undefined);
  if (!stat) return false;
  const rightSize = stat.isFile() && (size === undefined || BigInt(size) === stat.size);
  if (rightSize && !again && context.stats.lookup(file, stat, true) === digest) return true;
  const remember = context.stats.hashing(file, stat);
  const actual = rightSize ? await hashFile(context, file, Number(stat.size)) : undefined;
  if (actual !== digest) {
    quarantine(context, digest);
    return false;
  }
  remember(actual);
  return true;
}

const statBlob = (file: string): fs.BigIntStats | undefined =>
  fs.lstatSync(file, { bigint: true, throwIfNoEntry: false });

/** Takes a blob back out of the trash of a collection that is under way; false where it isn't there. */
function recoverBlob(context: Context, digest: string): boolean {
  if (context.access === 'read') return false;
  return names(path.join(context.root, 'trash')).some((runner) => {
    try {
      context.disk.rename(
        path.join(context.root, 'trash', runner, 'cas', digest),
        blobPath(context.root, digest),
      );
      return true;
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
      throw error;
    }
  });
}

/** The bytes of a blob, checked. */
export function readBlob(context: Context, digest: string): Buffer {
  const file = blobPath(context.root, digest);
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(file);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return missing(digest);
  }
  if (sha256(bytes) === digest) return bytes;
  quarantine(context, digest);
  return missing(digest);
}

/** A blob as text, checked; reading text takes fewer steps than reading bytes. */
export function readBlobText(context: Context, digest: string): string {
  const text = readText(blobPath(context.root, digest));
  return text !== undefined && sha256(text) === digest ? text : readBlob(context, digest).toString('utf8');
}

export function missing(digest: string): never {
  throw new StoreError({
    class: 'infrastructure',
    code: 'missing-blob',
    message: `the store has lost ${digest}, or what stood there was corrupt`,
    hint: 'run the cell that made it again',
  });
}
