import type { Json, JsonObject } from '../../schemas/json.js';

/** The part of JSON Schema that TypeBox writes and the checker reads. */
export interface JsonSchema {
  readonly type?: string;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly default?: Json;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minLength?: number;
  readonly minProperties?: number;
  readonly pattern?: string;
  /** Ours: text that is never read for references. */
  readonly raw?: boolean;
  /** Ours: a setting of the language that takes `$params.x` instead of its value. */
  readonly param?: boolean;
  /** Ours: what is taken, in words, where a pattern would say it badly. */
  readonly takes?: string;
}

export const isMap = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The forms that a value may take: the branches of a union, or the schema itself. */
export function formsOf(schema: JsonSchema): readonly JsonSchema[] {
  const branches = schema.anyOf ?? schema.oneOf;
  return branches === undefined ? [schema] : branches.flatMap(formsOf);
}

export function itemSchema(schema: JsonSchema | undefined, index: number): JsonSchema | undefined {
  const items = schema?.items;
  if (items === undefined) return undefined;
  return Array.isArray(items) ? (items as readonly JsonSchema[])[index] : (items as JsonSchema);
}

const propertyOf = (
  properties: Readonly<Record<string, JsonSchema>> | undefined,
  key: string,
): JsonSchema | undefined =>
  properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;

export function propertySchema(schema: JsonSchema | undefined, key: string): JsonSchema | undefined {
  const named = propertyOf(schema?.properties, key);
  if (named !== undefined) return named;
  const pattern = Object.values(schema?.patternProperties ?? {})[0];
  const rest = schema?.additionalProperties;
  return pattern ?? (typeof rest === 'object' ? rest : undefined);
}

/** The same schema, refusing unknown keys wherever it names the known ones. */
export function closed(schema: JsonSchema): JsonSchema {
  const branches = (list: readonly JsonSchema[] | undefined): readonly JsonSchema[] | undefined =>
    list?.map(closed);
  const { anyOf, oneOf, items, properties, patternProperties } = schema;
  return {
    ...schema,
    ...(anyOf === undefined ? {} : { anyOf: branches(anyOf) ?? [] }),
    ...(oneOf === undefined ? {} : { oneOf: branches(oneOf) ?? [] }),
    ...(items === undefined ? {} : { items: closedItems(items) }),
    ...(patternProperties === undefined ? {} : { patternProperties: mapValues(patternProperties, closed) }),
    ...(properties === undefined
      ? {}
      : {
          properties: mapValues(properties, closed),
          additionalProperties: schema.additionalProperties ?? false,
        }),
  };
}

function closedItems(items: JsonSchema | readonly JsonSchema[]): JsonSchema | readonly JsonSchema[] {
  return Array.isArray(items) ? (items as readonly JsonSchema[]).map(closed) : closed(items as JsonSchema);
}

function mapValues<A, B>(map: Readonly<Record<string, A>>, of: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, of(value)]));
}

/**
 * The value with the defaults of the schema filled in, inside lists, maps and the form of a union that it has, too.
 * Undefined where there is neither a value nor a default.
 */
export function withDefaults(schema: JsonSchema, given: Json | undefined): Json | undefined {
  const value = given === undefined ? schema.default : given;
  // A scalar is what it is, whatever the form.
  if (value === undefined || typeof value !== 'object' || value === null) return value;
  const forms = formsOf(schema);
  const form = forms.length === 1 ? forms[0] : forms.find((candidate) => fits(candidate, value));
  if (form === undefined) return value;
  if (Array.isArray(value))
    return (value as readonly Json[]).map(
      (item, index) => withDefaults(itemSchema(form, index) ?? {}, item) ?? item,
    );
  return isMap(value) ? mapWithDefaults(form, value) : value;
}

function mapWithDefaults(form: JsonSchema, value: JsonObject): JsonObject {
  const entries: [string, Json][] = [];
  for (const key of new Set([...Object.keys(form.properties ?? {}), ...Object.keys(value)])) {
    const given = Object.hasOwn(value, key) ? value[key] : undefined;
    const filled = withDefaults(propertySchema(form, key) ?? {}, given);
    if (filled !== undefined) entries.push([key, filled]);
  }
  return Object.fromEntries(entries);
}

/** Whether a value has the outline of a form: its type, and for maps known keys and all keys that must be given. */
function fits(form: JsonSchema, value: Json): boolean {
  if (form.const !== undefined) return form.const === value;
  if (form.enum !== undefined) return form.enum.includes(value);
  if (!isMap(value))
    return form.type === undefined || form.type === typeOf(value) || isIntegerFor(form, value);
  if (form.type !== undefined && form.type !== 'object') return false;
  const known = Object.keys(value).every(
    (key) => propertySchema(form, key) !== undefined || !form.properties,
  );
  const given = (form.required ?? []).every(
    (key) => Object.hasOwn(value, key) || propertyOf(form.properties, key)?.default !== undefined,
  );
  return known && given;
}

const isIntegerFor = (form: JsonSchema, value: Json): boolean =>
  form.type === 'integer' && typeof value === 'number';

function typeOf(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
