/** Schemas of plain values to those of what may be written: a field takes its value or a reference. */
import { describeSchema } from '../../runner/language/describe-schema.js';
import { formsOf, type JsonSchema } from '../../runner/language/schema.js';
import type { Json, JsonObject } from '../../schemas/json.js';
import { patterns } from '../../schemas/pipeline.js';

/** A schema as editors read it, with keywords of VS Code's: `markdownDescription`, `errorMessage`. */
export type EditorSchema = JsonObject;

/** Which references stand for a value: none but where a setting is marked, params, or axes of the stage too. */
export type Reads = 'marked' | 'params' | 'params and axes';
type Reading = Exclude<Reads, 'marked'>;

const plain = patterns.name.slice(1, -1);
const references: Readonly<Record<Reading, { readonly pattern: string; readonly example: string }>> = {
  params: { pattern: `\\$params\\.${plain}$`, example: '`$params.name`' },
  'params and axes': {
    pattern: `\\$(params|matrix)\\.${plain}$`,
    example: '`$params.name` or `$matrix.axis`',
  },
};

/** Definitions that fields point to, so that each form of reference is written once. */
export const definitions: EditorSchema = {
  param: reference('params'),
  value: reference('params and axes'),
};

function reference(reads: Reading): EditorSchema {
  const { pattern, example } = references[reads];
  return {
    // A title of its own: without it the YAML extension takes all forms of a field for matched, and hovers say less.
    title: 'reference',
    type: 'string',
    pattern: `^${pattern}`,
    patternErrorMessage: `Expected a value of another type, or a reference: ${example}.`,
  };
}

/** The schema of what may be written for a value; what is inside of it takes references, too. */
export function written(schema: JsonSchema, inherited: Reads): EditorSchema {
  const reads = schema.raw === true ? 'marked' : schema.param === true ? 'params' : inherited;
  const outer = texts(schema);
  const forms = formsOf(schema);
  if (forms[0] === schema) return withReference(outer, [form(schema, reads)], schema, reads);
  const own = forms.map((one) => ({ ...formTexts(one, outer), ...form(one, reads) }));
  return withReference(outer, own, schema, reads);
}

function withReference(
  outer: EditorSchema,
  own: readonly EditorSchema[],
  schema: JsonSchema,
  reads: Reads,
): EditorSchema {
  const held = formsOf(schema).some((one) => isText(one) || isAnything(one));
  const pointer = `#/definitions/${reads === 'params' ? 'param' : 'value'}`;
  const forms = reads === 'marked' || held ? own : [...own, { $ref: pointer }];
  if (forms.length === 1) return { ...outer, ...forms[0] };
  const [first = {}, ...others] = forms;
  return { ...outer, anyOf: [{ ...first, ...tellsAll(first, schema, reads) }, ...others] };
}

/**
 * The first of several forms tells what all of them take. With one type the YAML extension says "string | object"
 * instead, as it joins the names of types where no form fits; with a list of one it leaves the message.
 */
function tellsAll(first: EditorSchema, schema: JsonSchema, reads: Reads): EditorSchema {
  if (first.errorMessage === undefined || typeof first.type !== 'string') return {};
  return { type: [first.type], errorMessage: expectation(schema, reads) };
}

/** A form that has a description is told first, and then the field: a hover shows the form's text alone. */
function formTexts(
  { description }: JsonSchema,
  { markdownDescription, description: field }: EditorSchema,
): EditorSchema {
  if (description === undefined) return {};
  const told = [description, markdownDescription ?? field].filter((text) => typeof text === 'string');
  return { description, markdownDescription: told.join('\n\n') };
}

const isAnything = ({ type, enum: names, const: value }: JsonSchema): boolean =>
  type === undefined && names === undefined && value === undefined;

/** Text holds its references in its own pattern, which gives one message instead of two. */
const isText = ({ type, enum: names, const: value }: JsonSchema): boolean =>
  type === 'string' && names === undefined && value === undefined;

function form(schema: JsonSchema, reads: Reads): EditorSchema {
  const inside = (child: JsonSchema): EditorSchema => written(child, reads);
  const { properties, patternProperties, items } = schema;
  return {
    ...Object.fromEntries(
      same.flatMap((key) => (schema[key] === undefined ? [] : [[key, schema[key] as Json]])),
    ),
    ...(isText(schema) && reads !== 'marked' ? textOrReference(schema, reads) : {}),
    ...(isScalar(schema) ? { errorMessage: expectation(schema, reads) } : {}),
    ...(properties === undefined ? {} : { properties: mapped(properties, inside), ...required(schema) }),
    ...(patternProperties === undefined ? {} : { patternProperties: mapped(patternProperties, inside) }),
    ...(items === undefined
      ? {}
      : { items: Array.isArray(items) ? items.map(inside) : inside(items as JsonSchema) }),
  };
}

/** Keywords that say the same of a value and of what is written. */
const same = [
  ...(['type', 'const', 'enum', 'additionalProperties', 'minProperties', 'minLength', 'pattern'] as const),
  ...(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const),
  ...(['minItems', 'maxItems', 'uniqueItems'] as const),
];

const isScalar = ({ type, enum: names, const: value }: JsonSchema): boolean =>
  ['integer', 'number', 'boolean', 'string'].includes(type ?? '') &&
  names === undefined &&
  value === undefined;

function expectation(schema: JsonSchema, reads: Reads): string {
  const or = reads === 'marked' ? '' : `, or a reference: ${references[reads].example}`;
  return `Expected ${describeSchema(schema)}${or}.`;
}

function textOrReference(schema: JsonSchema, reads: Reading): EditorSchema {
  const { pattern, example } = references[reads];
  if (schema.pattern !== undefined)
    return { pattern: `${schema.pattern}|^${pattern}`, patternErrorMessage: expectation(schema, reads) };
  return {
    pattern: `^($|[^$]|\\$\\$|${pattern})`,
    patternErrorMessage: `Text that begins with \`$\` is a reference here: ${example}; write \`$$\` for a \`$\`.`,
  };
}

/** What has a default need not be written. */
function required({ required: names = [], properties = {} }: JsonSchema): EditorSchema {
  const needed = names.filter((key) => properties[key]?.default === undefined);
  return needed.length === 0 ? {} : { required: needed };
}

/** Description and default, as data and as the text of a hover. */
export function texts({
  description,
  default: value,
}: Pick<JsonSchema, 'description' | 'default'>): EditorSchema {
  const fallback = value === undefined ? [] : [`Default: \`${JSON.stringify(value)}\``];
  const markdown = [...(description === undefined ? [] : [description]), ...fallback];
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback.length > 0 || /[`*_]/.test(description ?? '')
      ? { markdownDescription: markdown.join('\n\n') }
      : {}),
    ...(value === undefined ? {} : { default: value }),
  };
}

export function mapped<A>(map: Readonly<Record<string, A>>, of: (value: A) => EditorSchema): EditorSchema {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, of(value)]));
}
