/** From a JSON object to a row: named columns, plain or dotted. */
import { err, ok, type Result } from '../../schemas/result.js';
import { describe, type JsonLine, type LineProblem } from './jsonl.js';
import type { Row } from './types.js';

export interface Columns {
  readonly prompt: string;
  /** Absent: the rows are prompts only. */
  readonly response?: string;
  /** Absent: rows are named by their split and line. */
  readonly id?: string;
}

/** The row of a line; `split` names rows without an id. */
export function rowOf(json: JsonLine, columns: Columns, split: string): Result<Row, LineProblem> {
  const { line, value } = json;
  const fail = (code: string, message: string): Result<never, LineProblem> => err({ line, code, message });
  const id = columns.id === undefined ? `${split}-${line}` : field(value, columns.id);
  if ((typeof id !== 'string' && typeof id !== 'number') || id === '')
    return fail(...wrong('a text or number', columns.id ?? '', id, value));
  const prompt = field(value, columns.prompt);
  if (!isText(prompt)) return fail(...wrong('a text', columns.prompt, prompt, value));
  const row = { id: String(id), prompt };
  if (columns.response === undefined) return ok(row);
  const found = field(value, columns.response);
  const responses = typeof found === 'string' ? [found] : found;
  if (!Array.isArray(responses) || responses.length === 0 || !responses.every(isText))
    return fail(...wrong('a text or a list of texts', columns.response, found, value));
  return ok({ ...row, response: responses[0] as string, references: responses });
}

/** A field by its name, or by a path of names joined with dots where no field has the whole name. */
function field(value: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(value, name)) return value[name];
  return name
    .split('.')
    .reduce<unknown>((at, key) => (isRecord(at) && Object.hasOwn(at, key) ? at[key] : undefined), value);
}

function wrong(
  expected: string,
  column: string,
  found: unknown,
  line: Readonly<Record<string, unknown>>,
): [code: string, message: string] {
  if (found === undefined)
    return [
      'missing-column',
      `expected ${expected} in the column ${JSON.stringify(column)}, found no such column; ` +
        `the line has ${Object.keys(line).join(', ') || 'none'}`,
    ];
  const what = Array.isArray(found) && found.length > 0 ? listFault(found) : describe(found);
  return ['wrong-type', `expected ${expected} in the column ${JSON.stringify(column)}, found ${what}`];
}

function listFault(items: readonly unknown[]): string {
  const bad = items.findIndex((item) => !isText(item));
  return bad < 0 ? 'a list' : `a list whose item ${bad + 1} is ${describe(items[bad])}`;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
