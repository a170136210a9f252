/** `moft.yaml` at the root of a project: what belongs to a machine or a team, and never decides a result. */
import { Type } from './type.js';

const closed = { additionalProperties: false } as const;
const variable = '^[A-Za-z_][A-Za-z0-9_]*$';

export const CacheSchema = Type.Object(
  {
    folder: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Folder of the shared cache, such as one on a network disk.',
      }),
    ),
    url: Type.Optional(
      Type.String({
        pattern: '^https?://',
        description:
          'Address of the shared cache; `/ac/KEY` and `/cas/DIGEST` below it are read and written.',
      }),
    ),
    trust: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Public keys whose results are taken, as `moft push --make-key` prints them.',
      }),
    ),
    push: Type.Optional(
      Type.Boolean({ default: false, description: '`moft push` writes here when it is not told where.' }),
    ),
    token: Type.Optional(
      Type.String({ pattern: variable, description: 'Variable that holds a bearer token.' }),
    ),
    login: Type.Optional(
      Type.String({ pattern: variable, description: 'Variable that holds `user:password`.' }),
    ),
    insecure: Type.Optional(
      Type.Boolean({ default: false, description: 'Allows `http://`, which anyone on the way can read.' }),
    ),
    timeout: Type.Optional(
      Type.String({ default: '10s', description: 'How long to wait for an answer, and between its pieces.' }),
    ),
  },
  closed,
);

/** What the machine offers to cells, where that is not what is found on it. */
export const CapacitySchema = Type.Object(
  {
    cpu: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'Cells of one core that run at once. Default: the cores.',
      }),
    ),
    memory: Type.Optional(
      Type.Union([Type.String(), Type.Integer({ minimum: 1 })], {
        description: 'Memory for cells: `48GiB`, or a number of bytes. Default: all there is.',
      }),
    ),
    gpu: Type.Optional(
      Type.Array(Type.Union([Type.Integer({ minimum: 0 }), Type.String()]), {
        description: 'Graphics cards to hand out, by index or UUID. Default: those that `nvidia-smi` lists.',
      }),
    ),
    tokens: Type.Optional(
      Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
        description: 'How many there are of each token that stages take.',
      }),
    ),
  },
  closed,
);

/** Where people look at runs. */
export const MlflowSchema = Type.Object(
  {
    uri: Type.Optional(
      Type.String({
        pattern: '^https?://',
        description:
          'Address of the MLflow server that runs are sent to. `--track` and MLFLOW_TRACKING_URI come before it.',
      }),
    ),
    judgments: Type.Optional(
      Type.Boolean({
        description: 'Whether judgments are sent, with the texts that were judged, as traces. Default: true.',
      }),
    ),
    trust: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Public keys whose results `moft restore` takes, beside those of `caches`.',
      }),
    ),
  },
  closed,
);

export const MachineSchema = Type.Object(
  {
    shared: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Several users work in this store: whatever is made in it, their group may write to.',
      }),
    ),
    mlflow: Type.Optional(MlflowSchema),
    resources: Type.Optional(CapacitySchema),
    caches: Type.Optional(
      Type.Array(CacheSchema, { description: 'Shared caches, asked in this order for what is not here.' }),
    ),
  },
  closed,
);

/** A shared cache as it is used: one of `folder` and `url` is there. */
export interface CacheSettings {
  /** Absolute. */
  readonly folder?: string;
  readonly url?: string;
  readonly trust: readonly string[];
  readonly push: boolean;
  readonly token?: string;
  readonly login?: string;
  /** Seconds. */
  readonly timeout: number;
}

/** What `moft.yaml` says that there is; what it doesn't say is looked up. */
export interface MachineResources {
  readonly cpu?: number;
  /** Bytes. */
  readonly memory?: number;
  /** Ids as CUDA_VISIBLE_DEVICES takes them. */
  readonly gpu?: readonly string[];
  readonly tokens?: Readonly<Record<string, number>>;
}

export interface MlflowPlace {
  readonly uri?: string;
  readonly judgments: boolean;
  readonly trust: readonly string[];
}

export interface Machine {
  /** Whether the store is that of all users of a group. */
  readonly shared: boolean;
  readonly mlflow: MlflowPlace;
  readonly resources: MachineResources;
  readonly caches: readonly CacheSettings[];
}
