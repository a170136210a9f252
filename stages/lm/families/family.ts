/** What a family of models is: how its config.json is read, and the architecture that it says. */
import { StageFailure } from '../../../runner/contract.js';
import type { Json, JsonObject } from '../../../schemas/json.js';
import type { Architecture } from '../architecture.js';

export interface Family<C> {
  /** Names of its classes in Transformers: with the output layer, and without. */
  readonly model: string;
  readonly base: string;
  /** What names of parameters begin with that a model saved without its output layer leaves away. */
  readonly prefix: string;
  /** Checks and completes; fields that it does not know are kept. What can't be run is a StageFailure. */
  parse(json: JsonObject, path: string): C;
  architecture(config: C): Architecture;
  /** With an output layer of its own, whose values no factor scales. */
  untied(config: C): C;
  /** The fields as config.json has them, so that Transformers 4 and 5 read them alike. */
  written(config: C): Readonly<Record<string, unknown>>;
}

export const invalid = (path: string, message: string): StageFailure =>
  new StageFailure('user', 'model-config', `${path}: ${message}`);
export const unsupported = (path: string, message: string): StageFailure =>
  new StageFailure('user', 'model-unsupported', `${path}: cannot run a model with ${message}`);

/** Settings that change the computation and are not built here, each with the only value taken. */
export function refuseOther(
  json: JsonObject,
  path: string,
  only: Readonly<Record<string, boolean | null>>,
): void {
  for (const [name, value] of Object.entries(only)) {
    const found = json[name];
    if (found !== undefined && found !== value)
      throw unsupported(path, `${name}: ${JSON.stringify(found)}; expected ${value}`);
  }
}

export function positiveIntegers<N extends string>(
  json: JsonObject,
  path: string,
  names: readonly N[],
): Readonly<Record<N, number>> {
  for (const name of names) {
    const found = json[name];
    if (!Number.isInteger(found) || (found as number) < 1)
      throw invalid(path, `${name} must be an integer of at least 1, found ${JSON.stringify(found ?? null)}`);
  }
  return Object.fromEntries(names.map((name) => [name, json[name]])) as Record<N, number>;
}

/** The entry of a name that must be known. */
export function oneOf<T>(known: ReadonlyMap<string, T>, field: string, found: unknown, path: string): T {
  const value = typeof found === 'string' ? known.get(found) : undefined;
  if (value === undefined)
    throw unsupported(
      path,
      `${field} ${JSON.stringify(found ?? null)}; expected ${[...known.keys()].join(', ')}`,
    );
  return value;
}

export function isMap(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
