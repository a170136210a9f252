/** From a record to a row: named columns, plain or dotted. */
import { err, ok, type Result } from '../../schemas/result.js';
import { didYouMean } from './nearest.js';
import { describe, type RecordProblem, type TableRecord } from './table.js';
import type { Row } from './types.js';

export interface Columns {
  readonly prompt: string;
  /** Absent: the rows have none. */
  readonly response?: string;
  readonly chosen?: string;
  readonly rejected?: string;
  /** Absent: rows are named by their split and number. */
  readonly id?: string;
}

/** The row of a record; `name` is that of rows without an id. */
export function rowOf(
  { at, value }: TableRecord,
  columns: Columns,
  name: string,
): Result<Row, RecordProblem> {
  const fail = (problem: Wrong): Result<never, RecordProblem> => err({ at, ...problem });
  const id = columns.id === undefined ? name : field(value, columns.id);
  if ((typeof id !== 'string' && typeof id !== 'number') || id === '')
    return fail(wrong('a text or number', columns.id ?? '', id, value));
  if (typeof id === 'number' && Number.isInteger(id) && !Number.isSafeInteger(id))
    return fail(rounded(columns.id ?? ''));
  const texts: { prompt?: string; chosen?: string; rejected?: string } = {};
  for (const column of ['prompt', 'chosen', 'rejected'] as const) {
    const path = columns[column];
    if (path === undefined) continue;
    const found = field(value, path);
    if (!isText(found)) return fail(wrong('a text', path, found, value));
    texts[column] = found;
  }
  const row = { id: String(id), ...texts } as Row;
  if (columns.response === undefined) return ok(row);
  const found = field(value, columns.response);
  const responses = typeof found === 'string' ? [found] : found;
  if (!Array.isArray(responses) || responses.length === 0 || !responses.every(isText))
    return fail(wrong('a text or a list of texts', columns.response, found, value));
  return ok({ ...row, response: responses[0] as string, references: responses });
}

/** Of columns that all records of a table have or none has: a problem for each that is named and not there. */
export function missingColumns({ at, value }: TableRecord, columns: Columns): RecordProblem[] {
  return Object.entries(columns).flatMap(([use, column]: [string, string]) =>
    field(value, column) === undefined
      ? [
          {
            at,
            code: 'missing-column',
            message:
              `expected the column ${JSON.stringify(column)} (\`columns.${use}\`), ` +
              `found ${Object.keys(value).join(', ')}${didYouMean(column, Object.keys(value))}`,
          },
        ]
      : [],
  );
}

/**
 * A field by its name, or by a path of names joined with dots where no field has the whole name. A number is the place
 * in a list: `messages.0.content`.
 */
function field(value: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(value, name)) return value[name];
  return name.split('.').reduce<unknown>(step, value);
}

function step(at: unknown, key: string): unknown {
  if (Array.isArray(at)) return /^\d+$/.test(key) ? (at as unknown[])[Number(key)] : undefined;
  return isRecord(at) && Object.hasOwn(at, key) ? at[key] : undefined;
}

type Wrong = Pick<RecordProblem, 'code' | 'message'>;

/** A neighbour would have the same. */
const rounded = (column: string): Wrong => ({
  code: 'large-id',
  message:
    `expected a whole number of at most ${Number.MAX_SAFE_INTEGER} or a text in the column ` +
    `${JSON.stringify(column)}, found a larger number, whose last digits are lost; write it as text`,
});

function wrong(
  expected: string,
  column: string,
  found: unknown,
  record: Readonly<Record<string, unknown>>,
): Wrong {
  if (found === undefined)
    return {
      code: 'missing-column',
      message:
        `expected ${expected} in the column ${JSON.stringify(column)}, found no such column; ` +
        `there are ${Object.keys(record).join(', ') || 'none'}${didYouMean(column, Object.keys(record))}`,
    };
  const what = Array.isArray(found) && found.length > 0 ? listFault(found) : describe(found);
  return {
    code: 'wrong-type',
    message: `expected ${expected} in the column ${JSON.stringify(column)}, found ${what}`,
  };
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
