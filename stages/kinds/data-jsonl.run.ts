import type { Emit, StageJob } from '../../runner/contract.js';
import { fileSources } from '../data/file-sources.js';
import { readJsonl } from '../data/jsonl.js';
import { makeSplits } from '../data/make-splits.js';
import type { DataJsonlWith } from './data-jsonl.js';

export function run(job: StageJob<DataJsonlWith>, emit: Emit, signal: AbortSignal): Promise<void> {
  const sources = fileSources(job, 'jsonl', (path) => ({ unit: 'line', records: () => readJsonl(path) }));
  return makeSplits(job, sources, emit, signal);
}
