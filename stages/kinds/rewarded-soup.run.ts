/** rewarded-soup: the experts' weights, to be averaged by each trade-off. Nothing is trained. */
import { listInput, outputPath, type Emit, type StageJob } from '../../runner/contract.js';
import { startEngine, type EngineName } from '../backend/engine.js';
import { disposeTensors } from '../lm/index.js';
import { soupOf } from '../policy/soup.js';
import { loadPolicy, savePolicy, type StoredPolicy } from '../policy/stored-policy.js';

export async function run(job: StageJob<object>, emit: Emit, signal: AbortSignal): Promise<void> {
  await startEngine(job.backend as EngineName | undefined);
  const experts: StoredPolicy[] = [];
  for (const { artifact } of listInput(job, 'experts')) {
    signal.throwIfAborted();
    experts.push(await loadPolicy(artifact));
  }
  const soup = soupOf(experts);
  await savePolicy(outputPath(job, 'policy'), soup);
  for (const { shared, reference } of experts) [shared, reference].forEach(disposeTensors);
  emit({ type: 'metric', name: 'experts', value: experts.length, step: 0 });
}
