/**
 * Where a value departs from one of our schemas. Loading a validator takes longer than many a cell runs; this reads
 * the keywords that `schemas/type.ts` writes for what crosses a process or reaches the disk, and refuses any other.
 */
import type { Static, TSchema } from 'typebox';

type Schema = Readonly<Record<string, unknown>>;
type Values = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isMap,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  number: Number.isFinite,
  integer: Number.isInteger,
};

/** Looks at one keyword of a schema: what is wrong with the value at a place, or undefined. */
type Keyword = (limit: never, value: unknown, at: string, schema: Schema) => string | undefined;

const must = (holds: boolean, at: string, what: string): string | undefined =>
  holds ? undefined : `${at || 'it'} must ${what}`;

/** The first problem of several items. */
function first<T>(items: Iterable<T>, problemOf: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const problem = problemOf(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const keywords: Readonly<Record<string, Keyword>> = {
  type: (name: string, value, at) => must(types[name]?.(value) === true, at, `be ${name}`),
  const: (one: unknown, value, at) => must(value === one, at, `be ${JSON.stringify(one)}`),
  enum: (all: readonly unknown[], value, at) =>
    must(all.includes(value), at, `be one of ${all.map((one) => JSON.stringify(one)).join(', ')}`),
  anyOf: (forms: readonly Schema[], value, at) =>
    must(
      forms.some((form) => problem(form, value, at) === undefined),
      at,
      'have one of its forms',
    ),
  allOf: (parts: readonly Schema[], value, at) => first(parts, (part) => problem(part, value, at)),
  required: (names: readonly string[], value, at) =>
    isMap(value) ? first(names, (name) => must(Object.hasOwn(value, name), at, `have ${name}`)) : undefined,
  properties: (members: Readonly<Record<string, Schema>>, value, at) =>
    isMap(value)
      ? first(Object.entries(members), ([name, member]) =>
          Object.hasOwn(value, name) ? problem(member, value[name], `${at}/${name}`) : undefined,
        )
      : undefined,
  // Of records, whose one pattern takes every name.
  patternProperties: (patterns: Readonly<Record<string, Schema>>, value, at) =>
    isMap(value)
      ? first(Object.entries(value), ([name, member]) =>
          first(Object.values(patterns), (pattern) => problem(pattern, member, `${at}/${name}`)),
        )
      : undefined,
  items: (each: Schema | readonly Schema[], value, at) =>
    Array.isArray(value)
      ? first(value.entries(), ([i, item]) => {
          const schema = Array.isArray(each) ? (each as readonly Schema[])[i] : (each as Schema);
          return schema && problem(schema, item, `${at}/${i}`);
        })
      : undefined,
  // Of tuples: as many items as they have places.
  additionalItems: (_none: false, value, at, { items }) =>
    must(!Array.isArray(value) || value.length <= (items as readonly Schema[]).length, at, 'be shorter'),
  minItems: (least: number, value, at) =>
    must(!Array.isArray(value) || value.length >= least, at, `have ${least} items or more`),
  minimum: (least: number, value, at) =>
    must(typeof value !== 'number' || value >= least, at, `be ${least} or more`),
  pattern: (pattern: string, value, at) =>
    must(typeof value !== 'string' || new RegExp(pattern, 'u').test(value), at, `match ${pattern}`),
};

/** Said to people, and asking nothing. */
const words = new Set(['description', 'default', 'title']);

function problem(schema: Schema, value: unknown, at: string): string | undefined {
  return first(Object.entries(schema), ([name, limit]) => {
    if (words.has(name)) return undefined;
    const keyword = keywords[name];
    if (!keyword) throw new Error(`internal error: no check of ${name} is known; please report it`);
    return keyword(limit as never, value, at, schema);
  });
}

/** What is wrong with a value, and where (`/points/0/alpha must be number`), or undefined. */
export const mismatch = (schema: TSchema, value: unknown): string | undefined =>
  problem(schema as Schema, value, '');

export const matches = <S extends TSchema>(schema: S, value: unknown): value is Static<S> =>
  mismatch(schema, value) === undefined;
