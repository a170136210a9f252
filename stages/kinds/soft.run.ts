/** soft: one policy for one reward, or for one fixed weighting of rewards. */
import type { StageJob } from '../../runner/contract.js';
import { unconditioned } from '../policy/initial-policy.js';
import { runTraining, type Surroundings } from '../rl/run-training.js';
import { softRewards, type SoftWith } from './soft.js';

export async function run(job: StageJob<SoftWith>, surroundings: Surroundings): Promise<void> {
  const { alpha, rewards } = job.with;
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
      },
      conditioning: unconditioned,
      tradeOffs: 1,
      draw: () => ({ alpha, weights }),
    },
    surroundings,
  );
}
