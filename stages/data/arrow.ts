/** Reading Arrow IPC, as Hugging Face datasets keep it on disk. */
import { readFile } from 'node:fs/promises';
import { tableFromIPC } from '@uwdata/flechette';
import { ok, type Result } from '../../schemas/result.js';
import { plain } from './plain.js';
import { unreadable, type RecordProblem, type TableRecord } from './table.js';

/**
 * The rows of an Arrow file or stream as plain values.
 *
 * @param name how messages call the file
 * @throws StageFailure where it is no Arrow
 */
export async function* readArrow(
  path: string,
  name: string,
): AsyncGenerator<Result<TableRecord, RecordProblem>> {
  const bytes = await readFile(path);
  let rows: readonly unknown[];
  try {
    rows = tableFromIPC(bytes).toArray();
  } catch (error) {
    throw unreadable(name, 'Arrow', error instanceof Error ? error.message : String(error));
  }
  for (const [i, row] of rows.entries())
    yield ok({ at: i + 1, value: plain(row) as Record<string, unknown> });
}
