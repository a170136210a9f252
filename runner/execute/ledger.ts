/** What a run has come to so far: records by cell, counts, failures, and the manifest that binds them to names. */
import type { JsonObject } from '../../schemas/json.js';
import type { Failure } from '../../schemas/protocol.js';
import type { Result } from '../../schemas/result.js';
import type { CellId, Key, Pipeline } from '../pipeline.js';
import type { RunCell, RunManifest, Runs, RunTry, StoredRecord } from '../store/index.js';
import {
  addCell,
  noCounts,
  removeCell,
  type CellFinished,
  type Counts,
  type RunStatus,
} from '../track/events.js';

export interface LedgerOptions {
  readonly run: string;
  readonly pipeline: Pipeline;
  readonly runs: Runs;
  /** ISO 8601. */
  readonly started: string;
  readonly extra: JsonObject;
}

export class Ledger {
  readonly records = new Map<CellId, StoredRecord>();
  readonly failures: { readonly cell: CellId; readonly failure: Failure }[] = [];
  readonly #options: LedgerOptions;
  readonly #byKey = new Map<Key, StoredRecord>();
  readonly #ended = new Map<CellId, Pick<CellFinished, 'status' | 'tainted' | 'uncacheable'>>();
  #cells: Record<string, RunCell> = {};
  readonly #tries = new Map<CellId, RunTry>();
  #counts: Counts = noCounts;
  #savedSeconds = 0;
  #dirty = true;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  get counts(): Counts {
    return this.#counts;
  }

  /** Seconds that the hits took when they were run. */
  get savedSeconds(): number {
    return this.#savedSeconds;
  }

  /** Freezes the record that stands for a key in this run. */
  keep(record: StoredRecord): void {
    this.#byKey.set(record.key, record);
  }

  recordOf(key: Key | undefined): StoredRecord | undefined {
    return key === undefined ? undefined : this.#byKey.get(key);
  }

  count(cell: CellId, ended: Pick<CellFinished, 'status' | 'tainted' | 'uncacheable'>): void {
    this.#ended.set(cell, ended);
    this.#counts = addCell(this.#counts, ended);
  }

  /**
   * Forgets how a cell ended, and the record that stood for its key.
   *
   * @returns how it had ended
   */
  forget(cell: CellId): 'hit' | 'ran' {
    const ended = this.#ended.get(cell);
    const record = this.records.get(cell);
    if (!ended || !record)
      throw new Error(`internal error: ${cell} has no result to forget; please report it`);
    this.#counts = removeCell(this.#counts, ended);
    if (ended.status === 'hit') this.#savedSeconds -= record.record.seconds;
    this.#byKey.delete(record.key);
    this.records.delete(cell);
    this.#cells = Object.fromEntries(Object.entries(this.#cells).filter(([id]) => id !== cell));
    this.#dirty = true;
    return ended.status === 'hit' ? 'hit' : 'ran';
  }

  /** Binds a cell to its record. A record without a digest was not kept, so nothing may name it. */
  bind(cell: CellId, record: StoredRecord, ended: Pick<RunCell, 'how' | 'forced'>): void {
    this.records.set(cell, record);
    if (ended.how === 'hit') this.#savedSeconds += record.record.seconds;
    if (!isKept(record)) return;
    this.#cells[cell] = { key: record.key, record: record.digest, ...ended };
    this.#tries.delete(cell);
    this.#dirty = true;
  }

  /** Notes a try that has left no record, or none yet; how it ends is noted beside where it keeps its checkpoints. */
  tried(cell: CellId, attempt: RunTry): void {
    const family = this.#tries.get(cell)?.family;
    this.#tries.set(cell, { ...(family === undefined ? {} : { family }), ...attempt });
    this.#dirty = true;
  }

  /** A cell that was stopped: a try only if it had begun. */
  stopped(cell: CellId): void {
    const begun = this.#tries.get(cell);
    if (begun) this.tried(cell, { ...begun, how: 'stopped' });
  }

  /** Whether something has changed since runs/<run>.json was written. */
  get isDirty(): boolean {
    return this.#dirty;
  }

  /** Writes runs/<run>.json. */
  save(status: RunManifest['status'] = 'running', finished?: string): Result<void, Failure> {
    this.#dirty = false;
    const { run, pipeline, runs, started, extra } = this.#options;
    return runs.write({
      v: 1,
      run,
      pipeline: pipeline.name,
      file: pipeline.file,
      started,
      ...(finished === undefined ? {} : { finished }),
      status,
      cells: this.#cells,
      ...(this.#tries.size === 0 ? {} : { tries: Object.fromEntries(this.#tries) }),
      extra,
    });
  }
}

/** A tainted result has no digest: it stands in this run only. */
export function isKept(record: StoredRecord): boolean {
  return record.digest !== '';
}

/** The manifest knows no environment: such a run failed. */
export function manifestStatus(status: RunStatus): RunManifest['status'] {
  return status === 'environment' ? 'failed' : status;
}
