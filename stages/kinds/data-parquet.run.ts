import type { Emit, StageJob } from '../../runner/contract.js';
import { fileSources } from '../data/file-sources.js';
import { makeSplits } from '../data/make-splits.js';
import { readParquet } from '../data/parquet.js';
import type { DataParquetWith } from './data-parquet.js';

export function run(job: StageJob<DataParquetWith>, emit: Emit, signal: AbortSignal): Promise<void> {
  const sources = fileSources(job, 'parquet', (path, name) => ({
    unit: 'row',
    records: () => readParquet(path, name),
  }));
  return makeSplits(job, sources, emit, signal);
}
