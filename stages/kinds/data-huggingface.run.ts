import { StageFailure, requiredInput, type Emit, type StageJob } from '../../runner/contract.js';
import { filesOf, findSplits } from '../data/huggingface.js';
import { makeSplits, type Sources } from '../data/make-splits.js';
import { openByName } from '../data/open-by-name.js';
import type { DataHuggingfaceWith } from './data-huggingface.js';

export async function run(
  job: StageJob<DataHuggingfaceWith>,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const folder = requiredInput(job, 'folder');
  const { config, splits } = job.with;
  const found = await findSplits(folder, config);
  const sources: Sources = Object.fromEntries(
    Object.entries(splits).map(([split, name]) => {
      const files = filesOf(found, name);
      if (!files.ok)
        throw new StageFailure(
          'user',
          'missing-split',
          `expected the split ${JSON.stringify(name)}, found ${files.error}; name one of them under with.splits.${split}`,
        );
      return [split, files.value.map((file) => openByName(folder, file))];
    }),
  );
  await makeSplits(job, sources, emit, signal);
}
