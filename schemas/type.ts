/**
 * TypeBox's builder without TypeBox: the same calls, the same static types, the same plain JSON Schema. Loading the
 * package takes 370 modules, more time than all of `moft check`; what the declarations use of it fits here.
 * `test/schemas/type.test.ts` holds every call to TypeBox's own answer.
 */
import type * as TypeBox from 'typebox';

export type { Static, TObject, TSchema } from 'typebox';

type Options = Readonly<Record<string, unknown>>;
type Schema = Readonly<Record<string, unknown>>;

/** TypeBox tells its schemas apart by members that JSON and spreading leave out. */
function tagged(schema: Schema, tag: string, value: unknown): Schema {
  return Object.defineProperty(schema, tag, { value, enumerable: false, configurable: true, writable: true });
}

const make = (kind: string, schema: Schema, options: Options = {}): Schema =>
  tagged({ ...schema, ...options }, '~kind', kind);

function object(properties: Readonly<Record<string, Schema>>, options?: Options): Schema {
  const required = Object.keys(properties).filter((name) => properties[name]?.['~optional'] !== true);
  const keys = required.length > 0 ? { required } : {};
  return make('Object', { type: 'object', ...keys, properties }, options);
}

function optional(schema: Schema): Schema {
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)) as Schema;
  return tagged(copy, '~optional', true);
}

/** Keys are always texts: no declaration names them by a pattern. */
const record = (_key: Schema, value: Schema, options?: Options): Schema =>
  make('Record', { type: 'object', patternProperties: { '^.*$': value } }, options);

const tuple = (items: readonly Schema[], options?: Options): Schema =>
  make('Tuple', { type: 'array', additionalItems: false, items, minItems: items.length }, options);

const plain = {
  Any: (options?: Options) => make('Any', {}, options),
  Array: (items: Schema, options?: Options) => make('Array', { type: 'array', items }, options),
  Boolean: (options?: Options) => make('Boolean', { type: 'boolean' }, options),
  Enum: (values: readonly unknown[], options?: Options) => make('Enum', { enum: values }, options),
  Integer: (options?: Options) => make('Integer', { type: 'integer' }, options),
  Intersect: (allOf: readonly Schema[], options?: Options) => make('Intersect', { allOf }, options),
  Literal: (value: unknown, options?: Options) =>
    make('Literal', { type: typeof value, const: value }, options),
  Null: (options?: Options) => make('Null', { type: 'null' }, options),
  Number: (options?: Options) => make('Number', { type: 'number' }, options),
  Object: object,
  Optional: optional,
  Record: record,
  String: (options?: Options) => make('String', { type: 'string' }, options),
  Tuple: tuple,
  Union: (anyOf: readonly Schema[], options?: Options) => make('Union', { anyOf }, options),
  Unknown: (options?: Options) => make('Unknown', {}, options),
};

export const Type = plain as unknown as Pick<typeof TypeBox.Type, keyof typeof plain>;
