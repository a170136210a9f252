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
  /** model: the share of its training rows that had conditioning tokens before the prompt. */
  readonly conditioningNoise?: number;
}

export interface InputPort {
  /** `any`: whatever a reference reads; of a path, a file or a folder as it lies on the disk. */
  readonly type: ArtifactType | 'any';
  /** Takes a gathered reference (or a list of references). Default: exactly one artifact. `either`: both. */
  readonly list?: boolean | 'either';
  /** What a hint gathers for it: the axes that its stage adds, or all there are. Default: `own`. */
  readonly gathers?: 'own' | 'all';
  readonly optional?: boolean;
  /** Also takes a path relative to the pipeline file (types `file`, `directory` and `any`); `only`: no reference. */
  readonly path?: boolean | 'only';
  /**
   * Written as a map (each entry is an input under its own name) or as a list (each item is an input, named by the
   * port and its path). Default: one input, named as the port.
   */
  readonly many?: 'map' | 'list';
  /** A path must stay inside the project, and where it lies there counts: for kinds that work in a folder of files. */
  readonly placed?: boolean;
  /** Whether a path is read where it lies and not copied: a change while the cell runs taints it. */
  inPlace?(values: Readonly<Record<string, unknown>>): boolean;
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
  /** It may be meant, and stops nothing: a warning. */
  readonly mayBeMeant?: true;
}

export interface Resources {
  readonly cpu?: number;
  /** Bytes. */
  readonly memory?: number;
  /** Graphics cards, each held alone. */
  readonly gpu?: number;
  /** Named things of which there are only so many, such as requests a minute to a judge. */
  readonly tokens?: Readonly<Record<string, number>>;
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

/** How a command ended. */
export interface CommandEnd {
  readonly code?: number;
  readonly signal?: string;
  /** The system killed for want of memory while it ran. */
  readonly outOfMemory: boolean;
  /** The last that it printed, without secrets. */
  readonly tail: string;
}

/** An input as a command finds it. */
export interface LaidInput {
  /** Absolute; of a gathered input the folder that holds its items and `items.json`. */
  readonly path: string;
}

/** What a worker offers to a kind that runs a program of the user's instead of computing. */
export interface Workshop {
  /** The working folder: the same path for the same key. */
  readonly folder: string;
  /** Scratch folders for HOME and TMPDIR, and the file that takes events. */
  readonly home: string;
  readonly temporary: string;
  readonly events: string;
  /** A folder that the next attempt finds again, unless this one fails by the command's own fault. */
  readonly checkpoint: string;
  /**
   * Lays an input out: what has a place in the project there, anything else beside the working folder.
   *
   * @param link shares its files with the store; a command that writes to one fails
   */
  lay(name: string, link: boolean): Promise<LaidInput>;
  /** The value of a variable that the worker was given: PATH, declared ones and secrets. */
  variable(name: string): string | undefined;
  /** Runs a script with `/bin/sh -eu` and resolves when it and all that it started are gone. */
  run(script: string, variables: Readonly<Record<string, string>>): Promise<CommandEnd>;
  /** Takes an output from the working folder, copied, searched for secrets, and checked for its type. */
  collect(name: string, path: string): Promise<void>;
}

/** Opens the workshop of a job; it is cleared when the work ends, however it ends. */
export type OpenWorkshop = <T>(work: (workshop: Workshop) => Promise<T>) => Promise<T>;

/** What outlives a try that is killed: a long kind goes on from there, bit for bit, and keeps its state there. */
export interface Checkpoints {
  /** The furthest whole checkpoint that the cell can go on from. */
  readonly from?: { readonly step: number; readonly folder: string };
  /** Whether to keep one now: some time has passed, somebody asked for one, or the cell is to stop. */
  due(): boolean;
  /** Whether the state at the end is worth keeping: another cell may go further. */
  readonly atEnd: boolean;
  /** Keeps one: `write` fills a fresh folder. */
  save(step: number, write: (folder: string) => Promise<void>): Promise<void>;
}

/** What a worker offers to a kind, beside its job. */
export interface Facilities {
  readonly checkpoints: Checkpoints;
  readonly workshop: OpenWorkshop;
}

/**
 * A stage kind. The declaration stands in stages/kinds/<name>.ts and is light (schema, ports, checks);
 * `run` loads the recipe, stages/kinds/<name>.run.ts, and with it whatever is heavy. Where that is all it does, as it should
 * be, the declaration is not in the code that counts for a cell: what it decides is in the preimage, or in a module that
 * `modules` names, as an `extent` must be.
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
  /** Names of `with` values that say nothing where these inputs are given: they stand in the key, and nobody reads them. */
  idle?(inputs: ReadonlySet<string>): readonly string[];
  /** Keeps checkpoints, so that a try that was killed is gone on with. */
  readonly checkpoints?: boolean;
  /**
   * Name of the `with` value that only says how far to go, where the state on the way doesn't depend on it: what was
   * trained less far is gone on with. `modules` names the module that decides it wherever there is one.
   */
  extent?(values: Static<S>): string | undefined;
  /**
   * For expected times alone. `proportional`: numbers of `with` whose product the time grows with; `timeless`: values
   * that make it neither longer nor shorter. Where any other value differs, what was measured says nothing. Without it
   * the extent is proportional.
   */
  readonly pace?: { readonly proportional?: readonly string[]; readonly timeless?: readonly string[] };
  /** Artifacts taken; in YAML they stand under `with` beside the values. */
  readonly inputs: Readonly<Record<string, InputPort>>;
  outputs(values: Static<S>, inputs: InputTraits): Readonly<Record<string, OutputPort>>;
  /**
   * Modules loaded by name, as paths from the root without ending (`stages/policy/conditioning/full`). Of what loads one of
   * them by name, or is named itself and loads others so, only these count; what a cell loads beside them fails it.
   */
  modules?(values: Static<S>): readonly string[];
  /** Checks across fields, and against the traits of the inputs; `rules` makes one of several. */
  readonly check?: Check<Static<S>>;
  /**
   * `training` kinds get the seed axis; `evaluation` kinds draw from their own sampling_seed; `declared` ones get a
   * seed where their stage says `seeds`.
   */
  readonly randomness: 'training' | 'evaluation' | 'declared' | 'none';
  /** Needs TensorFlow.js. */
  readonly engine: boolean;
  resources?(values: Static<S>): Resources;
  readonly tolerance?: Tolerance;
  /** What a plan says of calls to judges; kinds that call none leave it out. */
  calls?(values: Static<S>, inputs: InputTraits): ExpectedCalls;
  /** Why results of such values can't be served again, as a clause ("it reads the network"); undefined: they can. */
  uncacheable?(values: Static<S>): string | undefined;
  /** Programs that it starts, as a command line names them: each is found as the shell would, and its file counts. */
  programs?(values: Static<S>): readonly string[];
  /** What a reader of the plan should know of a stage with these values, as a clause; `inputs` names those that are given. */
  remarks?(values: Static<S>, inputs: ReadonlySet<string>): readonly string[];
  /** Writes every declared output below `job.outputs`; throws StageFailure for what a user can mend. */
  run(job: StageJob<Static<S>>, emit: Emit, signal: AbortSignal, facilities: Facilities): Promise<void>;
}

/** What a schema can't say of the values of a kind and of what it reads. */
export interface Check<W> extends CheckFunction<W> {
  /** Its parts, each of which still judges where a value that another one reads is wrong. */
  readonly rules?: readonly Check<W>[];
}

/** Written as a method, so that kinds of different schemas fit in one registry. */
type CheckFunction<W> = { check(values: W, inputs: InputTraits): readonly Problem[] }['check'];

/** One check of several rules that judge for themselves: what one reads doesn't stop another. */
export function rules<W>(...all: readonly Check<W>[]): Check<W> {
  return Object.assign((values: W, inputs: InputTraits) => all.flatMap((rule) => rule(values, inputs)), {
    rules: all,
  });
}

/** Kinds of different schemas in one registry; the checker validates `with` before anything is called. */
export function defineKind<S extends TObject>(kind: StageKind<S>): StageKind {
  return kind as unknown as StageKind;
}

export type KindRegistry = ReadonlyMap<string, StageKind>;

/** A result as it lies in the store, for whoever shows it to people who review runs. */
export interface FinishedCell {
  readonly kind: string;
  readonly with: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, ArtifactRef>>;
}

type Shownable = Readonly<Record<string, number | string>>;

/** One of many answers of a result, such as what a policy reaches at a trade-off: a run of its own on a server. */
export interface ShownPoint {
  readonly name: string;
  readonly params: Shownable;
  readonly figures: Readonly<Record<string, number>>;
}

export interface ShownTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/**
 * What of a result a reviewer sees beside its metrics and files. It is found in the result when that is sent, at any
 * later time: nothing of it is in a key or a record, so that to show more makes nothing run again.
 */
export interface Shown {
  /** Resolved values beside those of `with`; a chart's axis takes those that are numbers. */
  readonly params?: Shownable;
  /** Final figures of the whole result. */
  readonly figures?: Readonly<Record<string, number>>;
  readonly tables?: readonly ShownTable[];
  readonly points?: readonly ShownPoint[];
  /** Figures of the points that charts compare, the first two on the axes of one. */
  readonly compared?: readonly string[];
  /** Metrics of which the stage itself says a last figure, at step 0. */
  readonly finals?: readonly string[];
  /** Metrics whose course over the steps tells most. */
  readonly curves?: readonly string[];
  /** An output that can be asked again, and is compared with others of its sort. */
  readonly model?: { readonly output: string; readonly name: string; readonly params: Shownable };
  /** The input that figures and points say something of. */
  readonly about?: string;
  /** Markdown on the cell. */
  readonly note?: string;
  /** What sums the whole run up, in a sentence and in markdown, and the files that go with it. */
  readonly verdict?: string;
  readonly story?: string;
  readonly files?: readonly { readonly output: string; readonly file: string; readonly as: string }[];
}

/** Reads a result. Throws what it likes on one that it can't read: then it is shown without. */
export type Show = (cell: FinishedCell) => Shown;

/**
 * A failure that has a class and a message for the user; anything else thrown is an internal error. A line of it that
 * begins with the name of an input (`train:2: ...`) is shown with the path of the file that stands there.
 */
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
