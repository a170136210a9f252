/** Fields of a JSON Schema as rows of a Markdown table. */

/** The parts of a JSON Schema that a page shows. */
export interface Field {
  readonly type?: string;
  readonly const?: string | number | boolean;
  readonly enum?: readonly (string | number)[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Field>>;
  readonly items?: Field | readonly Field[];
  readonly anyOf?: readonly Field[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  /** What the value is, in words, where its type says too little. */
  readonly takes?: string;
  /** Whether a param may stand for the value. */
  readonly param?: boolean;
}

/** One row a setting, the fields of a map below it under dotted names. */
export function rowsOf(schema: Field, path: readonly string[] = []): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = [...path, name];
    return [rowOf(schema, name, field, here), ...rowsOf(field, here), ...formRows(field, here)];
  });
}

/** One row a field, without those below it. */
export const flatRowsOf = (schema: Field): string[][] =>
  Object.entries(schema.properties ?? {}).map(([name, field]) => rowOf(schema, name, field, [name]));

function rowOf(schema: Field, name: string, field: Field, path: readonly string[]): string[] {
  const optional = !(schema.required ?? []).includes(name) && field.default === undefined;
  const fallback =
    field.default === undefined ? (optional ? 'none' : '') : code(JSON.stringify(field.default));
  return [code(path.join('.')), takes(field), fallback, field.description ?? ''];
}

/** Fields of the maps among the forms that a setting may take. */
function formRows(field: Field, path: readonly string[]): string[][] {
  return (field.anyOf ?? []).flatMap((form) => rowsOf(form, path));
}

export const takes = (field: Field): string =>
  field.param === true ? `${valueOf(field)}, or a param` : valueOf(field);

function valueOf(field: Field): string {
  if (field.takes !== undefined) return field.takes;
  if (field.anyOf) return [...new Set(field.anyOf.map(valueOf))].join(' or ');
  if (field.const !== undefined) return code(String(field.const));
  if (field.enum) return field.enum.map((value) => code(String(value))).join(', ');
  if (field.type === 'array') return listOf(field.items);
  const keys = Object.keys(field.properties ?? {});
  if (field.patternProperties) return ['a map of names', ...keys.map(code)].join(', ');
  if (keys.length > 0) return `a map of ${keys.map(code).join(', ')}`;
  if (field.type === 'object') return 'a map';
  if (field.type === 'string') return 'text';
  return `${field.type ?? 'anything'}${bounds(field)}`;
}

function listOf(items: Field['items']): string {
  if (items === undefined) return 'a list';
  return Array.isArray(items) ? `a list of ${items.length}` : `a list of: ${takes(items as Field)}`;
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Field): string {
  const parts = [
    minimum === undefined ? [] : [`≥ ${minimum}`],
    exclusiveMinimum === undefined ? [] : [`> ${exclusiveMinimum}`],
    maximum === undefined ? [] : [`≤ ${maximum}`],
    exclusiveMaximum === undefined ? [] : [`< ${exclusiveMaximum}`],
  ].flat();
  return parts.length === 0 ? '' : ` ${parts.join(', ')}`;
}

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)];
}

export function code(text: string): string {
  return `\`${text}\``;
}
