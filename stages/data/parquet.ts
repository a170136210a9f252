/** Reading Parquet, a group of rows at a time. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { ok, type Result } from '../../schemas/result.js';
import { plain } from './plain.js';
import { unreadable, type RecordProblem, type TableRecord } from './table.js';

/**
 * The rows of a Parquet file as plain values.
 *
 * @param name how messages call the file
 * @throws StageFailure where it is no Parquet
 */
export async function* readParquet(
  path: string,
  name: string,
): AsyncGenerator<Result<TableRecord, RecordProblem>> {
  const file = await asyncBufferFromFile(path);
  const metadata = await guarded(name, () => parquetMetadataAsync(file));
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const read = { file, metadata, compressors, rowStart: start, rowEnd: end };
    const rows = await guarded(name, () => parquetReadObjects(read));
    for (const [i, row] of rows.entries())
      yield ok({ at: start + i + 1, value: plain(row) as Record<string, unknown> });
    start = end;
  }
}

async function guarded<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw unreadable(name, 'Parquet', error instanceof Error ? error.message : String(error));
  }
}
