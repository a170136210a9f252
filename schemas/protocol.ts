/**
 * The protocol between the runner and a worker: what stands in job.json, events.jsonl and exit.json, and the
 * record that a finished cell leaves. One source of truth for types and JSON Schema.
 */
import { artifactTypes } from './artifact.js';
import { Type, type Static } from './type.js';

export const protocolVersion = 1;

const ArtifactTypeSchema = Type.Enum(artifactTypes);
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' });

/** One artifact as a worker sees it. */
export const ArtifactRef = Type.Object({
  type: ArtifactTypeSchema,
  digest: Digest,
  /** Absolute path of the blob: the file itself, or the tree listing of a directory. */
  path: Type.String(),
  /** A directory's files: relative path to absolute path. Absent for a file. */
  files: Type.Optional(Type.Record(Type.String(), Type.String())),
  /** Where it lies in the project, of a kind to which that counts: relative to the pipeline file, with `/`. */
  at: Type.Optional(Type.String()),
  /** A single file that may be executed. */
  executable: Type.Optional(Type.Literal(true)),
  /** `path` is the user's own file or folder, which is read where it lies. */
  inPlace: Type.Optional(Type.Literal(true)),
});
export type ArtifactRef = Static<typeof ArtifactRef>;

/** One item of a gathered input, with the coordinates of the gathered axes only. */
export const GatheredArtifact = Type.Object({
  stage: Type.String(),
  coordinates: Type.Record(Type.String(), Type.String()),
  artifact: ArtifactRef,
});
export type GatheredArtifact = Static<typeof GatheredArtifact>;

export const Job = Type.Object({
  v: Type.Literal(protocolVersion),
  /** Nonce of the attempt: events and exit.json carry it. */
  attempt: Type.String(),
  kind: Type.String(),
  with: Type.Record(Type.String(), Type.Any()),
  seed: Type.Optional(Type.Integer()),
  inputs: Type.Record(Type.String(), Type.Union([ArtifactRef, Type.Array(GatheredArtifact)])),
  outputs: Type.Record(Type.String(), Type.Object({ type: ArtifactTypeSchema, path: Type.String() })),
  /** Names of the declared variables, and of those that must not be shown: their values never stand here. */
  env: Type.Optional(Type.Array(Type.String())),
  secrets: Type.Optional(Type.Array(Type.String())),
  /** A folder of the attempt's own, removed afterwards. Not there yet. */
  scratch: Type.String(),
  /** Where a program of the user's works: the same path for the same key. Not there yet. */
  workspace: Type.Optional(Type.String()),
  /** A folder that outlives the attempt. */
  checkpoint: Type.Optional(Type.String()),
  /** Engine for kinds with `engine: true`. */
  backend: Type.Optional(Type.String()),
});
export type Job = Static<typeof Job>;

/** How a judge answered: only `ok`, `tie` and `inconsistent` (both orders disagree: a tie) decide anything. */
export const judgmentStatuses = [
  'ok',
  'tie',
  'inconsistent',
  'unparsed',
  'refused',
  'truncated',
  'error',
] as const;
export type JudgmentStatus = (typeof judgmentStatuses)[number];

const stamp = { time: Type.Integer(), seq: Type.Integer() };
export const StageEventBody = Type.Union([
  Type.Object({
    type: Type.Literal('metric'),
    name: Type.String(),
    value: Type.Number(),
    step: Type.Integer(),
  }),
  Type.Object({
    type: Type.Literal('progress'),
    done: Type.Number(),
    total: Type.Number(),
    unit: Type.String(),
  }),
  Type.Object({
    type: Type.Literal('log'),
    level: Type.Enum(['debug', 'info', 'warning', 'error']),
    text: Type.String(),
  }),
  Type.Object({ type: Type.Literal('note'), markdown: Type.String() }),
  Type.Object({
    type: Type.Literal('sample'),
    prompt: Type.String(),
    response: Type.String(),
    tradeOff: Type.Object({ alpha: Type.Number(), weights: Type.Array(Type.Number()) }),
    rewards: Type.Array(Type.Number()),
  }),
  /** One call of a judge. */
  Type.Object({
    type: Type.Literal('judgment'),
    /** Who judges, such as the name of a model. */
    judge: Type.String({ minLength: 1 }),
    /** What it judges by, such as the name of an objective. */
    rubric: Type.String({ minLength: 1 }),
    prompt: Type.String(),
    /** One response that is rated, or two in the order in which the judge reads them. */
    responses: Type.Array(Type.String(), { minItems: 1, maxItems: 2 }),
    status: Type.Enum(judgmentStatuses),
    /** `first` or `second` of two, a mark of one; there where the status is `ok`. */
    verdict: Type.Optional(Type.Union([Type.String(), Type.Number()])),
    rationale: Type.Optional(Type.String()),
    /** What is judged, such as the id of a prompt: calls in both orders share it. */
    item: Type.Optional(Type.String()),
    /** Whole milliseconds from the question to the answer. */
    milliseconds: Type.Integer({ minimum: 0 }),
  }),
  Type.Object({ type: Type.Literal('artifact'), name: Type.String() }),
]);
/** What a stage emits; the worker adds time and seq. */
export type StageEventBody = Static<typeof StageEventBody>;
export type JudgmentBody = Extract<StageEventBody, { type: 'judgment' }>;
export const StageEvent = Type.Intersect([Type.Object(stamp), StageEventBody]);
export type StageEvent = StageEventBody & { time: number; seq: number };

export const failureClasses = ['user', 'resource', 'infrastructure', 'environment', 'internal'] as const;
export type FailureClass = (typeof failureClasses)[number];

export const Failure = Type.Object({
  class: Type.Enum(failureClasses),
  code: Type.String(),
  message: Type.String(),
});
export type Failure = Static<typeof Failure>;

export const Exit = Type.Object({
  v: Type.Literal(protocolVersion),
  attempt: Type.String(),
  nonce: Type.String(),
  epoch: Type.Integer(),
  restarts: Type.Integer(),
  status: Type.Enum(['done', 'failed', 'interrupted']),
  error: Type.Optional(Failure),
  outputs: Type.Record(Type.String(), Type.Object({ digest: Digest, bytes: Type.Integer() })),
  /** What the cell loaded: modules of ours by their path below dist, packages by name, any other file by its path. */
  modules: Type.Optional(Type.Array(Type.String())),
});
export type Exit = Static<typeof Exit>;

export const RecordedArtifact = Type.Object({
  name: Type.String(),
  type: ArtifactTypeSchema,
  digest: Digest,
  bytes: Type.Integer(),
});
export type RecordedArtifact = Static<typeof RecordedArtifact>;

/** What a finished cell left. Knows no names: runs/<run>.json binds cell ids to keys and records. */
export const ResultRecord = Type.Object({
  v: Type.Literal(1),
  key: Digest,
  preimage: Type.Record(Type.String(), Type.Any()),
  kind: Type.String(),
  artifacts: Type.Array(RecordedArtifact),
  /** What it took, with what earlier tries took to get to the checkpoint that it was gone on with from. */
  seconds: Type.Number(),
  /** ISO 8601, UTC. */
  finished: Type.String(),
  run: Type.String(),
  environment: Type.Record(Type.String(), Type.Any()),
});
export type ResultRecord = Static<typeof ResultRecord>;
