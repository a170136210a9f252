/**
 * Removes what was found to be of no use, in two steps: it is put aside under `trash/`, then, when every runner has
 * had time to show what it reads, marked again, and put back or deleted. A runner that looks for a blob in between
 * finds it in the trash (`recoverBlob`).
 */
import fs from 'node:fs';
import path from 'node:path';
import type { ResultRecord } from '../../../schemas/protocol.js';
import type { Context } from '../context.js';
import { blobPath, isDigest, names, recordFolder } from '../layout.js';
import { errorCode } from '../problem.js';
import { pinName, pinnedIn } from '../pins.js';
import { chosenRecord } from '../records.js';
import { toKey } from '../key.js';
import type { Records, Runs } from '../types.js';
import { listRecords } from './inventory.js';
import { cutoffOf, frozenRecords, liveRuns, oldestRunner } from './live.js';
import { createMarker } from './marks.js';
import type { Amount, Collection, Swept } from './types.js';

export interface Sweeper {
  readonly context: Context;
  readonly records: Pick<Records, 'read'>;
  readonly runs: Runs;
}

export async function sweep(
  sweeper: Sweeper,
  collection: Collection,
  pause: () => Promise<void>,
): Promise<Swept> {
  const { context } = sweeper;
  const trash = path.join(context.root, 'trash', context.runner);
  // Records first: whoever is served one has all its blobs.
  for (const { key } of collection.evictions)
    moveFolder(context, recordFolder(context.root, key), trash, key);
  for (const { key, digest } of collection.alternates)
    move(
      context,
      path.join(recordFolder(context.root, key), `${digest}.json`),
      path.join(trash, 'alternates', `${key}-${digest}.json`),
    );
  for (const { digest } of collection.blobs)
    move(context, blobPath(context.root, digest), path.join(trash, 'cas', digest));
  await pause();
  // Since it was weighed a run may have begun, and freshened some of it.
  const cutoff = cutoffOf(context, collection.minAge);
  const restored = putBack(sweeper, trash, cutoff);
  const removed = emptyTrash(context, trash);
  // A run that began meanwhile may go on from one of them.
  if (oldestRunner(context.root, context.runner) === undefined)
    for (const checkpoint of collection.checkpoints.superseded) context.disk.remove(checkpoint.path);
  for (const leftover of collection.leftovers) {
    if (leftover.path.startsWith(path.join(context.root, 'trash'))) putBack(sweeper, leftover.path, cutoff);
    context.disk.remove(leftover.path);
  }
  return { removed, restored };
}

/** Moves what is there; somebody may have been faster. */
function move(context: Context, from: string, to: string): boolean {
  context.disk.folder(path.dirname(to));
  try {
    context.disk.rename(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

const moveFolder = (context: Context, from: string, trash: string, key: string): boolean =>
  move(context, from, path.join(trash, 'records', key));

/** Puts back records that live runs have frozen or somebody has pinned, the blobs that any kept record needs by now, and what is young. */
function putBack(sweeper: Sweeper, trash: string, cutoff: number): Amount {
  const { context } = sweeper;
  const frozen = frozenRecords(liveRuns(context.root, sweeper.runs));
  for (const key of names(path.join(trash, 'records')).flatMap((name) => toKey(name) ?? [])) {
    const folder = path.join(trash, 'records', key);
    const files = names(folder);
    const isFrozen = files.some((file) => frozen.has(`${key}/${file.replace(/\.json$/, '')}`));
    if (isFrozen || pinnedIn(files).length > 0)
      restoreFolder(context, folder, recordFolder(context.root, key));
  }
  for (const name of names(path.join(trash, 'alternates'))) {
    const [key = '', file = ''] = name.split('-');
    if (!isDigest(key)) continue;
    const folder = recordFolder(context.root, key);
    if (fs.existsSync(path.join(folder, pinName(file.replace(/\.json$/, '')))))
      move(context, path.join(trash, 'alternates', name), path.join(folder, file));
  }
  const marker = createMarker(context);
  const restored = { count: 0, bytes: 0 };
  const restore = (digest: string): void => {
    const bytes = restoreBlob(context, trash, digest);
    if (bytes === undefined) return;
    restored.count += 1;
    restored.bytes += bytes;
  };
  for (const record of keptRecords(sweeper, frozen)) {
    // A folder's listing may lie in the trash itself: it comes back before what it lists is asked for.
    for (const { digest } of record.artifacts) restore(digest);
    for (const digest of marker.blobsOf(record)) restore(digest);
  }
  for (const digest of names(path.join(trash, 'cas')))
    if (modified(path.join(trash, 'cas', digest)) >= cutoff) restore(digest);
  return restored;
}

/** Records that are chosen or pinned by now, or frozen by a live run. */
function* keptRecords(
  { context: { root }, records }: Sweeper,
  frozen: ReadonlySet<string>,
): Generator<ResultRecord> {
  for (const { key, digests, pinned } of listRecords(root)) {
    const chosen = chosenRecord(root, key)?.digest;
    for (const digest of digests) {
      if (digest !== chosen && !pinned.includes(digest) && !frozen.has(`${key}/${digest}`)) continue;
      const record = records.read(key, digest)?.record;
      if (record) yield record;
    }
  }
}

/** Bytes of the blob that was put back, or undefined where it isn't in the trash. */
function restoreBlob(context: Context, trash: string, digest: string): number | undefined {
  const file = path.join(trash, 'cas', digest);
  const bytes = fs.statSync(file, { throwIfNoEntry: false })?.size;
  return bytes !== undefined && move(context, file, blobPath(context.root, digest)) ? bytes : undefined;
}

/** Into the folder that stands, which may have been begun again. */
function restoreFolder(context: Context, from: string, to: string): void {
  for (const name of names(from))
    if (!fs.existsSync(path.join(to, name))) move(context, path.join(from, name), path.join(to, name));
}

function emptyTrash(context: Context, trash: string): Amount {
  const blobs = names(path.join(trash, 'cas')).map((digest) => sizeOf(path.join(trash, 'cas', digest)));
  context.disk.remove(trash);
  return { count: blobs.length, bytes: blobs.reduce((sum, bytes) => sum + bytes, 0) };
}

const modified = (file: string): number => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
const sizeOf = (file: string): number => fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
