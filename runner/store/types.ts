/** What the rest of the runner sees of the store. Metadata is read at once; what may move or hash bytes is awaited. */
import type { ArtifactType } from '../../schemas/artifact.js';
import type { JsonObject } from '../../schemas/json.js';
import type { ArtifactRef, Failure, ResultRecord } from '../../schemas/protocol.js';
import type { Result } from '../../schemas/result.js';
import type { Upkeep } from './keep/types.js';
import type { StoreProblem } from './store-problem.js';
import type { BlobHash, CellId, Key } from '../pipeline.js';

export type { StoreProblem };

export interface Store {
  /** Absolute path of the `.moft` folder. */
  readonly root: string;
  /** This process, as leases name it. */
  readonly runner: string;
  readonly cas: Cas;
  readonly records: Records;
  readonly leases: Leases;
  readonly attempts: Attempts;
  readonly runs: Runs;
  /** Opens the journal of a run for appending, cutting a torn tail. One writer a run. */
  journal(run: string): Result<JournalWriter, StoreProblem>;
  readJournal(run: string): Result<JournalContent, StoreProblem>;
  /** Reads a journal while it is written. */
  followJournal(run: string): JournalFollower;
  /**
   * Takes the lease of a key and looks for a chosen record again: `hit` where one stands by now, `lease` where the
   * caller is to run the cell (and to release the lease), `held` where another runner is at it (come back later).
   */
  claim(key: Key): Promise<Result<Claim, StoreProblem>>;
  /** What looks after the store as a whole: `doctor` and `gc`. Loaded when it is asked for. */
  upkeep(): Promise<Upkeep>;
  /** Makes all that was written so far survive a loss of power; the first failure since opening is returned. */
  flush(): Promise<Result<void, StoreProblem>>;
  /** Flushes, stops the heartbeat, removes temporary files. */
  close(): Promise<Result<void, StoreProblem>>;
}

/** Another runner, by its id in the store; host and pid where it has said who it is. */
export interface LeaseHolder {
  readonly runner: string;
  readonly host?: string;
  readonly pid?: number;
}

export type Claim =
  | { readonly kind: 'hit'; readonly record: StoredRecord }
  | { readonly kind: 'lease'; readonly lease: Lease }
  | { readonly kind: 'held'; readonly holder: LeaseHolder };

/** Digest and size of what was put. `bytes` of a tree is the sum of its files. */
export interface Put {
  readonly digest: BlobHash;
  readonly bytes: number;
}

/**
 * Content by SHA-256. A file is a blob of its bytes; a directory is a blob that lists it. `put` in a
 * store opened for reading only hashes.
 */
export interface Cas {
  putBytes(bytes: Uint8Array | string): Result<Put, StoreProblem>;
  /** Copies a file, hashing the bytes written; one that changes while it is copied is read again, three times. */
  putFile(path: string): Promise<Result<Put, StoreProblem>>;
  /**
   * Takes in bytes from elsewhere, only if they are those of the digest.
   *
   * @param size the number of bytes: exactly so many, or at most
   */
  receive(
    digest: string,
    source: AsyncIterable<Uint8Array>,
    size: { readonly bytes: number; readonly exact: boolean },
  ): Promise<Result<Put, StoreProblem>>;
  /** Copies a directory. Refused: links that leave it, fifos, sockets, devices, bad or clashing names, over 100,000 entries. */
  putTree(path: string): Promise<Result<Put, StoreProblem>>;
  /** `putFile` or `putTree` as the artifact's type asks. */
  put(type: ArtifactType, path: string): Promise<Result<Put, StoreProblem>>;
  /** The digest that `put` would give, of what is read where it lies: nothing is copied. */
  hash(type: ArtifactType, path: string): Promise<Result<Put, StoreProblem>>;
  /** Whether the artifact is whole: every blob there, of the right size, verified since it last changed. */
  has(type: ArtifactType, digest: string): Promise<boolean>;
  /** Whether a blob is there, which then counts as new: no collection takes it from whoever is about to name it. */
  reuse(digest: string): Promise<boolean>;
  /** The artifact as job.json and `show` name it; a missing or corrupt listing is a problem. */
  artifactRef(type: ArtifactType, digest: string): Result<ArtifactRef, StoreProblem>;
  /** Hashes every blob of the artifact again, whatever is believed of it; a bad one is quarantined. */
  verify(type: ArtifactType, digest: string): Promise<Result<void, StoreProblem>>;
  /** Bytes of a (small) blob, checked against its digest. */
  read(digest: string): Result<Buffer, StoreProblem>;
  /** Writes a directory artifact into a fresh folder and swaps it in; a file artifact as that file. Copies, never links. */
  restore(type: ArtifactType, digest: string, destination: string): Promise<Result<void, StoreProblem>>;
}

export interface StoredRecord {
  readonly key: Key;
  /** SHA-256 of the record's canonical JSON; what `runs/<run>.json` freezes. */
  readonly digest: string;
  readonly record: ResultRecord;
  /** The shared cache that it would be fetched from: it isn't here yet. */
  readonly from?: string;
}

/** Why nothing is served under a key. `incomplete`: a record was chosen, and something of it is missing or corrupt. */
export type Chosen =
  | { readonly kind: 'chosen'; readonly record: StoredRecord }
  | { readonly kind: 'none' }
  | { readonly kind: 'incomplete'; readonly record?: StoredRecord; readonly missing: string };

export interface Records {
  /**
   * Files a result and returns the record that stands for the key: the whole one that was chosen before, beside which
   * this one is an alternate, or else this one. All blobs are checked before and after. Whether the lease was lost
   * meanwhile makes no difference: who finishes second takes the chosen one.
   */
  publish(record: ResultRecord): Promise<Result<StoredRecord, StoreProblem>>;
  /** The chosen record, only if it is whole and all its blobs are there. */
  chosen(key: Key): Promise<Chosen>;
  /** Every readable record under a key, by digest. */
  all(key: Key): readonly StoredRecord[];
  /** A record of any standing, or undefined. */
  read(key: Key, digest: string): StoredRecord | undefined;
  /** Chooses a result and keeps it from being collected; all its artifacts must be there. */
  pin(record: StoredRecord): Promise<Result<void, StoreProblem>>;
  /** It stays chosen, and may be collected again. */
  unpin(record: StoredRecord): Result<void, StoreProblem>;
  /** Digests of the pinned records under a key. */
  pinned(key: Key): readonly string[];
  /** Keys that have a folder, by code unit. */
  keys(): readonly Key[];
}

export interface Lease {
  readonly key: Key;
  readonly epoch: number;
  /** The runner that held it and died: what it left running is to be ended first. */
  readonly takenFrom?: string;
  release(): void;
}

export type Acquired =
  { readonly kind: 'lease'; readonly lease: Lease } | { readonly kind: 'held'; readonly holder: LeaseHolder };

export interface Leases {
  /** Never waits. A waiter calls again later: it is the observing that declares a silent holder dead. */
  acquire(key: Key): Result<Acquired, StoreProblem>;
  /** Who has the lease of a key now, by what is written; undefined where nobody does. */
  standing(key: Key): { readonly epoch: number; readonly runner: string } | undefined;
}

/** A folder for one try at running a cell. All paths are absolute. */
export interface Attempt {
  readonly folder: string;
  /** Not there until somebody makes it. */
  readonly scratch: string;
  /** Output NAME is written at `outputs/NAME`. */
  readonly outputs: string;
  readonly job: string;
  readonly events: string;
  readonly exit: string;
  readonly log: string;
  readonly nonce: string;
  /** 1 for the first try in this run. */
  readonly number: number;
}

export interface Attempts {
  create(run: string, cell: CellId): Result<Attempt, StoreProblem>;
  /** Writes a file of an attempt: whoever is to read it is told afterwards. */
  write(path: string, content: string): Result<void, StoreProblem>;
  /** The attempts of a cell in a run, first to last. */
  list(run: string, cell: CellId): readonly Attempt[];
  /** Removes scratch and outputs, keeps job, events, exit and log. */
  clean(attempt: Attempt): Result<void, StoreProblem>;
}

export interface RunCell {
  readonly key: Key;
  /** Digest of the record that the run reads, frozen. */
  readonly record: string;
  readonly how: 'hit' | 'ran';
  /** It was run again although a result stood, which stands still: whether the bytes were the same. */
  readonly forced?: 'same' | 'different' | 'tainted';
}

/** A try that left no record. It explains, and decides no hit. */
export interface RunTry {
  readonly key: Key;
  /**
   * `started`: it began, and the runner was killed or runs still. `stopped`: by Ctrl-C, or after another cell failed.
   * `tainted`, `uncacheable`: it was used in this run and not kept.
   */
  readonly how: 'started' | 'stopped' | 'failed' | 'tainted' | 'uncacheable';
  readonly failure?: Failure;
  /** Checkpoints that it kept on its way, by the name of their family; absent where its kind keeps none. */
  readonly family?: string;
}

/** runs/<run>.json: binds the names of a run to keys and records. */
export interface RunManifest {
  readonly v: 1;
  readonly run: string;
  readonly pipeline: string;
  /** Absolute path of the YAML file. */
  readonly file: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly finished?: string;
  readonly status: 'running' | 'done' | 'failed' | 'interrupted';
  readonly cells: Readonly<Record<string, RunCell>>;
  /** By cell id, cells that were begun and left no record. Absent in manifests of older versions. */
  readonly tries?: Readonly<Record<string, RunTry>>;
  /** Whatever else the run wants to keep (params, totals). */
  readonly extra?: JsonObject;
}

/**
 * What may stand beside `runs/<run>.json`. `outlook`: what the run has before it. `cancel`: how it is to stop. `diff`:
 * what its working tree had that its commit hadn't.
 */
export type BesideRun = 'outlook' | 'cancel' | 'diff';

export interface Runs {
  write(manifest: RunManifest): Result<void, StoreProblem>;
  read(run: string): RunManifest | undefined;
  /** Keeps a text beside the manifest. */
  keepBeside(run: string, what: BesideRun, text: string): Result<void, StoreProblem>;
  readBeside(run: string, what: BesideRun): string | undefined;
  /** Where it stands, if it does. */
  pathBeside(run: string, what: BesideRun): string | undefined;
  /** Run ids, newest first: ids of `newRunId` sort by their start, whatever the clock does. */
  list(): readonly string[];
}

export interface JournalWriter {
  /** Appends one line; `seq` (from 1) and a checksum are added. Returns the seq. */
  append(event: JsonObject): Result<number, StoreProblem>;
  close(): void;
}

export interface JournalFollower {
  /** The whole lines that were added since the last call. */
  read(): Result<JournalContent['events'], StoreProblem>;
}

export interface JournalContent {
  readonly events: readonly (JsonObject & { readonly seq: number })[];
  /** Lines that failed their checksum (a torn tail, mostly). */
  readonly torn: number;
}
