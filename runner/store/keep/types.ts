/** What looks after the store as a whole. */
import type { ResultRecord } from '../../../schemas/protocol.js';
import type { Result } from '../../../schemas/result.js';
import type { Key } from '../../pipeline.js';
import type { StoreProblem } from '../store-problem.js';

export interface Upkeep {
  /** Hashes every blob again and reads every record, manifest and journal; corrupt blobs are quarantined. */
  examine(progress?: (done: number, total: number) => void): Promise<Result<Health, StoreProblem>>;
  /** What a collection would remove; changes nothing. */
  weigh(goal: CollectionGoal): Result<Collection, StoreProblem>;
  /** Two heartbeats: so long every runner needs to show that it lives. */
  readonly pauseMs: number;
  /**
   * Removes it. What goes is first put aside; after `pause`, whatever a run began to need meanwhile is put back.
   *
   * @param pause waits `pauseMs`
   */
  collect(collection: Collection, pause: () => Promise<void>): Promise<Result<Swept, StoreProblem>>;
}

export interface Amount {
  readonly count: number;
  readonly bytes: number;
}

export type AilmentCode =
  | 'corrupt-blob'
  | 'lost-blob'
  | 'unreadable-record'
  | 'strange-file'
  | 'unreadable-run'
  | 'torn-journal'
  | 'abandoned-run';

/** Something that is not as it should be; nothing of it makes a wrong hit. */
export interface Ailment {
  readonly code: AilmentCode;
  readonly message: string;
  /** The next thing to do, or what happens by itself. */
  readonly remedy: string;
  readonly path?: string;
  /** Keys whose results are not served because of it. */
  readonly keys?: readonly Key[];
  /** What any kill leaves behind: nothing is lost by it, and nothing has to be done. */
  readonly harmless?: true;
}

export interface Health {
  readonly blobs: Amount;
  readonly records: number;
  readonly runs: number;
  readonly ailments: readonly Ailment[];
}

export interface CollectionGoal {
  /** Gives up chosen results, those first that save least time a byte, until `cas/` holds no more than this. */
  readonly maxBytes?: number;
  /** Milliseconds: younger things are spared. Whatever it is, what a run that may live could be about to use stays. */
  readonly minAge: number;
  /** Which checkpoints a finished cell had; without it none are touched. */
  readonly familyOf?: (record: ResultRecord) => CheckpointFamily;
}

export interface CheckpointFamily {
  /** Name of the folder under `checkpoints/`. */
  readonly name: string;
  /** Another cell may go on from where this one ended: its furthest checkpoint stays. */
  readonly goesOn: boolean;
}

export interface Checkpoints {
  /** Of families in which a cell has a chosen result: all but the one that a longer training goes on from. */
  readonly superseded: readonly { readonly path: string; readonly bytes: number }[];
  /** What the others take: of cells that are unfinished, or may be gone on from. */
  readonly keptBytes: number;
}

/** A result that is given up: its cell runs again when it is asked for. */
export interface Eviction {
  readonly key: Key;
  readonly digest: string;
  readonly record: ResultRecord;
  /** Bytes that no other result needs. */
  readonly frees: number;
}

export interface Collection {
  readonly minAge: number;
  /** Bytes under `cas/` before and after. */
  readonly before: Amount;
  readonly after: Amount;
  /** Blobs that no kept result needs, and where they lie. */
  readonly blobs: readonly { readonly digest: string; readonly bytes: number }[];
  /** Results that are neither chosen nor pinned. */
  readonly alternates: readonly { readonly key: Key; readonly digest: string }[];
  readonly evictions: readonly Eviction[];
  /** Seconds that the evicted cells took. */
  readonly secondsAtStake: number;
  /** Not needed, and too young to go. */
  readonly spared: Amount;
  /** Results kept though they are over the limit: pinned, or read by a run. */
  readonly held: number;
  readonly checkpoints: Checkpoints;
  /** Scratch of runs that ended, ended leases, quarantined blobs, copies of reports that go, half-done collections. */
  readonly leftovers: readonly { readonly path: string; readonly bytes: number }[];
}

/** What a collection did. */
export interface Swept {
  readonly removed: Amount;
  /** Put back, since a run needed it meanwhile. */
  readonly restored: Amount;
}
