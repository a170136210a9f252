/**
 * What can go: blobs that no kept result needs, results that are not the chosen ones, and, to get below a limit,
 * chosen results in the order of the seconds that they save a byte.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { ResultRecord } from '../../../schemas/protocol.js';
import type { Context } from '../context.js';
import { isDigest } from '../layout.js';
import { chosenRecord } from '../records.js';
import type { Records, Runs, StoredRecord } from '../types.js';
import { weighCheckpoints } from './checkpoints.js';
import { listBlobs, listRecords, type BlobFile } from './inventory.js';
import { findLeftovers, isLeased } from './leftovers.js';
import { cutoffOf, frozenRecords, liveRuns } from './live.js';
import { createMarker, type Marker } from './marks.js';
import type { Amount, CheckpointFamily, Collection, CollectionGoal, Eviction } from './types.js';

export interface Survey {
  readonly context: Context;
  readonly records: Pick<Records, 'read'>;
  readonly runs: Runs;
}

interface Candidate extends StoredRecord {
  readonly chosen: boolean;
  /** Pinned, frozen by a live run, being recomputed, or too young; a chosen one also where another of its key is. */
  readonly held: boolean;
}

export function weighCollection(survey: Survey, goal: CollectionGoal): Collection {
  const { context, runs } = survey;
  const cutoff = cutoffOf(context, goal.minAge);
  const frozen = frozenRecords(liveRuns(context.root, runs));
  const candidates = listCandidates(survey, frozen, cutoff);
  const kept = candidates.filter(({ chosen, held }) => chosen || held);
  const use = new Usage(createMarker(context), listBlobs(context.root).blobs, cutoff);
  for (const { record } of kept) use.add(record);
  const evictions = goal.maxBytes === undefined ? [] : evict(kept, use, goal.maxBytes);
  const unused = use.unused();
  const after = sumOf(use.blobs, (blob) => !unused.goes.has(blob));
  const staying = new Set(use.blobs.flatMap((blob) => (unused.goes.has(blob) ? [] : [blob.digest])));
  return {
    minAge: goal.minAge,
    before: sumOf(use.blobs, () => true),
    after,
    blobs: [...unused.goes].map(({ digest, bytes }) => ({ digest, bytes })),
    alternates: candidates
      .filter(({ chosen, held }) => !chosen && !held)
      .map(({ key, digest }) => ({ key, digest })),
    evictions,
    secondsAtStake: evictions.reduce((sum, { record }) => sum + record.seconds, 0),
    spared: unused.spared,
    held:
      goal.maxBytes !== undefined && after.bytes > goal.maxBytes ? kept.filter(({ held }) => held).length : 0,
    checkpoints: weighCheckpoints(context, familiesOf(candidates, goal.familyOf), cutoff),
    leftovers: findLeftovers(context, runs, cutoff, staying),
  };
}

/** Those of chosen results. */
function familiesOf(
  candidates: readonly Candidate[],
  familyOf: CollectionGoal['familyOf'],
): readonly CheckpointFamily[] {
  return familyOf ? candidates.filter(({ chosen }) => chosen).map(({ record }) => familyOf(record)) : [];
}

function listCandidates(
  { context, records }: Survey,
  frozen: ReadonlySet<string>,
  cutoff: number,
): readonly Candidate[] {
  return listRecords(context.root).flatMap(({ key, path: folder, digests, pinned }) => {
    const chosen = chosenRecord(context.root, key)?.digest;
    const leased = isLeased(context, key);
    const held = digests.filter(
      (digest) =>
        leased ||
        pinned.includes(digest) ||
        frozen.has(`${key}/${digest}`) ||
        modified(folder, digest) >= cutoff,
    );
    return digests.flatMap((digest): Candidate[] => {
      const stored = records.read(key, digest);
      if (!stored) return [];
      // With a chosen result all others of its key go.
      if (digest === chosen) return [{ ...stored, chosen: true, held: held.length > 0 }];
      return [{ ...stored, chosen: false, held: held.includes(digest) }];
    });
  });
}

const modified = (folder: string, digest: string): number =>
  fs.statSync(path.join(folder, `${digest}.json`), { throwIfNoEntry: false })?.mtimeMs ?? Infinity;

/** How many kept results need each blob. */
class Usage {
  readonly #counts = new Map<string, number>();
  readonly #bySize: ReadonlyMap<string, BlobFile>;

  constructor(
    private readonly marker: Marker,
    readonly blobs: readonly BlobFile[],
    private readonly cutoff: number,
  ) {
    this.#bySize = new Map(blobs.map((blob) => [blob.digest, blob]));
  }

  add(record: ResultRecord): void {
    for (const digest of this.#needed(record)) this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
  }

  /** Forgets a result; the bytes that nothing else needs then, and that are old enough to go. */
  drop(record: ResultRecord): number {
    let freed = 0;
    for (const digest of this.#needed(record)) {
      const left = (this.#counts.get(digest) ?? 1) - 1;
      this.#counts.set(digest, left);
      const blob = this.#bySize.get(digest);
      if (left === 0 && blob && blob.modified < this.cutoff) freed += blob.bytes;
    }
    return freed;
  }

  /** Bytes that stay: what is needed, and what is too young. */
  remaining(): number {
    const { goes } = this.unused();
    return sumOf(this.blobs, (blob) => !goes.has(blob)).bytes;
  }

  unused(): { readonly goes: ReadonlySet<BlobFile>; readonly spared: Amount } {
    const unused = this.blobs.filter(({ digest }) => (this.#counts.get(digest) ?? 0) === 0);
    const goes = new Set(unused.filter(({ modified: time }) => time < this.cutoff));
    return { goes, spared: sumOf(unused, (blob) => !goes.has(blob)) };
  }

  #needed(record: ResultRecord): ReadonlySet<string> {
    return new Set(this.marker.blobsOf(record).filter(isDigest));
  }
}

/** Seconds that a result saves a byte; what is empty saves them for nothing. */
const worth = ({ record }: Candidate): number =>
  record.seconds /
  Math.max(
    1,
    record.artifacts.reduce((sum, { bytes }) => sum + bytes, 0),
  );

function evict(kept: readonly Candidate[], use: Usage, maxBytes: number): readonly Eviction[] {
  const order = kept
    .filter(({ held }) => !held)
    .sort((a, b) => worth(a) - worth(b) || Date.parse(a.record.finished) - Date.parse(b.record.finished));
  const evictions: Eviction[] = [];
  let bytes = use.remaining();
  for (const { key, digest, record } of order) {
    if (bytes <= maxBytes) break;
    const frees = use.drop(record);
    bytes -= frees;
    evictions.push({ key, digest, record, frees });
  }
  return evictions;
}

function sumOf(blobs: readonly BlobFile[], counts: (blob: BlobFile) => boolean): Amount {
  let count = 0;
  let bytes = 0;
  for (const blob of blobs) {
    if (!counts(blob)) continue;
    count += 1;
    bytes += blob.bytes;
  }
  return { count, bytes };
}
