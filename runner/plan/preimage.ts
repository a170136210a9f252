/** What decides a cell's result, and nothing else. */
import type { Json, JsonObject } from '../../schemas/json.js';
import type { StageKind } from '../contract.js';
import type { Cell, Key } from '../pipeline.js';
import { keyOf as keyOfJson, normalized } from '../store/index.js';
import type { InputDigests, Preimage } from './types.js';

export interface PreimageParts {
  readonly kind: StageKind;
  readonly inputs: InputDigests;
  /** Code digest. */
  readonly code: string;
  /** The environment that `env:` names variables of. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

function pick(values: JsonObject, keep: (name: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([name]) => keep(name)));
}

/** The `with` values that can't change a byte: job.json is the preimage's `with` and these. */
export function inertValues(cell: Cell, kind: StageKind): JsonObject {
  return pick(cell.with, (name) => kind.inert?.includes(name) ?? false);
}

/** Everything counts unless listed inert. Names of cells, labels, resources and the cell's own coordinates don't. */
export function preimageOf(cell: Cell, { kind, inputs, code, env }: PreimageParts): Preimage {
  const preimage: Preimage = {
    kind: kind.name,
    version: kind.version,
    with: pick(cell.with, (name) => !(kind.inert?.includes(name) ?? false)),
    inputs,
    code,
    ...(cell.seed === undefined ? {} : { seed: cell.seed }),
    env: Object.fromEntries(cell.env.map((name) => [name, env[name] ?? null])),
    outputs: cell.outputs,
  };
  return normalized(preimage as unknown as Json) as unknown as Preimage;
}

export function keyOf(preimage: Preimage): Key {
  return keyOfJson(preimage as unknown as JsonObject);
}
