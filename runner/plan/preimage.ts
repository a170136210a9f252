/** What decides a cell's result, and nothing else. */
import { canonicalJson, sha256, type Json, type JsonObject } from '../../schemas/json.js';
import type { StageKind } from '../contract.js';
import type { Cell, Key } from '../pipeline.js';
import { keyOf as keyOfJson, keyOfText } from '../store/index.js';
import type { InputDigests, Preimage } from './types.js';

export interface PreimageParts {
  readonly kind: StageKind;
  readonly inputs: InputDigests;
  /** Code digest. */
  readonly code: string;
  /** Digests of the programs that the kind starts; absent where it starts none. */
  readonly programs?: Readonly<Record<string, string>> | undefined;
  /** The environment that `env:` names variables of. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Numeric environment, where nothing computed in another one is to be a hit. */
  readonly environment?: JsonObject | undefined;
}

function pick(values: JsonObject, keep: (name: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([name]) => keep(name)));
}

/** The `with` values that can't change a byte: job.json is the preimage's `with` and these. */
export function inertValues(cell: Cell, kind: StageKind): JsonObject {
  return pick(cell.with, (name) => kind.inert?.includes(name) ?? false);
}

/** A preimage that has been written and hashed, and is read only where somebody asks what is in it. */
export interface WrittenPreimage {
  readonly key: Key;
  readonly read: () => Preimage;
}

/** Everything counts unless listed inert. Names of cells, labels, resources and the cell's own coordinates don't. */
export function writePreimage(
  cell: Cell,
  { kind, inputs, code, programs, env, environment }: PreimageParts,
): WrittenPreimage {
  const preimage: Preimage = {
    kind: kind.name,
    version: kind.version,
    with: pick(cell.with, (name) => !(kind.inert?.includes(name) ?? false)),
    inputs,
    code,
    ...(cell.seed === undefined ? {} : { seed: cell.seed }),
    ...(programs === undefined ? {} : { programs }),
    env: Object.fromEntries(cell.env.map((name) => [name, env[name] ?? null])),
    outputs: cell.outputs,
    ...(environment === undefined ? {} : { environment }),
  };
  // Read back from its canonical text, members are sorted, absent ones absent, and -0 is 0: what is hashed, stored and
  // handed to a worker is the same, and a stage never sees the order in which members were written.
  const text = canonicalJson(preimage as unknown as Json);
  const key = keyOfText(text);
  let read: Preimage | undefined;
  return {
    key,
    read: () => {
      if (read !== undefined) return read;
      read = JSON.parse(text) as Preimage;
      keys.set(read, key);
      return read;
    },
  };
}

export const preimageOf = (cell: Cell, parts: PreimageParts): Preimage => writePreimage(cell, parts).read();

/** Keys of the preimages made here: their text is written once. */
const keys = new WeakMap<Preimage, Key>();

export function keyOf(preimage: Preimage): Key {
  return keys.get(preimage) ?? keyOfJson(preimage as unknown as JsonObject);
}

/** Checkpoints that a cell shares with those that only go less or further. */
export interface CheckpointFamily {
  readonly name: string;
  /** How far the cell goes, where what comes after the way does not decide the way: others may go on from its end. */
  readonly most?: number;
}

/**
 * The checkpoints that a cell can go on from, named by the hash of its preimage without what only says how far to go.
 * Undefined where the kind keeps none.
 */
export function checkpointFamily(preimage: Preimage, kind: StageKind): CheckpointFamily | undefined {
  if (kind.checkpoints !== true) return undefined;
  const extent = kind.extent?.({ ...preimage.with });
  const rest = { ...preimage, with: pick(preimage.with, (name) => name !== extent) };
  const name = sha256(`moft-checkpoint-1\0${canonicalJson(rest as unknown as Json)}`);
  return { name, ...(extent === undefined ? {} : { most: Number(preimage.with[extent]) }) };
}
