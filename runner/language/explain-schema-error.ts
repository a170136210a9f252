import type { ErrorObject } from 'ajv';
import type { Json } from '../../schemas/json.js';
import { describeSchema, literalsOf } from './describe-schema.js';
import { written } from './edits.js';
import { suggest } from './nearest.js';
import { formsOf, isMap, type JsonSchema } from './schema.js';

/** A schema's error as the user should hear it. */
export interface SchemaProblem {
  readonly kind: 'value' | 'missing' | 'unknown';
  /** From `with` to the value; for `missing` and `unknown` to the map that lacks or has the key. */
  readonly path: readonly string[];
  readonly key?: string;
  /** What is taken at `path` (for `missing`: at the key). */
  readonly expectation: string;
  readonly keyword: string;
  readonly schema: JsonSchema;
  readonly hint?: string | undefined;
  /** YAML of the value that was likely meant. */
  readonly instead?: string | undefined;
}

/** Errors of ajv to problems, one a place: a union's error gives way to those of the form that was meant. */
export function explainSchemaErrors(errors: readonly ErrorObject[]): readonly SchemaProblem[] {
  const unions = errors.filter(isUnion);
  const told = errors.filter((error) => !hasDefault(error));
  const outer = told.filter((error) => !unions.some((union) => union !== error && isInside(error, union)));
  const problems = outer.flatMap((error) =>
    isUnion(error) ? explainUnion(error, told) : [explainOne(error)],
  );
  return [
    ...new Map(
      problems.map((problem) => [JSON.stringify([problem.path, problem.key, problem.kind]), problem]),
    ).values(),
  ];
}

/** A key with a default is never missing: it was left unfilled because something else beside it is wrong. */
function hasDefault({ keyword, params, parentSchema }: ErrorObject): boolean {
  if (keyword !== 'required') return false;
  const { missingProperty = '' } = params as { missingProperty?: string };
  return (parentSchema as JsonSchema | undefined)?.properties?.[missingProperty]?.default !== undefined;
}

const isUnion = (error: ErrorObject): boolean => error.keyword === 'anyOf' || error.keyword === 'oneOf';
const isInside = (error: ErrorObject, union: ErrorObject): boolean =>
  error.schemaPath.startsWith(`${union.schemaPath}/`) && error.instancePath.startsWith(union.instancePath);

/** The one form whose outline the value has is explained from inside; otherwise all forms are named. */
function explainUnion(union: ErrorObject, errors: readonly ErrorObject[]): readonly SchemaProblem[] {
  const inside = errors.filter((error) => error !== union && isInside(error, union));
  const branches = new Map<string, ErrorObject[]>();
  for (const error of inside) {
    const branch = error.schemaPath.slice(union.schemaPath.length + 1).split('/')[0] ?? '';
    branches.set(branch, [...(branches.get(branch) ?? []), error]);
  }
  const entered = [...branches.values()].filter((list) =>
    list.every((error) => error.instancePath !== union.instancePath || isBound(error)),
  );
  const [meant] = entered.length === 1 ? entered : keyed(union, branches);
  if (meant !== undefined) return explainSchemaErrors(meant);
  return [explainOne(union)];
}

const bounds = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minItems',
  'maxItems',
  'minLength',
];
const isBound = (error: ErrorObject): boolean => bounds.includes(error.keyword);

/** A map that has a key which only one form knows is meant as that form. */
function keyed(union: ErrorObject, branches: ReadonlyMap<string, ErrorObject[]>): ErrorObject[][] {
  const value = union.data as Json;
  if (!isMap(value)) return [];
  const forms = formsAt(union);
  const matching = [...branches].filter(([branch]) =>
    Object.keys(value).some((key) => Object.hasOwn(forms[Number(branch)]?.properties ?? {}, key)),
  );
  return matching.length === 1 ? matching.map(([, errors]) => errors) : [];
}

function formsAt(union: ErrorObject): readonly JsonSchema[] {
  const schema = union.parentSchema as JsonSchema;
  return schema.anyOf ?? schema.oneOf ?? [];
}

function explainOne(error: ErrorObject): SchemaProblem {
  const schema = (error.parentSchema ?? {}) as JsonSchema;
  const path = pathOf(error.instancePath);
  const params = error.params as { missingProperty?: string; additionalProperty?: string };
  if (error.keyword === 'required') {
    const key = params.missingProperty ?? '';
    const missing = schema.properties?.[key] ?? {};
    return {
      kind: 'missing',
      path,
      key,
      expectation: describeSchema(missing),
      keyword: 'required',
      schema: missing,
    };
  }
  if (error.keyword === 'additionalProperties') {
    const key = params.additionalProperty ?? '';
    return { kind: 'unknown', path, key, expectation: '', keyword: error.keyword, schema };
  }
  return {
    kind: 'value',
    path,
    expectation: error.keyword === 'uniqueItems' ? 'a list without duplicates' : describeSchema(schema),
    keyword: error.keyword,
    schema,
    ...(nearestLiteral(schema, error.data as Json) ?? nearestForm(schema, error.data as Json)),
  };
}

const pathOf = (pointer: string): readonly string[] =>
  pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

type Near = Pick<SchemaProblem, 'hint' | 'instead'>;

function nearestLiteral(schema: JsonSchema, value: Json): Near | undefined {
  const literals = formsOf(schema).flatMap(literalsOf);
  const texts = literals.filter((literal) => typeof literal === 'string');
  if (typeof value !== 'string' || texts.length === 0) return undefined;
  const { hint, instead } = suggest(value, texts, '');
  return instead === undefined ? undefined : { hint, instead: written(instead) };
}

function nearestForm(schema: JsonSchema, value: Json): Near | undefined {
  if (!isMap(value)) return undefined;
  const known = formsOf(schema).flatMap((form) => Object.keys(form.properties ?? {}));
  const hints = Object.keys(value).map((key) =>
    known.includes(key) ? undefined : suggest(key, known, 'keys are').hint,
  );
  const hint = hints.find((one) => one !== undefined);
  return hint === undefined ? undefined : { hint };
}
