/** Pipeline -> Plan: what would run, and why. */
import type { ArtifactType } from '../../schemas/artifact.js';
import type { Json, JsonObject } from '../../schemas/json.js';
import type { Result } from '../../schemas/result.js';
import type { KindRegistry, StageKind } from '../contract.js';
import type { Cell, CellId, Diagnostic, Key, Origin, Pipeline } from '../pipeline.js';
import type { RunCell, RunManifest, RunTry, Store, StoredRecord, StoreProblem } from '../store/index.js';

/** An input by content. */
export interface InputDigest {
  readonly type: ArtifactType;
  readonly digest: string;
  /** Of a path whose place in the project counts: where it lies. */
  readonly at?: string;
  /** Of a path that is read where it lies: its last part, whose ending a program may go by. */
  readonly name?: string;
  /** Of a file of either sort: it may be executed. */
  readonly executable?: true;
}
export interface GatheredDigest extends InputDigest {
  readonly stage: string;
  /** Coordinates of the gathered axes only. */
  readonly coordinates: Readonly<Record<string, string>>;
}
export type InputDigests = Readonly<Record<string, InputDigest | readonly GatheredDigest[]>>;

/** All that decides a cell's result; its hash is the key. Names, labels and resources are not in it. */
export interface Preimage {
  readonly kind: string;
  /** Contract version of the kind. */
  readonly version: number;
  /** Every value that counts; -0 is 0. */
  readonly with: JsonObject;
  readonly inputs: InputDigests;
  /** Digest of the code listing (a blob of the store: modules by digest, packages by integrity). */
  readonly code: string;
  readonly seed?: number;
  /**
   * Of a kind that starts programs, by the last part of a name: the SHA-256 of the program's file, as far as it is found;
   * of several files of one name that of all their digests.
   */
  readonly programs?: Readonly<Record<string, string>>;
  /** Declared variables; null where unset. */
  readonly env: Readonly<Record<string, string | null>>;
  readonly outputs: Readonly<Record<string, ArtifactType>>;
  /** Numeric environment, where the file says `reproducible: strict`. */
  readonly environment?: JsonObject;
}

/** What a kind runs: `digest` is the SHA-256 of `listing`'s canonical JSON. */
export interface CodeDigest {
  readonly digest: string;
  readonly listing: CodeListing;
}
export interface CodeListing {
  /** Compiled module to the SHA-256 of its text. */
  readonly modules: Readonly<Record<string, string>>;
  /** Package (`name@version`) to its integrity. */
  readonly packages: Readonly<Record<string, string>>;
}

/** Code as frozen when it was loaded. */
export interface Code {
  of(kind: StageKind, values: JsonObject): Result<CodeDigest, CodeProblem>;
  /**
   * Files that differ on disk from what was frozen, of those that the listing is made of: its modules, and npm's list
   * where it has packages. Look before recording; an edit elsewhere is no business of the cell's.
   */
  changed(listing: CodeListing): readonly string[];
}

export interface CodeProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Something outside that a cell reads, where it lies or a copy of it, as it was when the key was made. */
export interface Watched {
  readonly type: 'file' | 'directory';
  /** Absolute. */
  readonly path: string;
  /** What the system tells of it and of all below it. */
  readonly identity: string;
  readonly digest: string;
}

export type PlanStatus = 'hit' | 'run' | 'depends';

export interface PlannedCell {
  readonly cell: Cell;
  readonly status: PlanStatus;
  /** Known once the content of every input is. */
  readonly key?: Key;
  readonly preimage?: Preimage;
  /** The preimage as far as it is known: with empty digests for what parents have not made yet. */
  readonly partial: Preimage;
  readonly code: CodeDigest;
  /** A change of these while the cell runs taints it. */
  readonly watched?: readonly Watched[];
  /** A change of these is a notice: copies of them are read. */
  readonly copied?: readonly Watched[];
  /** The chosen record of a hit, or of a cell that is forced to run although it has one. */
  readonly record?: StoredRecord;
  /** Why its result is never served, as a clause. */
  readonly uncacheable?: string;
  /** A hit from another numeric environment: what differs, as a sentence. */
  readonly foreign?: string;
  /** It gathers results of different numeric environments: which, as a sentence. */
  readonly mixed?: string;
  readonly reason: Reason;
}

export interface Reason {
  readonly code: ReasonCode;
  readonly message: string;
  readonly changes: readonly Change[];
}

/**
 * hit: served. first: this cell never ran. changed: something counted differs from the last time. upstream: an
 * ancestor runs. evicted: an earlier run had this very result, and the store has it no more. incomplete: its record is
 * there, and an artifact is missing or corrupt. tainted: it was made while the code changed, and not kept. uncacheable:
 * it is never kept. forced: it has a result, and is to run all the same. failed, stopped: its last try was such an one.
 */
export type ReasonCode =
  | 'hit'
  | 'first'
  | 'changed'
  | 'upstream'
  | 'evicted'
  | 'incomplete'
  | 'tainted'
  | 'uncacheable'
  | 'forced'
  | 'failed'
  | 'stopped';

/** One difference between two preimages. */
export type Change =
  | {
      readonly what: 'kind' | 'version' | 'seed';
      readonly before: Json;
      readonly after: Json;
      readonly place?: Origin;
    }
  | {
      readonly what: 'with' | 'env' | 'program';
      readonly name: string;
      readonly before: Json;
      readonly after: Json;
      readonly place?: Origin;
    }
  | {
      readonly what: 'input';
      readonly name: string;
      readonly before: string | null;
      readonly after: string | null;
      /** Cells that made the new content. */
      readonly cells: readonly CellId[];
    }
  | {
      readonly what: 'code';
      readonly before: string;
      readonly after: string;
      readonly modules: readonly string[];
      readonly packages: readonly string[];
      /** Absent where it isn't known, or something was; false: what both have is the same, one has more or other code. */
      readonly edited?: false;
    }
  | { readonly what: 'outputs' | 'environment'; readonly before: Json; readonly after: Json };

export interface PlanOptions {
  readonly pipeline: Pipeline;
  readonly store: Store;
  readonly code: Code;
  readonly registry: KindRegistry;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What is known of the numeric environment before an engine starts: marks hits from another one. */
  readonly environment?: JsonObject;
  /** The numeric environment of a kind's cells, where it is part of their keys. */
  readonly strict?: (kind: StageKind) => JsonObject;
  /** Cells that are to run although they have a result. */
  readonly forced?: ReadonlySet<CellId>;
}

export interface Plan {
  readonly pipeline: Pipeline;
  /** In topological order; among the ready, in order of the file. */
  readonly cells: readonly PlannedCell[];
  readonly counts: Readonly<Record<PlanStatus, number>>;
  /**
   * Plans one cell again from the records its parents ended with (frozen by the run): key and preimage are known
   * then, status is `hit` or `run`. `records` needs every cell that the inputs name.
   */
  resolve(
    cell: CellId,
    records: ReadonlyMap<CellId, StoredRecord>,
  ): Promise<Result<PlannedCell, PlanProblem>>;
}

export type PlanProblem =
  | { readonly kind: 'file'; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: 'store'; readonly problem: StoreProblem }
  | { readonly kind: 'code'; readonly problem: CodeProblem };

/** Why one cell is what it is, following changed inputs to the cells where the change began. */
export interface Explanation {
  readonly cell: PlannedCell;
  /** One sentence: what happens to the cell, and why, down to the first root cause. */
  readonly headline: string;
  /** The record of the last run that knew the cell, which the changes are against. */
  readonly against?: { readonly run: string; readonly record: StoredRecord };
  /** From the cell up to the root causes; the cell itself first. */
  readonly causes: readonly Cause[];
  /** What earlier runs of the pipeline did with the cell, newest first. */
  readonly mentions: readonly Mention[];
}
/** A run that knew a cell: the result that it had there, or a try that left none. */
export interface Mention {
  readonly run: RunManifest;
  readonly bound?: RunCell;
  readonly try?: RunTry;
}
export interface Cause {
  readonly cell: CellId;
  readonly depth: number;
  /** The cell that it is a cause of; absent for the cell itself. */
  readonly of?: CellId;
  readonly kind: string;
  readonly status: PlanStatus;
  readonly reason: Reason;
}
