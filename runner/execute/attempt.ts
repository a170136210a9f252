/** One try at a cell: lease, job.json, worker, checks, blobs, record. */
import type { JsonObject } from '../../schemas/json.js';
import type { Exit, Failure, RecordedArtifact, ResultRecord, StageEvent } from '../../schemas/protocol.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { Cell, Key } from '../pipeline.js';
import {
  changedSince,
  editedSince,
  type CheckpointFamily,
  type CodeDigest,
  type Preimage,
  type Watched,
} from '../plan/index.js';
import {
  toProblem,
  type Attempt,
  type Claim,
  type Lease,
  type LeaseHolder,
  type RunCell,
  type Store,
  type StoredRecord,
} from '../store/index.js';
import type { Clock } from './clock.js';
import { collectOutputs } from './collect.js';
import { tryName } from '../store/checkpoint-folders.js';
import { attemptCheckpoints, type AttemptCheckpoints } from './attempt-checkpoints.js';
import { jobText } from './job.js';
import { jobInputs, storedInputs } from './job-inputs.js';
import { endOrphans } from './orphans.js';
import { otherEnvironment } from './numeric-environment.js';
import { readExit } from './outputs.js';
import type { Work, WorkResult, Workers } from './pool.js';
import type { StopManner } from './actions.js';
import { Silence } from './silence.js';
import {
  compareArtifacts,
  editNote,
  forcedNotes,
  lostFailure,
  orphansNote,
  silentFailure,
  taintNote,
  unexplained,
  unlisted,
  unlistedCode,
  withPaths,
} from './attempt-words.js';
import { workspaceOf } from './workspace.js';

/** What every attempt of a run shares. */
export interface AttemptWorld {
  readonly store: Store;
  readonly workers: Workers;
  readonly clock: Clock;
  readonly run: string;
  /** Engine for kinds that need one; undefined: the best that starts. */
  readonly backend: string | undefined;
  /** Variables of a cell's worker. */
  readonly variables: (cell: Cell, gpus: readonly string[]) => Readonly<Record<string, string>>;
  /** Values under `with` that can't change a byte: in job.json, not in the key. */
  readonly inert: (cell: Cell) => JsonObject;
  /** Checkpoints that a cell shares with others; undefined where it shares none. */
  readonly checkpointFamily: (preimage: Preimage) => CheckpointFamily | undefined;
  /** Files of a cell's code that differ from what was frozen at the start. */
  readonly changedCode: (code: CodeDigest) => readonly string[];
}

export interface AttemptSubject {
  readonly cell: Cell;
  readonly key: Key;
  readonly preimage: Preimage;
  readonly code: CodeDigest;
  /** Ids of the graphics cards that are its own while it runs. */
  readonly gpus: readonly string[];
  /** The result that stands although the cell is to run again; the new one is filed beside it. */
  readonly standing?: StoredRecord;
  /** Why its result is not kept. */
  readonly uncacheable?: string;
  /** What it reads where it lies. */
  readonly watched?: readonly Watched[];
  /** Outside files of which it reads copies. */
  readonly copied?: readonly Watched[];
}

export interface AttemptListener {
  /** The lease is taken; the worker gets the job now. */
  readonly onStart: () => void;
  readonly onEvent: (event: StageEvent) => void;
  readonly onNote: (text: string) => void;
}

/** Range of the attempt's events, by seq. */
export interface EventRange {
  readonly attempt: string;
  readonly first: number;
  readonly last: number;
}

export type AttemptResult =
  | { readonly kind: 'held'; readonly holder: LeaseHolder }
  | { readonly kind: 'served'; readonly record: StoredRecord }
  | {
      readonly kind: 'done';
      /** Without a digest where it is used in this run and not kept: its code changed meanwhile, or it is uncacheable. */
      readonly record: StoredRecord;
      readonly forced?: NonNullable<RunCell['forced']>;
      readonly events?: EventRange;
    }
  /** Inputs, by digest, that are not in the store any more. */
  | { readonly kind: 'lost'; readonly digests: readonly string[]; readonly failure: Failure }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly events?: EventRange }
  | { readonly kind: 'interrupted' };

type Ended = { readonly exit: Exit; readonly environment: JsonObject; readonly seconds: number };
interface Recorded {
  readonly record: StoredRecord;
  readonly forced?: NonNullable<RunCell['forced']>;
}
type WorkEnd = Result<Ended, Failure> | 'interrupted';

export class CellAttempt {
  readonly #world: AttemptWorld;
  readonly #subject: AttemptSubject;
  readonly #listener: AttemptListener;
  /** None where all is to be computed: to be compared with what stands, or because its key does not tell all. */
  readonly #checkpoints: AttemptCheckpoints | undefined;
  /** Name of its own checkpoints, once it may have some. */
  #try: string | undefined;
  #work: Work | undefined;
  #stopped: StopManner | undefined;
  #lastSeq = 0;

  constructor(world: AttemptWorld, subject: AttemptSubject, listener: AttemptListener) {
    this.#world = world;
    this.#subject = subject;
    this.#listener = listener;
    const { key, preimage, standing, uncacheable } = subject;
    if (standing === undefined && uncacheable === undefined)
      this.#checkpoints = attemptCheckpoints(world.store.root, key, world.checkpointFamily(preimage));
  }

  stop(manner: StopManner): void {
    this.#stopped = manner;
    this.#work?.stop(manner);
  }

  async run(): Promise<AttemptResult> {
    try {
      return await this.#run();
    } catch (error) {
      // What the disk refuses while the store is read; anything else is a bug of ours.
      return { kind: 'failed', failure: toProblem(error) };
    }
  }

  async #run(): Promise<AttemptResult> {
    const claim = await this.#claim();
    if (!claim.ok) return { kind: 'failed', failure: claim.error };
    if (claim.value.kind === 'held') return claim.value;
    if (claim.value.kind === 'hit') return { kind: 'served', record: claim.value.record };
    const { lease } = claim.value;
    try {
      if (this.#stopped) return { kind: 'interrupted' };
      const result = await this.#runLeased(lease);
      await this.#judgeCheckpoints(result);
      return result;
    } finally {
      lease.release();
    }
  }

  /** Where a standing result is no reason to stop, only the lease is taken. */
  async #claim(): Promise<Result<Claim, Failure>> {
    const { key, standing, uncacheable } = this.#subject;
    const { leases } = this.#world.store;
    return standing || uncacheable !== undefined ? leases.acquire(key) : this.#world.store.claim(key);
  }

  /** Last of all: neither a kill nor a full disk before the result is filed costs what was computed. */
  async #judgeCheckpoints(result: AttemptResult): Promise<void> {
    if (!this.#checkpoints || this.#try === undefined) return;
    if (result.kind === 'done' && result.record.digest !== '') this.#checkpoints.spent();
    else if (await this.#isDoubtful(result)) this.#checkpoints.distrust(this.#try);
  }

  /** Whether what it kept on its way may be of other bytes than those of its key. */
  async #isDoubtful(result: AttemptResult): Promise<boolean> {
    if (result.kind === 'done' || result.kind === 'lost') return true;
    if (result.kind === 'failed' && result.failure.code === unlistedCode) return true;
    return (await this.#taint()) !== undefined || (await this.#lostInputs()).length > 0;
  }

  async #runLeased(lease: Lease): Promise<AttemptResult> {
    const { store, run } = this.#world;
    const orphans = lease.takenFrom === undefined ? [] : await endOrphans(store, lease.takenFrom);
    if (orphans.length > 0) this.#listener.onNote(orphansNote(orphans));
    const lost = await this.#lostInputs();
    if (lost.length > 0) return { kind: 'lost', digests: lost, failure: lostFailure(lost) };
    const attempt = store.attempts.create(run, this.#subject.cell.id);
    if (!attempt.ok) return { kind: 'failed', failure: attempt.error };
    this.#try = tryName(lease.epoch, attempt.value.nonce);
    const result = await this.#runIn(attempt.value, lease);
    // A folder that can't be cleaned harms nothing; the next write will say what is wrong with the disk.
    store.attempts.clean(attempt.value);
    return result;
  }

  /** Whoever deletes or spoils blobs under a run is found out before the worker is. */
  async #lostInputs(): Promise<readonly string[]> {
    const lost: string[] = [];
    for (const { type, digest } of storedInputs(this.#subject))
      if (!(await this.#world.store.cas.has(type, digest))) lost.push(digest);
    return lost;
  }

  async #runIn(attempt: Attempt, lease: Lease): Promise<AttemptResult> {
    const written = this.#writeJob(attempt);
    if (!written.ok) return { kind: 'failed', failure: written.error };
    this.#listener.onStart();
    const end = await this.#perform(attempt, lease);
    const events = this.#eventRange(attempt);
    if (end === 'interrupted') return { kind: 'interrupted' };
    if (!end.ok && end.error.code === 'input-changed') await this.#distrustInputs();
    // What was damaged while the worker read it may have been read so: nothing that was made of it is kept.
    const lost = end.ok ? await this.#lostInputs() : [];
    if (lost.length > 0) return { kind: 'lost', digests: lost, failure: lostFailure(lost) };
    const record = end.ok ? await this.#record(attempt, end.value) : end;
    if (!record.ok) return { kind: 'failed', failure: record.error, ...events };
    return { kind: 'done', ...record.value, ...events };
  }

  #writeJob(attempt: Attempt): Result<void, Failure> {
    const { cell, preimage } = this.#subject;
    const inputs = jobInputs(this.#subject, this.#world.store.cas);
    if (!inputs.ok) return inputs;
    const job = jobText(preimage, attempt, {
      inputs: inputs.value,
      inert: this.#world.inert(cell),
      backend: this.#world.backend,
      secrets: cell.secrets,
      workspace: workspaceOf(this.#subject.key),
      ...(this.#checkpoints ? { checkpoint: this.#checkpoints.folder } : {}),
    });
    return this.#world.store.attempts.write(attempt.job, job);
  }

  async #perform(attempt: Attempt, lease: Lease): Promise<WorkEnd> {
    const { workers, variables, clock } = this.#world;
    this.#work = workers.run({
      attempt: attempt.nonce,
      job: attempt.job,
      epoch: lease.epoch,
      restarts: 0,
      env: variables(this.#subject.cell, this.#subject.gpus),
      log: attempt.log,
      cell: this.#subject.cell.id,
      onEvent: (event) => this.#hear(event),
      onActivity: () => silence?.heard(),
    });
    const work = this.#work;
    // It was told to stop while its inputs were looked at.
    if (this.#stopped) work.stop(this.#stopped);
    const { silence: limit } = this.#subject.cell;
    const silence = limit === undefined ? undefined : new Silence(clock, limit, () => work.stop('grace'));
    const result = await work.result;
    silence?.end();
    const ended = await this.#endOf(attempt, result);
    return silence?.broken && (ended === 'interrupted' || !ended.ok) ? err(silentFailure(limit)) : ended;
  }

  async #endOf(attempt: Attempt, result: WorkResult): Promise<WorkEnd> {
    if (result.kind === 'killed') return 'interrupted';
    if (result.kind === 'died') return err(result.failure);
    const exit = await readExit(attempt.exit, attempt.nonce);
    if (!exit.ok) return err(result.failure ?? exit.error);
    const other = otherEnvironment(this.#subject.preimage.environment, result.environment);
    if (other) return err(other);
    return this.#judge(exit.value, { environment: result.environment, seconds: result.seconds });
  }

  #judge(exit: Exit, rest: Omit<Ended, 'exit'>): WorkEnd {
    switch (exit.status) {
      case 'done':
        return unlisted(this.#subject, exit.modules) ?? ok({ exit, ...rest });
      case 'interrupted':
        return 'interrupted';
      case 'failed':
        return err(exit.error ? withPaths(exit.error, this.#subject.cell) : unexplained);
    }
  }

  /** A command that wrote through a link has damaged the store: what it damaged is found and taken out. */
  async #distrustInputs(): Promise<void> {
    for (const { type, digest } of storedInputs(this.#subject))
      await this.#world.store.cas.verify(type, digest);
  }

  #hear(event: StageEvent): void {
    this.#lastSeq = event.seq;
    this.#listener.onEvent(event);
  }

  #eventRange(attempt: Attempt): { readonly events?: EventRange } {
    if (this.#lastSeq === 0) return {};
    return { events: { attempt: attempt.nonce, first: 1, last: this.#lastSeq } };
  }

  /** Outputs into the store, then the record: blobs first, record last. */
  async #record(attempt: Attempt, ended: Ended): Promise<Result<Recorded, Failure>> {
    const { cas } = this.#world.store;
    const { outputs } = this.#subject.preimage;
    const artifacts = await collectOutputs(outputs, { cas, attempt, exit: ended.exit });
    if (!artifacts.ok) return artifacts;
    const record = this.#recordOf(artifacts.value, ended);
    const { standing } = this.#subject;
    const published = await this.#publish(record);
    if (!published.ok || !standing) return published.ok ? ok({ record: published.value }) : published;
    // It finished second: the result that stood is what the run reads.
    const forced = published.value.digest === '' ? 'tainted' : compareArtifacts(standing.record, record);
    this.#listener.onNote(forcedNotes[forced]);
    return ok({ record: forced === 'tainted' ? standing : published.value, forced });
  }

  /** Files a record, unless it is to be used in this run only; it has no digest then. */
  async #publish(record: ResultRecord): Promise<Result<StoredRecord, Failure>> {
    const unkept: StoredRecord = { key: record.key as Key, digest: '', record };
    if (this.#subject.uncacheable !== undefined) return ok(unkept);
    const taint = await this.#taint();
    if (taint !== undefined) {
      this.#listener.onNote(taint);
      // Its children are keyed by its bytes and are sound; only this cell can't be served again.
      return ok(unkept);
    }
    // Where another runner took the lease over and was first, its result stands and is taken.
    const published = await this.#world.store.records.publish(record);
    if (published.ok) await this.#noteEdits();
    return published;
  }

  /** What counts of the cell and is not what it was when the key was made, as a note. */
  async #taint(): Promise<string | undefined> {
    const code = this.#world.changedCode(this.#subject.code);
    // They may have loaded some modules before the change and load others after it.
    if (code.length > 0) this.#world.workers.retire();
    if (code.length > 0) return taintNote('the code', code);
    const read = await changedSince(this.#world.store, this.#subject.watched ?? []);
    return read.length > 0 ? taintNote('what it reads in place', read) : undefined;
  }

  /** A file that was edited after it was copied harms nothing, but what was computed is not of what lies there now. */
  async #noteEdits(): Promise<void> {
    const edited = await editedSince(this.#world.store, this.#subject.copied ?? []);
    if (edited.length > 0) this.#listener.onNote(editNote(edited));
  }

  #recordOf(artifacts: RecordedArtifact[], { environment, seconds }: Ended): ResultRecord {
    const { cell, key, preimage } = this.#subject;
    return {
      v: 1,
      key,
      preimage: { ...preimage },
      kind: cell.kind,
      artifacts,
      seconds,
      finished: new Date(this.#world.clock.wall()).toISOString(),
      run: this.#world.run,
      environment: { ...environment },
    };
  }
}
