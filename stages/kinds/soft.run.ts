/** soft: one policy for one reward, or for one fixed weighting of rewards. */
import { outputPath, type StageJob } from '../../runner/contract.js';
import { adaptersOf, saveAdapter } from '../lm/index.js';
import { unconditioned, unconditionedAdapter } from '../policy/initial-policy.js';
import { runTraining, type Surroundings } from '../rl/run-training.js';
import { softRewards } from '../rl/soft-rewards.js';
import type { SoftWith } from './soft.js';

export async function run(job: StageJob<SoftWith>, surroundings: Surroundings): Promise<void> {
  const { alpha, rewards, lora } = job.with;
  const { names, weights } = softRewards(rewards);
  await runTraining(
    job,
    {
      manifest: {
        method: 'soft',
        objectives: names,
        conditioning: 'none',
        alpha: { fixed: alpha },
        referenceShare: 'none',
        weights,
        ...(lora ? { lora } : {}),
      },
      conditioning: lora ? unconditionedAdapter : unconditioned,
      tradeOffs: 1,
      draw: () => ({ alpha, weights }),
      ...(lora
        ? {
            alsoSave: ({ config, shared: factors }) =>
              saveAdapter(outputPath(job, 'adapter'), config, {
                adapters: adaptersOf(config, lora),
                factors,
              }),
          }
        : {}),
    },
    surroundings,
  );
}
