/** What the formats of data files have in common: records one after the other, each in its place or with its problem. */
import { TextDecoder } from 'node:util';
import { StageFailure } from '../../runner/contract.js';
import type { Result } from '../../schemas/result.js';

/** A record of a file: a line of JSON, a line of CSV below the header, a row of Parquet or Arrow. */
export interface TableRecord {
  /** Line or row, counted from 1. */
  readonly at: number;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What is wrong with one record. */
export interface RecordProblem {
  readonly at: number;
  readonly code: string;
  readonly message: string;
}

/** A file of records, however they are written. */
export interface Table {
  /** How messages call the file. */
  readonly file: string;
  /** What `at` counts. */
  readonly unit: 'line' | 'row';
  /** The line that names the columns of all records; absent where each record names its own. */
  readonly header?: number;
  readonly records: () => AsyncIterable<Result<TableRecord, RecordProblem>>;
}

/** A problem with the name of its file. */
export interface PlacedProblem extends RecordProblem {
  readonly table: Table;
}

/** `train.jsonl:3`, or `train.parquet, row 3`. */
export const place = ({ file, unit }: Table, at: number): string =>
  unit === 'line' ? `${file}:${at}` : `${file}, row ${at}`;

/** How many problems one failure lists; the rest are counted. */
const listed = 5;

/** A failure that lists the first problems, each in its place: what was expected, what was found. */
export function problemsFailure(problems: readonly PlacedProblem[]): StageFailure {
  const groups = alike(problems);
  const lines = groups.slice(0, listed).map(([{ table, at, message }, ...others]) => {
    const more = others.length === 0 ? '' : ` (and ${counted(others.length, table)} like this)`;
    return `${place(table, at)}: ${message}${more}`;
  });
  const left = groups.slice(listed).flat();
  const [first] = left;
  const file = [...new Set(left.map(({ table }) => table.file))].join(', ');
  if (first) lines.push(`and ${counted(left.length, { ...first.table, file })} like these`);
  return new StageFailure('user', problems[0]?.code ?? 'bad-line', lines.join('\n'));
}

const counted = (count: number, { unit, file }: Table): string =>
  `${count} more ${unit}${count === 1 ? '' : 's'} of ${file}`;

/** What is wrong in many records of a file, together. */
function alike(problems: readonly PlacedProblem[]): (readonly [PlacedProblem, ...PlacedProblem[]])[] {
  const groups = new Map<string, [PlacedProblem, ...PlacedProblem[]]>();
  for (const problem of problems) {
    const name = `${problem.table.file}\n${problem.message}`;
    const group = groups.get(name);
    if (group) group.push(problem);
    else groups.set(name, [problem]);
  }
  return [...groups.values()];
}

/** A file that is not of its format at all. */
export const unreadable = (file: string, format: string, why: string): StageFailure =>
  new StageFailure('user', 'wrong-format', `${file}: expected ${format}, found something else: ${why}`);

/** The text of a file in UTF-8, without a byte order mark; undefined where it isn't UTF-8. */
export function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A JSON value as an error message names it. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value === '') return 'an empty text';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string'
    ? `the text ${excerpt(value)}`
    : `the ${typeof value} ${JSON.stringify(value)}`;
}

export function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
