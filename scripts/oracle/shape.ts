/**
 * What the oracle knows: shapes of groups of reference numbers. A group is recognised by its fields alone, never by
 * its name; each shape stands in a module of its own.
 */
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** Other groups of the same file, for those that refer to one. */
export interface Surroundings {
  readonly name: string;
  readonly siblings: readonly unknown[];
}

/** Largest error of each thing compared, by its name. */
export type Errors = Readonly<Record<string, number>>;

export interface Shape {
  readonly name: string;
  readonly tolerance: number;
  fits(group: unknown): boolean;
  check(group: unknown, around: Surroundings): Errors | Promise<Errors>;
}

/** A shape whose groups are those that a schema accepts. */
export function shape<S extends TSchema>(definition: {
  readonly name: string;
  readonly schema: S;
  readonly tolerance: number;
  readonly check: (group: Static<S>, around: Surroundings) => Errors | Promise<Errors>;
}): Shape {
  const { name, schema, tolerance, check } = definition;
  const fits = (group: unknown): group is Static<S> => Value.Check(schema, group);
  return {
    name,
    tolerance,
    fits,
    check(group, around) {
      if (!fits(group)) throw new Error(`internal error: a group is not of shape ${name}; please report it`);
      return check(group, around);
    },
  };
}

/** Collects the largest error under each name. */
export class Ledger {
  readonly #errors: Record<string, number> = {};

  get errors(): Errors {
    return this.#errors;
  }

  /** Compares numbers, or arrays of the same nesting; NaN and missing numbers are infinitely wrong. */
  compare(name: string, found: unknown, expected: unknown): void {
    const error = difference(found, expected);
    this.#errors[name] = Math.max(this.#errors[name] ?? 0, error);
  }
}

/** Largest absolute difference of two numbers or nested arrays; Infinity where their forms differ. */
export function difference(found: unknown, expected: unknown): number {
  if (typeof found === 'number' && typeof expected === 'number') {
    const error = found === expected ? 0 : Math.abs(found - expected);
    return Number.isNaN(error) ? Infinity : error;
  }
  const [a, b] = [list(found), list(expected)];
  if (!a || !b || a.length !== b.length) return Infinity;
  return a.reduce((worst: number, x, i) => Math.max(worst, difference(x, b[i])), 0);
}

function list(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value as readonly unknown[];
  return value instanceof Float64Array || value instanceof Float32Array ? [...value] : null;
}

/**
 * Weights as they were before a file rounded them: if all of them are within six digits of fractions of one small
 * denominator that sum to 1, those fractions; else the weights themselves.
 */
export function exactWeights(weights: readonly number[]): readonly number[] {
  for (let denominator = 1; denominator <= 60; denominator++) {
    const parts = weights.map((w) => Math.round(w * denominator));
    const close = parts.every((part, i) => Math.abs((weights[i] ?? NaN) - part / denominator) < 6e-7);
    if (close && parts.reduce((a, b) => a + b, 0) === denominator)
      return parts.map((part) => part / denominator);
  }
  return weights;
}
