/** What lies in the store, read without believing any of it. */
import fs from 'node:fs';
import path from 'node:path';
import type { Key } from '../../pipeline.js';
import { toKey } from '../key.js';
import { pinnedIn } from '../pins.js';
import { isDigest, names } from '../layout.js';

export interface BlobFile {
  readonly digest: string;
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds, by the file system's clock. */
  readonly modified: number;
}

/** Every blob of `cas/`, and what has no business to be there. */
export function listBlobs(root: string): { readonly blobs: readonly BlobFile[]; readonly strange: string[] } {
  const blobs: BlobFile[] = [];
  const strange: string[] = [];
  for (const prefix of names(path.join(root, 'cas'))) {
    const folder = path.join(root, 'cas', prefix);
    for (const name of names(folder)) {
      const file = path.join(folder, name);
      const stat = fs.lstatSync(file, { throwIfNoEntry: false });
      if (!stat) continue;
      if (stat.isFile() && isDigest(name) && name.startsWith(prefix))
        blobs.push({ digest: name, path: file, bytes: stat.size, modified: stat.mtimeMs });
      else strange.push(file);
    }
  }
  return { blobs, strange };
}

export interface RecordFolder {
  readonly key: Key;
  readonly path: string;
  /** Digests that files are named by. */
  readonly digests: readonly string[];
  /** Digests that must not be collected. */
  readonly pinned: readonly string[];
}

export function listRecords(root: string): readonly RecordFolder[] {
  const records = path.join(root, 'records');
  return names(records).flatMap((name) => {
    const key = toKey(name);
    if (key === undefined) return [];
    const folder = path.join(records, name);
    const all = names(folder);
    const digests = all.flatMap((file) => named(file, /^([0-9a-f]{64})\.json$/));
    return [{ key, path: folder, digests, pinned: pinnedIn(all) }];
  });
}

const named = (file: string, pattern: RegExp): readonly string[] => pattern.exec(file)?.slice(1, 2) ?? [];

/** Files and bytes below a folder, links not followed. */
export function weigh(folder: string): { readonly files: number; readonly bytes: number } {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return { files: stat ? 1 : 0, bytes: stat?.size ?? 0 };
  return names(folder)
    .map((name) => weigh(path.join(folder, name)))
    .reduce((sum, part) => ({ files: sum.files + part.files, bytes: sum.bytes + part.bytes }), {
      files: 0,
      bytes: 0,
    });
}
