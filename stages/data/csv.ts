/** Reading CSV (RFC 4180) with a header; every problem has its line. */
import { readFile } from 'node:fs/promises';
import { parse, CsvError } from 'csv-parse/sync';
import { err, ok, type Result } from '../../schemas/result.js';
import { decode, type RecordProblem, type TableRecord } from './table.js';

export interface CsvOptions {
  /** One character. */
  readonly delimiter: string;
}

interface Parsed {
  readonly record: Readonly<Record<string, string>>;
  /** `lines`: the one that the record ends on. */
  readonly info: { readonly lines: number };
}

/** The records of a CSV file under the names of its header. */
export async function* readCsv(
  path: string,
  options: CsvOptions,
): AsyncGenerator<Result<TableRecord, RecordProblem>> {
  yield* csvRecords(await readFile(path), options);
}

/** A record may span lines: its place is where it begins. */
export function* csvRecords(
  bytes: Uint8Array,
  { delimiter }: CsvOptions,
): Generator<Result<TableRecord, RecordProblem>> {
  const text = decode(bytes);
  if (text === undefined) {
    yield err({ at: 1, code: 'not-utf8', message: 'expected text in UTF-8, found bytes that are not' });
    return;
  }
  const parsed = parseText(text, delimiter);
  if (!parsed.ok) {
    yield parsed;
    return;
  }
  for (const { record, info } of parsed.value) yield ok({ at: info.lines - breaks(record), value: record });
}

/** What is broken in the quotes or in the number of fields makes all that follows doubtful: it is the only problem. */
function parseText(text: string, delimiter: string): Result<readonly Parsed[], RecordProblem> {
  try {
    const header = (names: readonly string[]): string[] => uniqueNames(names);
    const endings = ['\r\n', '\n', '\r'];
    const options = { delimiter, bom: true, info: true, skip_empty_lines: true, columns: header };
    return ok(parse(text, { ...options, record_delimiter: endings }) as unknown as readonly Parsed[]);
  } catch (error) {
    if (error instanceof RepeatedName) return err({ at: 1, code: 'repeated-column', message: error.message });
    if (!(error instanceof CsvError)) throw error;
    const lines = (error as { lines?: unknown }).lines;
    const at = typeof lines === 'number' ? lines : 1;
    return err({ at, code: 'not-csv', message: `expected a record of CSV, found another: ${error.message}` });
  }
}

class RepeatedName extends Error {}

function uniqueNames(names: readonly string[]): string[] {
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined)
    throw new RepeatedName(`expected a header of different names, found ${JSON.stringify(repeated)} twice`);
  return [...names];
}

const breaks = (record: Readonly<Record<string, string>>): number =>
  Object.values(record).reduce((sum, field) => sum + (field.match(/\r\n|\n|\r/g)?.length ?? 0), 0);
