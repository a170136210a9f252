import type { Json } from '../../schemas/json.js';
import { listed } from './nodes.js';
import { formsOf, type JsonSchema } from './schema.js';

/** What a schema takes, in words: "a number above 0 and below 1", "one of `a`, `b` or `c`". */
export function describeSchema(schema: JsonSchema): string {
  const forms = formsOf(schema);
  const literals = forms.flatMap((form) => literalsOf(form));
  const others = forms.filter((form) => literalsOf(form).length === 0).map(describeForm);
  const named = literals.map(
    (literal) => `\`${typeof literal === 'string' ? literal : JSON.stringify(literal)}\``,
  );
  const choice = named.length > 1 && others.length === 0 ? [`one of ${listed(named, 'or', 30)}`] : named;
  return listed([...new Set([...choice, ...others])], 'or', 30);
}

/** The values that a form allows one by one. */
export const literalsOf = (form: JsonSchema): readonly Json[] =>
  form.const === undefined ? (form.enum ?? []) : [form.const];

function describeForm(form: JsonSchema): string {
  if (form.takes !== undefined) return form.takes;
  switch (form.type) {
    case 'integer':
    case 'number':
      return describeNumber(form);
    case 'string':
      return describeText(form);
    case 'boolean':
      return '`true` or `false`';
    case 'array':
      return describeList(form);
    case 'object':
      return describeMap(form);
    case undefined:
    default:
      return 'a value';
  }
}

function describeNumber(form: JsonSchema): string {
  const noun = form.type === 'integer' ? 'an integer' : 'a number';
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = form;
  if (minimum !== undefined && maximum !== undefined) return `${noun} from ${minimum} to ${maximum}`;
  const bounds = [
    ...(minimum === undefined ? [] : [`of at least ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(maximum === undefined ? [] : [`of at most ${maximum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`]),
  ];
  return [noun, listed(bounds)].filter((part) => part !== '').join(' ');
}

function describeText(form: JsonSchema): string {
  if (form.pattern !== undefined) return `text of the form \`${form.pattern}\``;
  return (form.minLength ?? 0) > 0 ? 'text that is not empty' : 'text';
}

function describeList(form: JsonSchema): string {
  const { items, minItems, maxItems } = form;
  if (Array.isArray(items)) {
    const each = (items as readonly JsonSchema[]).map(describeSchema);
    return `a list of ${each.length} (${each.join(', ')})`;
  }
  const size =
    minItems !== undefined && maxItems !== undefined
      ? `of ${minItems === maxItems ? minItems : `${minItems} to ${maxItems}`}`
      : minItems !== undefined && minItems > 0
        ? `of at least ${minItems}`
        : maxItems !== undefined
          ? `of at most ${maxItems}`
          : '';
  const item = items === undefined ? '' : ` (each ${describeSchema(items as JsonSchema)})`;
  return `a list${size === '' ? '' : ` ${size}`}${item}`;
}

function describeMap(form: JsonSchema): string {
  const keys = Object.keys(form.properties ?? {});
  const [only] = keys;
  if (keys.length === 0) {
    const item = Object.values(form.patternProperties ?? {})[0];
    return item === undefined ? 'a map' : `a map (each value ${describeSchema(item)})`;
  }
  if (keys.length === 1 && only !== undefined) return `a map \`{${only}: ...}\``;
  return `a map with ${listed(
    keys.map((key) => `\`${key}\``),
    'and',
    30,
  )}`;
}
