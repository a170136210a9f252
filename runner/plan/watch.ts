/** What cells read where it lies: whether it is still what it was when their keys were made. */
import fs from 'node:fs';
import path from 'node:path';
import { byCodeUnit, sha256 } from '../../schemas/json.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { Store, StoreProblem } from '../store/index.js';
import type { Watched } from './types.js';

const statText = (stat: fs.BigIntStats): string =>
  [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs, stat.mode].join(':');

function identityBelow(folder: string): string {
  const entries = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort(byCodeUnit);
  const lines = ['', ...entries].map((name) => {
    const stat = fs.lstatSync(path.join(folder, name), { bigint: true, throwIfNoEntry: false });
    return `${name}\0${stat ? statText(stat) : 'gone'}`;
  });
  return sha256(lines.join('\n'));
}

/** What the system tells of a file, or of a folder and all below it. */
export function identityOfPath(type: Watched['type'], file: string): string {
  try {
    return type === 'directory' ? identityBelow(file) : statText(fs.statSync(file, { bigint: true }));
  } catch {
    return 'gone';
  }
}

/** Hashes a file or folder where it lies. An edit while it is hashed shows as another identity later. */
export async function watch(
  store: Store,
  type: Watched['type'],
  file: string,
): Promise<Result<Watched, StoreProblem>> {
  const identity = identityOfPath(type, file);
  const hashed = await store.cas.hash(type, file);
  return hashed.ok ? ok({ type, path: file, identity, digest: hashed.value.digest }) : err(hashed.error);
}

/**
 * Paths of those that changed. A change within one tick of the file system's clock leaves no trace in times, so what
 * was young when it was hashed is hashed again.
 */
export async function changedSince(store: Store, watched: readonly Watched[]): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const { type, path: file, identity, digest } of watched) {
    const same = identityOfPath(type, file) === identity;
    const again = same ? await store.cas.hash(type, file) : undefined;
    if (!again?.ok || again.value.digest !== digest) changed.push(file);
  }
  return changed;
}

/** Paths of those with another content than was copied; what was only touched, or is gone, is none of them. */
export async function editedSince(store: Store, copied: readonly Watched[]): Promise<readonly string[]> {
  const edited: string[] = [];
  for (const { type, path: file, identity, digest } of copied) {
    if (identityOfPath(type, file) === identity) continue;
    const now = await store.cas.hash(type, file);
    if (now.ok && now.value.digest !== digest) edited.push(file);
  }
  return edited;
}
