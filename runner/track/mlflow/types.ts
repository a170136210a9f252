/** What the client takes and gives: MLflow's entities, with numbers where JSON has texts. */

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';
export const runStatuses: readonly RunStatus[] = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'];

export interface Experiment {
  readonly id: string;
  readonly name: string;
  readonly artifactLocation: string;
  readonly deleted: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Metric {
  readonly key: string;
  /** NaN and infinities are told to the server by name; it gives infinities back as the largest double. */
  readonly value: number;
  /** Whole milliseconds since 1970. */
  readonly timestamp: number;
  readonly step: number;
  /** Id of a logged model that it says something of. */
  readonly model?: string;
}

export type Pairs = Readonly<Record<string, string>>;

export interface Run {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly start: number;
  readonly end?: number;
  /** Where its artifacts lie: `mlflow-artifacts:/1/<run>/artifacts`, `file:///...`, `s3://...`. */
  readonly artifactUri: string;
  readonly deleted: boolean;
  readonly params: Pairs;
  readonly tags: Pairs;
  /** The last value of each metric. */
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly datasets: readonly (Dataset & { readonly context?: string })[];
  /** Ids of the logged models that it read, and of those that it made. */
  readonly modelInputs: readonly string[];
  readonly models: readonly string[];
}

export interface NewRun {
  readonly experiment: string;
  readonly name: string;
  /** Whole milliseconds since 1970. */
  readonly start: number;
  /** Identifies this run for all time: it is searched for before anything is created. */
  readonly clientKey: string;
  readonly tags?: Pairs;
}

export interface Batch {
  readonly metrics?: readonly Metric[];
  readonly params?: Pairs;
  readonly tags?: Pairs;
}

export interface Dataset {
  readonly name: string;
  /** At most 36 characters. */
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema?: string;
  readonly profile?: string;
}

export interface DatasetInput extends Dataset {
  /** What it is for, such as `train`; the same (name, digest) in another context is ignored by the server. */
  readonly context?: string;
}

/** What a run read. */
export interface RunInputs {
  readonly datasets?: readonly DatasetInput[];
  /** Ids of logged models. */
  readonly models?: readonly string[];
}

export interface RunQuery {
  readonly experiments: readonly string[];
  /** Such as ``tags.`mlflow.parentRunId` = 'id'``; `quoted` makes safe texts. */
  readonly filter?: string;
  readonly orderBy?: readonly string[];
  readonly deleted?: 'active' | 'deleted' | 'all';
  /** Runs in all; default: every one. */
  readonly limit?: number;
}

export interface LoggedModel {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly status: string;
  readonly artifactUri: string;
  readonly sourceRun?: string;
  readonly tags: Pairs;
  readonly params: Pairs;
}

export interface NewModel {
  readonly experiment: string;
  readonly name: string;
  readonly type?: string;
  readonly sourceRun: string;
  /** As for runs. */
  readonly clientKey: string;
  readonly params?: Pairs;
  readonly tags?: Pairs;
}

export interface ModelOutput {
  readonly model: string;
  readonly step: number;
}

export interface ArtifactEntry {
  /** Relative to the root that was listed. */
  readonly path: string;
  readonly folder: boolean;
  readonly bytes: number;
}

export interface Trace {
  /** `tr-` and 32 hexadecimal digits, given by us: the same again updates it. */
  readonly id: string;
  readonly experiment: string;
  /** The run it belongs to. */
  readonly run?: string;
  readonly name: string;
  /** Whole milliseconds since 1970. */
  readonly start: number;
  readonly milliseconds: number;
  readonly ok: boolean;
  readonly request: unknown;
  readonly response: unknown;
  readonly tags?: Pairs;
}

export interface Assessment {
  /** `a-` and 32 hexadecimal digits, given by us: the same again is nothing new. */
  readonly id: string;
  readonly trace: string;
  readonly name: string;
  /** Absent where there is a failure instead. */
  readonly value?: string | number | boolean;
  readonly failure?: { readonly code: string; readonly message: string };
  readonly rationale?: string;
  readonly source: { readonly kind: 'CODE' | 'LLM_JUDGE' | 'HUMAN'; readonly id: string };
  /** Whole milliseconds since 1970. */
  readonly time: number;
  readonly metadata?: Pairs;
}
