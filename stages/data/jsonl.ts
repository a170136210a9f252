/** Reading JSON Lines: one JSON object a line, in UTF-8; every problem has its line. */
import { readFile } from 'node:fs/promises';
import { err, ok, type Result } from '../../schemas/result.js';
import { decode, describe, excerpt, type RecordProblem, type TableRecord } from './table.js';

/** The lines of a JSONL file, each parsed or with its problem. Empty lines are passed over. */
export async function* readJsonl(path: string): AsyncGenerator<Result<TableRecord, RecordProblem>> {
  yield* jsonLines(await readFile(path));
}

export function* jsonLines(bytes: Uint8Array): Generator<Result<TableRecord, RecordProblem>> {
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const parsed = parseLine(bytes.subarray(start, end), line);
    if (parsed) yield parsed;
    start = end + 1;
  }
}

function parseLine(bytes: Uint8Array, at: number): Result<TableRecord, RecordProblem> | undefined {
  const text = decode(bytes)?.trim();
  if (text === undefined)
    return err({ at, code: 'not-utf8', message: 'expected text in UTF-8, found bytes that are not' });
  return text === '' ? undefined : parseObject(text, at);
}

function parseObject(text: string, at: number): Result<TableRecord, RecordProblem> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err({ at, code: 'not-json', message: `expected a JSON object, found ${excerpt(text)}` });
  }
  return asRecord(value, at);
}

export function asRecord(value: unknown, at: number): Result<TableRecord, RecordProblem> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return ok({ at, value: value as Record<string, unknown> });
  return err({ at, code: 'not-object', message: `expected a JSON object, found ${describe(value)}` });
}
