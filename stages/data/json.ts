/** Reading a JSON file of rows: a list of objects, or JSON Lines under another name. */
import type { Result } from '../../schemas/result.js';
import { asRecord, jsonLines } from './jsonl.js';
import { longestText, tooLarge } from './pieces.js';
import { decode, unreadable, type RecordProblem, type TableRecord } from './table.js';

/**
 * @param file how messages call it
 * @throws StageFailure where it is neither, or a list too large for one text, which it has to be
 */
export async function* readJson(
  bytes: AsyncIterable<Buffer>,
  file: string,
  longest = longestText,
): AsyncGenerator<Result<TableRecord, RecordProblem>> {
  const { opening, all } = await opened(bytes);
  if (opening !== '[') {
    yield* jsonLines(all, longest);
    return;
  }
  const rows = parseList(await gathered(all, file, longest), file);
  for (const [i, row] of rows.entries()) yield asRecord(row, i + 1);
}

/** The first character that is no blank, and the bytes from the beginning all the same. */
async function opened(
  bytes: AsyncIterable<Buffer>,
): Promise<{ readonly opening: string | undefined; readonly all: AsyncIterable<Buffer> }> {
  const rest = bytes[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  let opening: string | undefined;
  while (opening === undefined) {
    const next = await rest.next();
    if (next.done === true) break;
    seen.push(next.value);
    // A byte order mark is a blank to it.
    opening = next.value.toString('utf8').trimStart()[0];
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* seen;
      yield* { [Symbol.asyncIterator]: () => rest };
    } finally {
      // Whoever stops among the first closes the file, too.
      await rest.return?.();
    }
  };
  return { opening, all: all() };
}

async function gathered(bytes: AsyncIterable<Buffer>, file: string, longest: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let found = 0;
  for await (const piece of bytes) {
    found += piece.length;
    if (found <= longest) pieces.push(piece);
  }
  if (found <= longest) return Buffer.concat(pieces);
  const remedy = "write its objects as JSON Lines, which are read one by one: `jq -c '.[]'`";
  throw tooLarge(file, 'a list in JSON', { most: longest, found, remedy });
}

function parseList(bytes: Buffer, file: string): readonly unknown[] {
  const text = decode(bytes);
  if (text === undefined) throw unreadable(file, 'JSON in UTF-8', 'bytes that are not');
  try {
    return JSON.parse(text) as readonly unknown[];
  } catch (error) {
    throw unreadable(file, 'JSON', error instanceof Error ? error.message : String(error));
  }
}
