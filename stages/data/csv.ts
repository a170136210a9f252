/** Reading CSV (RFC 4180) with a header; every problem has its line. */
import { isUtf8 } from 'node:buffer';
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { err, ok, type Result } from '../../schemas/result.js';
import { notUtf8 } from './jsonl.js';
import { bytesOf, linesIn, longestText, wholeLines } from './pieces.js';
import type { RecordProblem, TableRecord } from './table.js';

export interface CsvOptions {
  /** One character. */
  readonly delimiter: string;
  /** Bytes of a record, at most; default: what one text can hold. */
  readonly longest?: number;
}

type Fields = Readonly<Record<string, string>>;

/** The records of a CSV file under the names of its header. */
export const readCsv = (
  path: string,
  options: CsvOptions,
): AsyncGenerator<Result<TableRecord, RecordProblem>> => csvRecords(bytesOf(path), options);

/**
 * A record may span lines: its place is where it begins. What is broken in the quotes or in the number of fields makes
 * all that follows doubtful: it is the last. Records shortly before it may be lost with it.
 */
export async function* csvRecords(
  bytes: AsyncIterable<Buffer>,
  { delimiter, longest = longestText }: CsvOptions,
): AsyncGenerator<Result<TableRecord, RecordProblem>> {
  // Breaks of two signs in quotes, which the parser counts as two lines, of the records before.
  let twice = 0;
  // As they are parsed: of those before a broken one not all come to the end of the stream.
  const placed = (value: Fields, { lines }: { readonly lines: number }): TableRecord => {
    const at = lines - twice - count(value, /[\r\n]/g);
    twice += count(value, /\r\n/g);
    return { at, value };
  };
  const parser = parse({
    ...{ delimiter, bom: true, skip_empty_lines: true },
    columns: uniqueNames,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: longest,
    on_record: placed,
  });
  // What goes wrong is told to whoever reads.
  const all: AsyncIterable<TableRecord> = pipeline(Readable.from(inUtf8(bytes)), parser, () => undefined);
  try {
    for await (const record of all) yield ok(record);
  } catch (error) {
    yield err(problemOf(error, twice));
  }
}

function problemOf(error: unknown, twice: number): RecordProblem {
  if (error instanceof NotUtf8) return notUtf8(error.line);
  if (error instanceof RepeatedName) return { at: 1, code: 'repeated-column', message: error.message };
  if (!(error instanceof CsvError)) throw error;
  const lines = (error as { lines?: unknown }).lines;
  const at = typeof lines === 'number' ? lines - twice : 1;
  return { at, code: 'not-csv', message: `expected a record of CSV, found another: ${error.message}` };
}

class NotUtf8 extends Error {
  constructor(readonly line: number) {
    super();
  }
}

/** The bytes as they are, as long as they are text. */
async function* inUtf8(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let line = 1;
  for await (const lines of wholeLines(bytes)) {
    const each = [...linesIn(lines)];
    if (!isUtf8(lines)) throw new NotUtf8(line + each.findIndex((one) => !isUtf8(one)));
    yield lines;
    line += each.length;
  }
}

class RepeatedName extends Error {}

function uniqueNames(names: readonly string[]): string[] {
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined)
    throw new RepeatedName(`expected a header of different names, found ${JSON.stringify(repeated)} twice`);
  return [...names];
}

const count = (record: Fields, sign: RegExp): number =>
  Object.values(record).reduce((sum, field) => sum + (field.match(sign)?.length ?? 0), 0);
