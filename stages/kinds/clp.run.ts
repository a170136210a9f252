/** clp: one policy for every trade-off between the rewards, by one of the conditionings. */
import type { StageJob } from '../../runner/contract.js';
import { conditioningMethod } from '../policy/conditioning/index.js';
import { conditioningName, loraOf, softTokensOf, spellingOf, svdOf } from '../policy/settings.js';
import { runTraining, type Surroundings } from '../rl/run-training.js';
import { drawTradeOff } from '../rl/trade-offs.js';
import type { ClpWith } from './clp.js';

export async function run(job: StageJob<ClpWith>, surroundings: Surroundings): Promise<void> {
  const { rewards, conditioning, sampling, reference_share, trade_offs } = job.with;
  const { alpha } = sampling;
  const name = conditioningName(conditioning);
  const fixed = typeof alpha === 'number';
  await runTraining(
    job,
    {
      manifest: {
        method: 'clp',
        objectives: [...rewards],
        conditioning: name,
        alpha: fixed ? { fixed: alpha } : { range: [...alpha.range] },
        // Nothing is merged where the trade-off is written in the prompt.
        referenceShare: fixed || name === 'prompt' ? 'none' : reference_share,
        ...(name === 'lora' ? { lora: loraOf(conditioning) } : {}),
        ...(name === 'svd-lora' ? { svd: svdOf(conditioning) } : {}),
        ...(name === 'soft-tokens' ? { softTokens: softTokensOf(conditioning) } : {}),
        ...(name === 'prompt' ? { spelling: spellingOf(conditioning) } : {}),
      },
      conditioning: await conditioningMethod(name),
      tradeOffs: trade_offs,
      draw: (random) => drawTradeOff(sampling, rewards.length, random),
    },
    surroundings,
  );
}
