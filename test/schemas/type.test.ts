import { Type as TypeBox } from 'typebox';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { Type } from '../../schemas/type.js';

/** A schema with the members that TypeBox hides. */
function exposed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(exposed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const names = Object.getOwnPropertyNames(schema);
  return Object.fromEntries(names.map((name) => [name, exposed((schema as Record<string, unknown>)[name])]));
}

type Builder = typeof Type;
const calls: Readonly<Record<keyof Builder, (builder: Builder) => unknown>> = {
  Any: (t) => t.Any({ description: 'all' }),
  Array: (t) => t.Array(t.Number({ minimum: 0 }), { minItems: 1, description: 'a list' }),
  Boolean: (t) => t.Boolean({ default: true }),
  Enum: (t) => t.Enum(['a', 'b'] as const, { default: 'a' }),
  Integer: (t) => t.Integer({ minimum: 1, default: 3 }),
  Intersect: (t) => t.Intersect([t.Object({ a: t.Integer() }), t.Union([t.Object({ b: t.String() })])]),
  Literal: (t) => [t.Literal('x', { description: 'text' }), t.Literal(1), t.Literal(true)],
  Null: (t) => t.Null(),
  Number: (t) => t.Number({ exclusiveMinimum: 0, maximum: 1 }),
  Object: (t) => [
    t.Object({}),
    t.Object(
      { b: t.String(), a: t.Optional(t.Object({ c: t.Integer() })) },
      { additionalProperties: false, default: { b: 'x' } },
    ),
    t.Object({ a: t.Optional(t.String()) }),
  ],
  Optional: (t) => t.Optional(t.Union([t.String(), t.Null()], { description: 'perhaps' })),
  Record: (t) => t.Record(t.String(), t.Array(t.Any()), { minProperties: 1 }),
  String: (t) => t.String({ pattern: '^a', minLength: 1 }),
  Tuple: (t) => t.Tuple([t.Number(), t.String()], { description: 'a pair' }),
  Union: (t) =>
    t.Union([t.Literal('none'), t.Object({ from: t.Number({ default: 1 }) })], { default: 'none' }),
  Unknown: (t) => t.Unknown({ description: 'anything' }),
};

describe('the builder of schemas', () => {
  it.each(Object.entries(calls))('answers as TypeBox does: %s', (_name, call) => {
    expect(exposed(call(Type))).toEqual(exposed(call(TypeBox)));
    expect(JSON.stringify(call(Type))).toBe(JSON.stringify(call(TypeBox)));
  });

  it('leaves the schema that it makes optional as it was', () => {
    const text = Type.String();
    Type.Optional(text);
    expect(Object.getOwnPropertyNames(text)).not.toContain('~optional');
  });

  it('is understood by the checks and defaults of TypeBox', () => {
    const front = kinds.get('front');
    const values = Value.Default(front?.with ?? {}, {}) as Record<string, unknown>;
    expect(values.grid).toEqual({ weights: { simplex: 11 }, alpha: 'trained' });
    expect(Value.Check(front?.with ?? {}, values)).toBe(true);
    expect(Value.Check(front?.with ?? {}, { ...values, samples: 0 })).toBe(false);
  });
});
