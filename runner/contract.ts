/**
 * What a stage kind is: the only thing that the runner knows about the science, and the only thing of the
 * runner that the science knows.
 */
import type { Static, TObject } from 'typebox';
import type { ArtifactType } from '../schemas/artifact.js';
import type {
  ArtifactRef,
  Failure,
  FailureClass,
  GatheredArtifact,
  Job,
  StageEventBody,
} from '../schemas/protocol.js';
import type { Json } from '../schemas/json.js';

/** Where an artifact comes from: what messages call it, and whether it can be told from another. */
export interface Lineage {
  readonly stage: string;
  readonly coordinates: Readonly<Record<string, string>>;
  readonly output: string;
  /**
   * Hash of the kind, its settings, the seed and the lineages of what it was made from. Two of the same kind of thing
   * with different digests are different things; absent where that can't be known.
   */
  readonly digest?: string;
}

/**
 * What can be known of an artifact before it exists, so that `check` finds a wrong match. All optional:
 * an absent trait is unknown and never an error. Traits are for checks: no key contains one.
 */
export interface Traits {
  /** Given by the language to every output; kinds only hand on those of their inputs. */
  readonly lineage?: Lineage;
  /** dataset, model, policy: the embedded world whose words and hidden facts it has, in words. */
  readonly world?: string;
  /** policy, front: the model that its KL is measured against. */
  readonly reference?: Lineage;
  /** policy: the KL weight it was trained at, or the least and greatest; the weights, where it answers these only. */
  readonly domain?: {
    readonly alpha: number | readonly [number, number];
    readonly weights?: readonly (readonly number[])[];
  };
  /** dataset: columns of its rows and the rewards that it can answer itself. */
  readonly columns?: readonly string[];
  readonly rewards?: readonly string[];
  /** policy, front: names of the objectives, in order. */
  readonly objectives?: readonly string[];
}

export interface InputPort {
  readonly type: ArtifactType;
  /** Takes a gathered reference (or a list of references). Default: exactly one artifact. */
  readonly list?: boolean;
  readonly optional?: boolean;
  /** Also takes a path relative to the pipeline file (types `file` and `directory` only). */
  readonly path?: boolean;
  readonly description: string;
}

export interface OutputPort {
  readonly type: ArtifactType;
  readonly traits?: Traits;
  /** Another setting, seed or distinct input makes another artifact, so that lineages tell two of them apart. */
  readonly distinct?: boolean;
}

/** Traits of what is bound to each input; lists for gathered inputs. Unbound optional inputs are absent. */
export type InputTraits = Readonly<Record<string, Traits | readonly Traits[]>>;

/** Something wrong with `with` that a schema can't say. `path` leads from `with` to the value. */
export interface Problem {
  readonly code: string;
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
  /** Names that would be right there: the nearest is suggested. */
  readonly known?: readonly string[];
  /** The value that was surely meant there: offered as a fix. */
  readonly instead?: Json;
}

export interface Resources {
  readonly cpu?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly gpu?: number;
}

export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** Calls of a judge that a cell will make, as far as its values and the traits of its inputs tell. */
export interface ExpectedCalls {
  readonly judgeCalls: number;
  /** US dollars; absent where the judge costs nothing or its price isn't known. */
  readonly price?: number;
}

export interface StageJob<W> extends Omit<Job, 'with'> {
  readonly with: W;
}

export type Emit = (event: StageEventBody) => void;

/**
 * A stage kind. The declaration stands in stages/kinds/<name>.ts and is light (schema, ports, checks);
 * `run` loads the recipe, stages/kinds/<name>.run.ts, and with it whatever is heavy.
 */
export interface StageKind<S extends TObject = TObject> {
  /** What `uses:` names, such as `clp` or `data/news`. */
  readonly name: string;
  /** Contract version: raise it when the same preimage should give another result. */
  readonly version: number;
  /** One paragraph for the reference page. */
  readonly description: string;
  /** Schema of the plain values under `with` (inputs not among them); `description` and `default` on every field. */
  readonly with: S;
  /** Names of `with` values that cannot change an output byte. */
  readonly inert?: readonly string[];
  /** The `with` value that only says how far to go (constant schedules). */
  readonly extent?: string;
  /** Artifacts taken; in YAML they stand under `with` beside the values. */
  readonly inputs: Readonly<Record<string, InputPort>>;
  outputs(values: Static<S>, inputs: InputTraits): Readonly<Record<string, OutputPort>>;
  /** Modules loaded by name, as paths from the root without ending (`stages/policy/conditioning/full`). */
  modules?(values: Static<S>): readonly string[];
  /** Checks across fields, and against the traits of the inputs. */
  check?(values: Static<S>, inputs: InputTraits): readonly Problem[];
  /** `training` kinds get the seed axis; `evaluation` kinds draw from their own sampling_seed. */
  readonly randomness: 'training' | 'evaluation' | 'none';
  /** Needs TensorFlow.js. */
  readonly engine: boolean;
  resources?(values: Static<S>): Resources;
  readonly tolerance?: Tolerance;
  /** What a plan says of calls to judges; kinds that call none leave it out. */
  calls?(values: Static<S>, inputs: InputTraits): ExpectedCalls;
  /** Why results of such values can't be served again, as a clause ("it reads the network"); undefined: they can. */
  uncacheable?(values: Static<S>): string | undefined;
  /** Writes every declared output below `job.outputs`; throws StageFailure for what a user can mend. */
  run(job: StageJob<Static<S>>, emit: Emit, signal: AbortSignal): Promise<void>;
}

/** Kinds of different schemas in one registry; the checker validates `with` before anything is called. */
export function defineKind<S extends TObject>(kind: StageKind<S>): StageKind {
  return kind as unknown as StageKind;
}

export type KindRegistry = ReadonlyMap<string, StageKind>;

/** A failure that has a class and a message for the user; anything else thrown is an internal error. */
export class StageFailure extends Error {
  readonly failure: Failure;
  constructor(failureClass: FailureClass, code: string, message: string) {
    super(message);
    this.name = 'StageFailure';
    this.failure = { class: failureClass, code, message };
  }
}

/** Absolute path of a file of a directory artifact. */
export function artifactFile(artifact: ArtifactRef, name: string): string {
  const path = artifact.files?.[name];
  if (path === undefined) {
    throw new StageFailure(
      'user',
      'artifact-file',
      `the ${artifact.type} artifact has no file ${JSON.stringify(name)}`,
    );
  }
  return path;
}

/** A single-artifact input, or undefined where an optional one is unbound. */
export function oneInput(job: Pick<Job, 'inputs'>, name: string): ArtifactRef | undefined {
  const input = job.inputs[name];
  return input === undefined || Array.isArray(input) ? undefined : (input as ArtifactRef);
}

/** A required single-artifact input. */
export function requiredInput(job: Pick<Job, 'inputs'>, name: string): ArtifactRef {
  const input = oneInput(job, name);
  if (!input)
    throw new Error(
      `internal error: the checker let a job without its input ${name} through; please report it`,
    );
  return input;
}

/** A gathered input, in the order of the language (stage, then axes by name). */
export function listInput(job: Pick<Job, 'inputs'>, name: string): readonly GatheredArtifact[] {
  const input = job.inputs[name];
  return Array.isArray(input) ? input : [];
}

/** Where a declared output is to be written: a folder that the kind makes, or a file. */
export function outputPath(job: Pick<Job, 'outputs'>, name: string): string {
  const output = job.outputs[name];
  if (!output) throw new Error(`internal error: the job has no output ${name}; please report it`);
  return output.path;
}

export type { ArtifactRef, GatheredArtifact, Json };
