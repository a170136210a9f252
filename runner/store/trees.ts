/** Directories as blobs: in (`putTree`), read (`readListing`), out (`restoreTree`). */
import { isUtf8 } from 'node:buffer';
import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson } from '../../schemas/json.js';
import { atOnce } from '../at-once.js';
import { copyBlobOut, putBytes, putFile, readBlobText } from './blobs.js';
import type { Context } from './context.js';
import { blobPath, isDigest } from './layout.js';
import { errorCode, refuse } from './problem.js';
import { checkEntries, checkPath, entryLimit, resolveInTree, type TreeEntry } from './tree-rules.js';
import type { Put } from './types.js';

const filesAtOnce = 4;

export interface Listing {
  readonly entries: readonly TreeEntry[];
  /** Sum of the files' sizes. */
  readonly bytes: number;
}

const byUtf8 = (a: TreeEntry, b: TreeEntry): number =>
  Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));

function toListing(entries: readonly TreeEntry[]): Listing {
  const sorted = [...entries].sort(byUtf8);
  return { entries: sorted, bytes: sorted.reduce((sum, e) => sum + (e.type === 'file' ? e.size : 0), 0) };
}

/** Names in a user's folder, by the bytes they have on the disk. */
function folderNames(folder: string): string[] {
  try {
    return fs.readdirSync(folder, { encoding: 'buffer' }).map((name) => {
      if (!isUtf8(name))
        refuse(
          'tree-path',
          `a name in ${folder} is not UTF-8: ${name.toString('latin1')}`,
          'rename it',
          folder,
        );
      return name.toString('utf8');
    });
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return refuse('missing-file', `there is no folder ${folder}`, undefined, folder);
    if (code === 'ENOTDIR') return refuse('not-a-folder', `${folder} is not a folder`, undefined, folder);
    if (code === 'EACCES')
      return refuse(
        'unreadable',
        `the folder ${folder} can't be read`,
        'give yourself the right to read it',
        folder,
      );
    throw error;
  }
}

type Found = { readonly relative: string; readonly stat: fs.Stats };

/** Everything below a folder, no link followed. */
function* walk(root: string, below = ''): Generator<Found> {
  for (const name of folderNames(path.join(root, below))) {
    const relative = below === '' ? name : `${below}/${name}`;
    checkPath(relative);
    const stat = fs.lstatSync(path.join(root, relative));
    yield { relative, stat };
    if (stat.isDirectory()) yield* walk(root, relative);
  }
}

async function toEntry(context: Context, root: string, { relative, stat }: Found): Promise<TreeEntry> {
  const file = path.join(root, relative);
  if (stat.isDirectory()) return { type: 'folder', path: relative };
  if (stat.isSymbolicLink()) return { type: 'link', path: relative, target: fs.readlinkSync(file) };
  if (stat.isFile()) {
    const { digest, bytes } = await putFile(context, file, false);
    return { type: 'file', path: relative, executable: (stat.mode & 0o100) !== 0, digest, size: bytes };
  }
  const what = stat.isFIFO() ? 'a fifo' : stat.isSocket() ? 'a socket' : 'a device';
  return refuse(
    'tree-special',
    `${file} is ${what}`,
    'only files, folders and links inside them can be kept',
    file,
  );
}

/** Refused things are found before anything is copied, but for what a link leads to. */
function survey(root: string): readonly Found[] {
  const found: Found[] = [];
  for (const item of walk(root)) {
    found.push(item);
    if (found.length > entryLimit) {
      refuse(
        'tree-size',
        `${root} holds over ${entryLimit.toLocaleString('en')} entries`,
        'pack it into one file, such as an archive or a JSONL',
        root,
      );
    }
  }
  return found;
}

/** @param know told of the listing: its bytes were written here, and need not be read to be believed */
export async function putTree(
  context: Context,
  root: string,
  know: (digest: string, listing: Listing) => void = () => undefined,
): Promise<Put> {
  // Large files are read side by side, and few are open.
  const entries = await atOnce(survey(root), (found) => toEntry(context, root, found), {
    width: filesAtOnce,
  });
  const listing = toListing(entries);
  checkEntries(listing.entries);
  const { digest } = putBytes(context, canonicalJson(listing.entries));
  know(digest, listing);
  return { digest, bytes: listing.bytes };
}

function parseEntry(value: unknown): TreeEntry {
  const entry = value as Partial<Record<string, unknown>>;
  const { path: name, type, target, executable, digest, size } = entry;
  if (typeof name === 'string') {
    if (type === 'folder') return { type, path: name };
    if (type === 'link' && typeof target === 'string') return { type, path: name, target };
    if (
      type === 'file' &&
      typeof executable === 'boolean' &&
      isDigest(digest) &&
      Number.isSafeInteger(size)
    ) {
      return { type, path: name, executable, digest, size: Number(size) };
    }
  }
  return refuse(
    'tree-listing',
    `a folder's listing has an entry of an unknown shape: ${JSON.stringify(value)}`,
  );
}

/** The listing of a folder; a refusal where it is none, or would leave the folder it is written to. */
export function parseListing(text: string): Listing {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    content = undefined;
  }
  if (!Array.isArray(content))
    return refuse('tree-listing', 'what is named as a folder is not the listing of one');
  const listing = toListing(content.map(parseEntry));
  checkEntries(listing.entries);
  return listing;
}

/** Listings by digest; content never changes under a digest, so a parsed one is kept. */
export interface Listings {
  /** Whether it was read before: whoever reads it now gets what is known, not what the disk holds. */
  readonly has: (digest: string) => boolean;
  /** Read from the disk for the first time, its bytes are checked against the digest. */
  readonly of: (digest: string) => Listing;
  /** One that was written just now. */
  readonly know: (digest: string, listing: Listing) => void;
}

/** @param most entries that are kept in memory, of those listings that were used last */
export function createListings(context: Context, most = 2 * entryLimit): Listings {
  const parsed = new Map<string, Listing>();
  let count = 0;
  const forget = (digest: string): void => {
    count -= parsed.get(digest)?.entries.length ?? 0;
    parsed.delete(digest);
  };
  const know = (digest: string, listing: Listing): Listing => {
    forget(digest);
    parsed.set(digest, listing);
    count += listing.entries.length;
    for (const oldest of parsed.keys()) {
      if (count <= most || oldest === digest) break;
      forget(oldest);
    }
    return listing;
  };
  return {
    has: (digest) => parsed.has(digest),
    know: (digest, listing) => void know(digest, listing),
    of: (digest) => {
      const known = parsed.get(digest);
      const isThere = known && fs.existsSync(blobPath(context.root, digest));
      return know(digest, isThere ? known : parseListing(readBlobText(context, digest)));
    },
  };
}

/** A directory's files as a worker sees them: relative path to the blob's path; links to files included. */
export function treeFiles(root: string, listing: Listing): Record<string, string> {
  const byPath = new Map(listing.entries.map((entry) => [entry.path, entry]));
  const files: Record<string, string> = {};
  for (const entry of listing.entries) {
    const end = resolveInTree(byPath, entry.path);
    if (end.kind === 'entry' && end.entry.type === 'file')
      files[entry.path] = blobPath(root, end.entry.digest);
  }
  return files;
}

/** Builds the new thing beside the destination, then swaps; no link is followed, and links come last. */
async function swapIn(
  context: Context,
  destination: string,
  build: (fresh: string) => Promise<void>,
): Promise<void> {
  const fresh = `${destination}.${context.runner}.new`;
  const old = `${destination}.${context.runner}.old`;
  context.disk.folder(path.dirname(destination));
  try {
    await build(fresh);
    if (fs.lstatSync(destination, { throwIfNoEntry: false })) context.disk.rename(destination, old);
    context.disk.rename(fresh, destination);
  } finally {
    context.disk.remove(fresh);
    context.disk.remove(old);
  }
}

export function restoreFile(context: Context, digest: string, destination: string): Promise<void> {
  return swapIn(context, destination, (fresh) => copyBlobOut(context, digest, fresh));
}

export function restoreTree(context: Context, listing: Listing, destination: string): Promise<void> {
  return swapIn(context, destination, async (fresh) => {
    context.disk.exclusiveFolder(fresh);
    const links: (TreeEntry & { type: 'link' })[] = [];
    for (const entry of listing.entries) {
      const file = path.join(fresh, entry.path);
      if (entry.type === 'folder') context.disk.exclusiveFolder(file);
      else if (entry.type === 'link') links.push(entry);
      else {
        await copyBlobOut(context, entry.digest, file);
        if (entry.executable) context.disk.mode(file, 0o755);
      }
    }
    for (const link of links) context.disk.symlink(link.target, path.join(fresh, link.path));
  });
}
