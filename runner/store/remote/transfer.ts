/** Results between a store and a shared cache: blobs first, the record last, each checked where it comes in. */
import type { KeyObject } from 'node:crypto';
import fs from 'node:fs';
import type { ResultRecord } from '../../../schemas/protocol.js';
import { canonicalJson, sha256 } from '../../../schemas/json.js';
import { err, ok, type Result } from '../../../schemas/result.js';
import type { Key } from '../../pipeline.js';
import { blobPath, isDigest } from '../layout.js';
import { guard, StoreError } from '../problem.js';
import { parseListing } from '../trees.js';
import type { Store, StoredRecord, StoreProblem } from '../types.js';
import { seal, unseal } from './envelope.js';
import { asProblem } from './http.js';
import { listingLimit, type Remote, type RemoteProblem } from './types.js';

interface Wanted {
  readonly digest: string;
  /** Exact where the record or a listing says it; else a limit. */
  readonly bytes: number;
  readonly exact: boolean;
}

export interface Amounts {
  readonly blobs: number;
  readonly bytes: number;
}

const local = ({ message, hint }: StoreProblem): RemoteProblem => ({
  code: 'local',
  message,
  ...(hint === undefined ? {} : { hint }),
});

/** What this disk refuses is no miss: it would refuse what is computed instead, too. */
function asMiss(problem: StoreProblem): RemoteProblem {
  if (problem.class === 'environment') throw new StoreError(problem);
  return local(problem);
}

interface Sought {
  readonly key: Key;
  /** Public keys whose signature is believed. */
  readonly trusted: readonly string[];
  /** Ends a download. */
  readonly signal?: AbortSignal | undefined;
}

/** The record that the cache has under a key, once its signature holds. */
async function signedRecord(remote: Remote, { key, trusted }: Sought) {
  const content = await remote.record(key);
  if (!content.ok) return content;
  return content.value === undefined ? ok(undefined) : unseal(content.value, key, trusted);
}

/**
 * Fetches the result of a key, if the cache has it whole and a trusted one signed it; undefined where it has none.
 *
 * @throws StoreError where this disk can't take it
 */
export async function pull(
  store: Store,
  remote: Remote,
  sought: Sought,
): Promise<Result<StoredRecord | undefined, RemoteProblem>> {
  const record = await signedRecord(remote, sought);
  if (!record.ok) return record;
  if (record.value === undefined) return ok(undefined);
  const fetched = await fetchArtifacts({ store, remote, signal: sought.signal }, record.value);
  if (!fetched.ok) return fetched;
  const published = await store.records.publish(record.value);
  return published.ok ? published : err(asMiss(published.error));
}

/** The result that `pull` would fetch, as far as the record and the heads of its artifacts tell; nothing is fetched. */
export async function glimpse(
  _: Store,
  remote: Remote,
  sought: Sought,
): Promise<Result<StoredRecord | undefined, RemoteProblem>> {
  const record = await signedRecord(remote, sought);
  if (!record.ok) return record;
  if (record.value === undefined) return ok(undefined);
  for (const { digest } of record.value.artifacts) {
    const there = await remote.has(digest);
    if (!there.ok) return there;
    if (!there.value) return err(incomplete(remote, digest));
  }
  const digest = sha256(canonicalJson(record.value));
  return ok({ key: sought.key, digest, record: record.value, from: remote.name });
}

const incomplete = ({ name }: Remote, digest: string): RemoteProblem => ({
  code: 'incomplete',
  message: `the shared cache ${name} has a result without all of its blobs (${digest} is missing): it counts as none until who has it pushes it again`,
});

interface Fetching {
  readonly store: Store;
  readonly remote: Remote;
  readonly signal: AbortSignal | undefined;
}

async function fetchArtifacts(
  fetching: Fetching,
  record: ResultRecord,
): Promise<Result<void, RemoteProblem>> {
  for (const { type, digest, bytes } of record.artifacts) {
    const isFile = type === 'file';
    const root = await fetchBlob(fetching, {
      digest,
      bytes: isFile ? bytes : listingLimit,
      exact: isFile,
    });
    if (!root.ok) return root;
    if (isFile) continue;
    const files = await fetchFiles(fetching, digest);
    if (!files.ok) return files;
  }
  return ok(undefined);
}

async function fetchFiles(fetching: Fetching, digest: string): Promise<Result<void, RemoteProblem>> {
  const listing = fetching.store.cas.read(digest);
  if (!listing.ok) return err(asMiss(listing.error));
  const parsed = guard(() => parseListing(listing.value.toString('utf8')));
  if (!parsed.ok) return err({ code: 'damaged', message: parsed.error.message });
  for (const entry of parsed.value.entries) {
    if (entry.type !== 'file') continue;
    const file = await fetchBlob(fetching, { digest: entry.digest, bytes: entry.size, exact: true });
    if (!file.ok) return file;
  }
  return ok(undefined);
}

async function fetchBlob(
  { store, remote, signal }: Fetching,
  wanted: Wanted,
): Promise<Result<void, RemoteProblem>> {
  if (await store.cas.reuse(wanted.digest)) return ok(undefined);
  const body = await remote.blob(wanted.digest, signal);
  if (!body.ok) return body;
  if (body.value === undefined) return err(incomplete(remote, wanted.digest));
  try {
    const received = await store.cas.receive(wanted.digest, body.value, wanted);
    return received.ok ? ok(undefined) : err(asRemote(received.error));
  } catch (error) {
    return err(asProblem(error, remote.name));
  }
}

/** Wrong bytes are the cache's fault, what the disk does is ours. */
const asRemote = (problem: StoreProblem): RemoteProblem =>
  problem.class === 'user' ? { code: 'damaged', message: problem.message } : asMiss(problem);

/** Puts a result into the cache: what it lacks of the blobs, then the signed record. */
export async function push(
  store: Store,
  remote: Remote,
  { stored, signing }: { readonly stored: StoredRecord; readonly signing: KeyObject },
): Promise<Result<Amounts, RemoteProblem>> {
  let blobs = 0;
  let bytes = 0;
  // A damaged blob under its name would be in everybody's way: nobody could put the right one there.
  for (const { name, type, digest } of stored.record.artifacts)
    if (!(await store.cas.has(type, digest))) return err(lostHere(stored, name));
  const digests = blobsOf(store, stored.record);
  if (!digests.ok) return err(local(digests.error));
  for (const digest of digests.value) {
    const there = await remote.has(digest);
    if (!there.ok) return there;
    if (there.value) continue;
    const file = blobPath(store.root, digest);
    const { size } = fs.statSync(file);
    const put = await remote.putBlob(digest, file, size);
    if (!put.ok) return put;
    blobs += 1;
    bytes += size;
  }
  const put = await remote.putRecord(stored.key, seal(stored.record, signing));
  return put.ok ? ok({ blobs, bytes }) : put;
}

const lostHere = ({ key }: StoredRecord, name: string): RemoteProblem => ({
  code: 'local',
  message: `the store has lost the artifact ${name} of ${key}, or it is corrupt; it was not pushed`,
  hint: 'run its cell again, then push',
});

/** All blobs of a result, each once, and the listing of its code, for whoever wants to explain it elsewhere. */
function blobsOf(store: Store, record: ResultRecord): Result<readonly string[], StoreProblem> {
  return guard(() => {
    const digests = new Set<string>();
    for (const { type, digest } of record.artifacts) {
      digests.add(digest);
      if (type === 'file') continue;
      const listing = store.cas.read(digest);
      if (!listing.ok) throw new Error(listing.error.message);
      for (const entry of parseListing(listing.value.toString('utf8')).entries)
        if (entry.type === 'file') digests.add(entry.digest);
    }
    const { code } = record.preimage;
    if (isDigest(code) && fs.existsSync(blobPath(store.root, code))) digests.add(code);
    return [...digests];
  });
}
