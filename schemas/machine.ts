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

export const MachineSchema = Type.Object(
  {
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

export interface Machine {
  readonly caches: readonly CacheSettings[];
}
