/** Reading JSON Lines: one JSON object a line, in UTF-8; every problem has its line. */
import { err, ok, type Result } from '../../schemas/result.js';
import { bytesOf, linesIn, longestText, sizeText, wholeLines } from './pieces.js';
import { decode, describe, excerpt, type RecordProblem, type TableRecord } from './table.js';

/** The lines of a JSONL file, each parsed or with its problem. Empty lines are passed over. */
export const readJsonl = (path: string): AsyncGenerator<Result<TableRecord, RecordProblem>> =>
  jsonLines(bytesOf(path));

export async function* jsonLines(
  bytes: AsyncIterable<Buffer>,
  longest = longestText,
): AsyncGenerator<Result<TableRecord, RecordProblem>> {
  let at = 0;
  for await (const lines of wholeLines(bytes))
    for (const line of linesIn(lines)) {
      at++;
      const parsed = line.length > longest ? tooLong(line.length, longest, at) : parseLine(line, at);
      if (parsed) yield parsed;
    }
}

const tooLong = (found: number, longest: number, at: number): Result<never, RecordProblem> =>
  err({
    at,
    code: 'too-long',
    message: `expected a line of at most ${sizeText(longest)}, found ${sizeText(found)}; split it into rows`,
  });

function parseLine(bytes: Uint8Array, at: number): Result<TableRecord, RecordProblem> | undefined {
  const text = decode(bytes)?.trim();
  if (text === undefined) return err(notUtf8(at));
  return text === '' ? undefined : parseObject(text, at);
}

export const notUtf8 = (at: number): RecordProblem => ({
  at,
  code: 'not-utf8',
  message: 'expected text in UTF-8, found bytes that are not',
});

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
