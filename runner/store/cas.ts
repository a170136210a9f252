/** Content-addressed storage: the public face of blobs and trees. */
import { artifactTypes, type ArtifactType } from '../../schemas/artifact.js';
import { blobIsWhole, freshen, missing, putBytes, putFile, readBlob, receiveBlob } from './blobs.js';
import type { Context } from './context.js';
import { blobPath, isDigest } from './layout.js';
import { guard, guardAsync } from './problem.js';
import {
  createListings,
  putTree,
  restoreFile,
  restoreTree,
  treeFiles,
  type Listing,
  type Listings,
} from './trees.js';
import type { Cas } from './types.js';

const isFile = (type: ArtifactType): boolean => type === 'file';

/** What a cell's artifact must be, for something that came from a file. */
export const isArtifactType = (text: unknown): text is ArtifactType =>
  artifactTypes.some((type) => type === text);

/**
 * The digest of the first blob that an artifact lacks, or undefined where it is whole.
 *
 * @param again hashes everything, whatever is believed of it
 */
async function lacking(
  context: Context,
  listings: Listings,
  artifact: { readonly type: ArtifactType; readonly digest: string },
  again = false,
): Promise<string | undefined> {
  const { type, digest } = artifact;
  if (isFile(type)) return (await blobIsWhole(context, digest, undefined, again)) ? undefined : digest;
  const listing = await wholeListing(context, listings, digest, again);
  for (const entry of listing?.entries ?? []) {
    if (entry.type !== 'file') continue;
    if (!(await blobIsWhole(context, entry.digest, entry.size, again))) return entry.digest;
  }
  return listing === undefined ? digest : undefined;
}

/** A listing whose bytes are on the disk as they should be: to read them for the first time is to check them. */
async function wholeListing(
  context: Context,
  listings: Listings,
  digest: string,
  again: boolean,
): Promise<Listing | undefined> {
  if (!again && !listings.has(digest)) {
    const read = guard(() => listings.of(digest));
    if (read.ok) return read.value;
  }
  if (!(await blobIsWhole(context, digest, undefined, again))) return undefined;
  const read = guard(() => listings.of(digest));
  return read.ok ? read.value : undefined;
}

export function createCas(context: Context): Cas {
  const listings = createListings(context);
  const writes = context.access === 'write';
  const put: Cas['put'] = (type, path) =>
    guardAsync(() =>
      isFile(type) ? putFile(context, path) : putTree(context, path, writes ? listings.know : undefined),
    );
  const hashing: Context = { ...context, access: 'read' };
  return {
    hash: (type, path) => guardAsync(() => (isFile(type) ? putFile(hashing, path) : putTree(hashing, path))),
    putBytes: (bytes) => guard(() => putBytes(context, bytes)),
    putFile: (path) => put('file', path),
    receive: (digest, source, size) => guardAsync(() => receiveBlob(context, digest, { source, ...size })),
    putTree: (path) => put('directory', path),
    put,
    has: async (type, digest) =>
      isDigest(digest) && (await lacking(context, listings, { type, digest })) === undefined,
    reuse: async (digest) => {
      if (!isDigest(digest) || !(await blobIsWhole(context, digest, undefined))) return false;
      freshen(context, digest);
      return true;
    },
    artifactRef: (type, digest) =>
      guard(() => {
        const path = blobPath(context.root, digest);
        return isFile(type)
          ? { type, digest, path }
          : { type, digest, path, files: treeFiles(context.root, listings.of(digest)) };
      }),
    verify: (type, digest) =>
      guardAsync(async () => {
        const lost = await lacking(context, listings, { type, digest }, true);
        if (lost !== undefined) missing(lost);
      }),
    read: (digest) => guard(() => readBlob(context, digest)),
    restore: (type, digest, destination) =>
      guardAsync(async () => {
        const lost = await lacking(context, listings, { type, digest });
        if (lost !== undefined) missing(lost);
        if (isFile(type)) await restoreFile(context, digest, destination);
        else await restoreTree(context, listings.of(digest), destination);
      }),
  };
}
