/** data/news: draw the splits of one world and write them. */
import type { Static } from 'typebox';
import type { Emit, StageJob } from '../../runner/contract.js';
import { writeDataset } from '../data/dataset.js';
import { drawNews } from '../worlds/news/draw.js';
import { kappaOf, newsRewards } from '../worlds/news/rewards.js';
import type { DataNewsWith } from './data-news.js';

export async function run(
  job: StageJob<Static<typeof DataNewsWith>>,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { documents, test, validation, dial, size, seed } = job.with;
  const world = { name: 'news', parameters: { kappa: kappaOf(dial), size, seed } };
  // Held-out splits first: asking for more documents leaves them as they are.
  const splits = drawNews({ size, seed, counts: { test, validation, train: documents } });
  for (const [name, rows] of Object.entries(splits)) {
    signal.throwIfAborted();
    const folder = job.outputs[name]?.path;
    if (folder === undefined) continue;
    await writeDataset(folder, { rows, rewards: newsRewards, world });
    emit({ type: 'metric', name: `rows/${name}`, value: rows.length, step: 0 });
  }
}
