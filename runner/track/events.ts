/**
 * What happens in a run, as values: the journal keeps them, `--json` prints them, the terminal draws them.
 */
import type { JsonObject } from '../../schemas/json.js';
import type { Failure, StageEventBody } from '../../schemas/protocol.js';
import type { CellId, Key } from '../pipeline.js';
import type { LeaseHolder } from '../store/index.js';

export type CellStatus = 'ran' | 'hit' | 'failed' | 'skipped';
export type RunStatus = 'done' | 'failed' | 'environment' | 'interrupted';

export interface Counts {
  readonly ran: number;
  readonly hit: number;
  readonly failed: number;
  readonly skipped: number;
  /** Of `ran` and `hit`, those with a result that is used in this run and not kept; absent where there are none. */
  readonly tainted?: number;
  /** Of `ran` and `hit`, those whose results can't be served again; absent where there are none. */
  readonly uncacheable?: number;
}

/** Why a cell was not run. */
export type SkipReason =
  | { readonly kind: 'parent'; readonly cell: CellId }
  | { readonly kind: 'stopped'; readonly by: 'failure' | 'environment' | 'interrupt' };

/** Who started a run, and from which state of the project. */
export interface RunSource {
  readonly user?: string;
  readonly commit?: string;
  readonly branch?: string;
  /** Whether files differ from the commit, or the run reads some that git neither tracks nor ignores. */
  readonly dirty?: boolean;
}

export interface RunStarted {
  readonly type: 'run-started';
  readonly pipeline: string;
  readonly file: string;
  readonly cells: number;
  /** Absent in journals of older versions, as are the following. */
  readonly experiment?: string;
  readonly params?: JsonObject;
  readonly source?: RunSource;
}

export interface CellStarted {
  readonly type: 'cell-started';
  readonly cell: CellId;
  readonly key: Key;
  /** Counts from 1. */
  readonly attempt: number;
}

/** An attempt failed and another one follows after `backoff` seconds. */
export interface CellRetried {
  readonly type: 'cell-retried';
  readonly cell: CellId;
  readonly attempt: number;
  readonly failure: Failure;
  readonly backoff: number;
}

/** Another runner is at its key: it waits for that result, and takes over if that runner dies. Told once a holder. */
export interface CellWaiting {
  readonly type: 'cell-waiting';
  readonly cell: CellId;
  readonly holder: LeaseHolder;
}

export interface CellFinished {
  readonly type: 'cell-finished';
  readonly cell: CellId;
  readonly status: CellStatus;
  readonly key?: Key;
  /** Digest of the record (ran, hit); absent where none was kept. */
  readonly record?: string;
  /** Its code, or what it reads in place, changed while it ran: its result is used in this run and not kept. */
  readonly tainted?: true;
  /** What it is made from can't be hashed: its result is used in this run and not kept. */
  readonly uncacheable?: true;
  /** Measured seconds of the work itself: now (ran), or when it was done (hit). */
  readonly seconds?: number;
  readonly failure?: Failure;
  readonly reason?: SkipReason;
  /** Range of `seq` of the last attempt's events. */
  readonly events?: { readonly attempt: string; readonly first: number; readonly last: number };
}

/** Its result was found to be lost from the store when another cell was to read it: it runs again. */
export interface CellReopened {
  readonly type: 'cell-reopened';
  readonly cell: CellId;
  /** How it had ended, which counts no more. */
  readonly was: 'ran' | 'hit';
  /** The cell that was to read it. */
  readonly reader: CellId;
}

export interface RunFinished {
  readonly type: 'run-finished';
  readonly status: RunStatus;
  readonly counts: Counts;
  readonly seconds: number;
  /** Seconds that the hits took when they were run. */
  readonly saved_seconds: number;
}

/** Something that a reader of the run should know, such as a worker that was retired. */
export interface RunNote {
  readonly type: 'run-note';
  readonly cell?: CellId;
  readonly text: string;
}

export type LifecycleEvent =
  RunStarted | CellStarted | CellRetried | CellWaiting | CellFinished | CellReopened | RunNote | RunFinished;

/** An event of a stage, as the runner passes it on. */
export type CellEvent = StageEventBody & { readonly cell: CellId; readonly seq: number };

/** One line of `moft run --json`: every event carries its time (ms since 1970) and its run. */
export type RunEvent = (LifecycleEvent | CellEvent) & { readonly time: number; readonly run: string };

export const noCounts: Counts = { ran: 0, hit: 0, failed: 0, skipped: 0 };

type Ended = Pick<CellFinished, 'status' | 'tainted' | 'uncacheable'>;

/** The counts with one more cell. */
export const addCell = (counts: Counts, ended: Ended): Counts => change(counts, ended, 1);

/** The counts without a cell that ended so. */
export const removeCell = (counts: Counts, ended: Ended): Counts => change(counts, ended, -1);

function change(counts: Counts, { status, tainted, uncacheable }: Ended, by: 1 | -1): Counts {
  return {
    ...counts,
    [status]: counts[status] + by,
    ...(tainted ? { tainted: (counts.tainted ?? 0) + by } : {}),
    ...(uncacheable ? { uncacheable: (counts.uncacheable ?? 0) + by } : {}),
  };
}
