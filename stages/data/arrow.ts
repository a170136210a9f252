/** Reading Arrow IPC, as Hugging Face datasets keep it on disk. */
import { readFile, stat } from 'node:fs/promises';
import { tableFromIPC } from '@uwdata/flechette';
import { ok, type Result } from '../../schemas/result.js';
import { tooLarge } from './pieces.js';
import { plain } from './plain.js';
import { unreadable, type RecordProblem, type TableRecord } from './table.js';

/** Bytes that Node reads at once. */
const mostBytes = 2 ** 31 - 1;

/**
 * The rows of an Arrow file or stream as plain values.
 *
 * @param name how messages call the file
 * @throws StageFailure where it is no Arrow, or too large to be read at once, as it has to be
 */
export async function* readArrow(
  path: string,
  name: string,
  most = mostBytes,
): AsyncGenerator<Result<TableRecord, RecordProblem>> {
  const { size: found } = await stat(path);
  const remedy = 'save it in more files: `save_to_disk(..., max_shard_size="500MB")`, or as Parquet';
  if (found > most) throw tooLarge(name, 'Arrow', { most, found, remedy });
  const bytes = await readFile(path);
  let rows: readonly unknown[];
  try {
    rows = tableFromIPC(bytes, { useBigInt: true }).toArray();
  } catch (error) {
    throw unreadable(name, 'Arrow', error instanceof Error ? error.message : String(error));
  }
  for (const [i, row] of rows.entries())
    yield ok({ at: i + 1, value: plain(row) as Record<string, unknown> });
}
