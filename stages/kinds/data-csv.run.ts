import type { Emit, StageJob } from '../../runner/contract.js';
import { readCsv } from '../data/csv.js';
import { fileSources } from '../data/file-sources.js';
import { makeSplits } from '../data/make-splits.js';
import type { DataCsvWith } from './data-csv.js';

export function run(job: StageJob<DataCsvWith>, emit: Emit, signal: AbortSignal): Promise<void> {
  const { delimiter } = job.with;
  const sources = fileSources(job, 'csv', (path) => ({
    unit: 'line',
    header: 1,
    records: () => readCsv(path, { delimiter }),
  }));
  return makeSplits(job, sources, emit, signal);
}
