/** The shapes that the phases hand on: Pipeline (checked, typed) -> Cell[] (expanded). */
import type { ArtifactType } from '../schemas/artifact.js';
import type { JsonObject } from '../schemas/json.js';
import type { ExpectedCalls, Resources } from './contract.js';

declare const brand: unique symbol;
/** `stage/axis=value,axis=value`, axes by name; made by runner/language only. */
export type CellId = string & { readonly [brand]: 'CellId' };
/** Hash of a preimage; made by runner/store/key.ts only. */
export type Key = string & { readonly [brand]: 'Key' };
/** SHA-256 of a blob; made by runner/store only. */
export type BlobHash = string & { readonly [brand]: 'BlobHash' };

/** A place in a file; lines and columns from 1, the end exclusive. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Where a value of a cell was written: the literal, not the reference that brought it. */
export interface Origin extends Place {
  /** What chose it where the file alone would not: `preset small`, `-p steps`, `--set ...`, `ablation half-steps`. */
  readonly via?: string;
}

/** Edits that mend a mistake when all are applied; what an editor offers beside a hint. */
export interface Fix {
  /** What it does, in the imperative: "write `report`". */
  readonly title: string;
  /** Places of one file that don't overlap; an empty place inserts. */
  readonly edits: readonly { readonly place: Place; readonly text: string }[];
}

export interface Diagnostic extends Place {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** The hint as edits, the likeliest first; of several only the writer knows which is meant. */
  readonly fixes?: readonly Fix[];
  readonly related?: readonly (Place & { readonly message: string })[];
  /** Absent: an error. A warning may be meant, and stops nothing. */
  readonly severity?: 'warning';
}

/** What stands at an input of a cell. */
export type InputBinding =
  | { readonly kind: 'artifact'; readonly type: ArtifactType; readonly cell: CellId; readonly output: string }
  | { readonly kind: 'gathered'; readonly type: ArtifactType; readonly items: readonly GatheredBinding[] }
  | PathBinding;

export interface PathBinding {
  readonly kind: 'path';
  readonly type: ArtifactType;
  /** Absolute. */
  readonly path: string;
  readonly place: Place;
  /** Of a kind to which its place in the project counts: relative to the pipeline file, with `/`. */
  readonly at?: string;
  /** It is read where it lies. */
  readonly inPlace?: true;
}

export interface GatheredBinding {
  readonly stage: string;
  /** Coordinates of the gathered axes only. */
  readonly coordinates: Readonly<Record<string, string>>;
  readonly cell: CellId;
  readonly output: string;
  /** Where the items of a list may be of several types. */
  readonly type?: ArtifactType;
}

/** A stage at one set of coordinates: the unit that is cached and run. */
export interface Cell {
  readonly id: CellId;
  readonly stage: string;
  /** With `ablation` where the cell belongs to a variant. */
  readonly coordinates: Readonly<Record<string, string>>;
  /** The base cell that a cell of a variant is compared with: same stage, same coordinates without `ablation`. */
  readonly twin?: CellId;
  readonly kind: string;
  /** Every `with` value, defaults filled in, references replaced. */
  readonly with: JsonObject;
  readonly inputs: Readonly<Record<string, InputBinding>>;
  readonly outputs: Readonly<Record<string, ArtifactType>>;
  /** Present where the kind trains (0 without `seeds`). */
  readonly seed?: number;
  /** Cells whose outputs it reads, and those it waits for by `needs:`; ordered by id. */
  readonly needs: readonly CellId[];
  readonly env: readonly string[];
  readonly secrets: readonly string[];
  readonly resources: Resources;
  /** Higher ones start first, and so do those that they wait for. Absent: 0. */
  readonly priority?: number;
  /** Calls of judges, where the kind makes any. */
  readonly calls?: ExpectedCalls;
  /** Seconds. */
  readonly timeout?: number;
  /** Seconds without a word from the cell after which it is stopped. */
  readonly silence?: number;
  readonly retries: Readonly<Partial<Record<'user' | 'resource' | 'infrastructure', number>>>;
  /** Where the stage stands. */
  readonly place: Place;
  /** Where each `with` value that is no default was written, by its path (`steps`, `sampling.weights.dirichlet`). */
  readonly origins: Readonly<Record<string, Origin>>;
}

/** An ablation: the file with one patch. */
export interface Variant {
  readonly name: string;
  /** Cells of the base that are cells of the variant, too; with those that carry its name they are all it has. */
  readonly shared: readonly CellId[];
  /** Changed settings of each patched stage, as paths under `with` and where they are written. */
  readonly patches: readonly {
    readonly stage: string;
    readonly path: string;
    readonly place: Place;
  }[];
}

export interface Pipeline {
  readonly name: string;
  readonly experiment: string;
  /** Absolute path of the YAML file. */
  readonly file: string;
  /** Digest of its text; absent where that was in no file. */
  readonly digest?: string;
  /** Folder of the project, which files that count by their place must not leave. Default: the file's own folder. */
  readonly root?: string;
  readonly params: JsonObject;
  /** In order of the file; a stage's cells follow its axes' order. */
  readonly cells: readonly Cell[];
  /** Stage names in the order of the file. */
  readonly stages: readonly string[];
  readonly onFailure: 'finish-running' | 'fail-fast' | 'keep-going';
  /** `strict`: the numeric environment is part of every key. */
  readonly reproducible: 'strict' | 'relaxed';
  /** In order of the file; empty without `ablations`. */
  readonly variants: readonly Variant[];
  /** Remarks such as "own axis `reward` is aligned with expert's". */
  readonly remarks: readonly string[];
  /** What may be a mistake, in the order of the file. */
  readonly warnings: readonly Diagnostic[];
}
