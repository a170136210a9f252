/** Puts inputs where a command finds them: copies, so that it may do with them what it likes. */
import { constants, existsSync, linkSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactRef, GatheredArtifact } from '../../../../schemas/protocol.js';
import { makeFolder } from '../../../store/disk.js';
import { parseListing } from '../../../store/trees.js';

export interface Laying {
  /** Hard links to the store's files instead of copies. */
  readonly link: boolean;
  /** Told of each file of the store that was linked. */
  readonly onLink: (blob: string) => void;
}

interface Blob {
  readonly path: string;
  readonly executable: boolean;
}

/** A hard link where that is wanted and can be; else shared blocks where the disk can; else a copy. */
async function layFile({ path, executable }: Blob, destination: string, laying: Laying): Promise<void> {
  if (laying.link && !executable && linked(path, destination)) {
    laying.onLink(path);
    return;
  }
  await copyFile(path, destination, constants.COPYFILE_FICLONE);
  chmodSync(destination, executable ? 0o755 : 0o644);
}

/** Another disk, or too many links to one file: copied then. */
function linked(path: string, destination: string): boolean {
  try {
    linkSync(path, destination);
    return true;
  } catch (error) {
    if (['EXDEV', 'EMLINK', 'EPERM', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return false;
    throw error;
  }
}

/** A folder's listing is a blob beside those of its files; links come last, and none is followed. */
async function layFolder(listing: string, destination: string, laying: Laying): Promise<void> {
  const { entries } = parseListing(await readFile(listing, 'utf8'));
  const blob = (digest: string): string => join(dirname(dirname(listing)), digest.slice(0, 2), digest);
  makeFolder(destination);
  for (const entry of entries) {
    const path = join(destination, entry.path);
    if (entry.type === 'folder') makeFolder(path);
    if (entry.type === 'file')
      await layFile({ path: blob(entry.digest), executable: entry.executable }, path, laying);
  }
  for (const entry of entries)
    if (entry.type === 'link' && !existsSync(join(destination, entry.path)))
      symlinkSync(entry.target, join(destination, entry.path));
}

export async function layArtifact(artifact: ArtifactRef, destination: string, laying: Laying): Promise<void> {
  makeFolder(dirname(destination));
  const { type, path, executable } = artifact;
  if (type === 'file') await layFile({ path, executable: executable === true }, destination, laying);
  else await layFolder(path, destination, laying);
}

/** A gathered input: its items in a folder, and `items.json`, which says what they are. */
export async function layGathered(
  items: readonly GatheredArtifact[],
  destination: string,
  laying: Laying,
): Promise<void> {
  makeFolder(destination);
  const told = [];
  for (const [index, { stage, coordinates, artifact }] of items.entries()) {
    await layArtifact(artifact, join(destination, String(index)), laying);
    told.push({ stage, coordinates, type: artifact.type, path: String(index) });
  }
  writeFileSync(join(destination, 'items.json'), `${JSON.stringify(told, undefined, 1)}\n`);
}
