/** front: ask a policy for every trade-off of a grid on held-out prompts, and measure what comes. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StageFailure, outputPath, requiredInput, type Emit, type StageJob } from '../../runner/contract.js';
import type { Cost, Front, FrontPoint, FrontSample } from '../../schemas/artifact.js';
import { canonicalJson } from '../../schemas/json.js';
import { startEngine, type EngineName } from '../backend/engine.js';
import { openDataset } from '../data/dataset.js';
import { listingOf } from '../data/world.js';
import { contextOf, languageModel } from '../lm/index.js';
import { longestWriting, parameterPolicy } from '../policy/parameter-policy.js';
import { loadPolicy } from '../policy/stored-policy.js';
import { requireScores, rewardsOf } from '../rewards/index.js';
import { answersAt, batchesOf } from '../rl/asking-together.js';
import { changes, exactDecodingProblems, type Decoding } from '../rl/decoding.js';
import { cutShort, listPrompts } from '../rl/exact-evaluation.js';
import { tradeOffsOfGrid } from '../rl/front-grid.js';
import { frontPoint, referencePoint, shownSamples, type Asking } from '../rl/front-points.js';
import { encodePrompts } from '../rl/prompts.js';
import type { FrontWith } from './front.js';

export async function run(job: StageJob<FrontWith>, emit: Emit, signal: AbortSignal): Promise<void> {
  await startEngine(job.backend as EngineName | undefined);
  const { grid, samples, max_tokens: maxTokens, sampling_seed: samplingSeed, shown } = job.with;
  const stored = await loadPolicy(requiredInput(job, 'policy'));
  const policy = parameterPolicy(stored);
  const { config, tokenizer } = stored;
  const { objectives } = policy;
  const reference = languageModel(config, stored.reference, tokenizer, { keepWeights: true });

  const dataset = await openDataset(requiredInput(job, 'prompts'));
  const prompts = encodePrompts(dataset.rows.slice(0, job.with.prompt_limit), tokenizer, {
    context: contextOf(config),
    before: longestWriting(stored),
    maxTokens,
  });
  const rewards = await rewardsOf(dataset, objectives);
  requireScores(
    rewards,
    prompts.map(({ row }) => row),
  );
  const asking: Asking = {
    prompts,
    rewards,
    tokenizer,
    samples,
    maxTokens,
    samplingSeed,
    decoding: job.with.decoding,
  };
  const { world, unlisted } = job.with.exact ? await listingOf(dataset, { objectives, tokenizer }) : {};
  if (unlisted) emit({ type: 'log', level: 'info', text: `value and regret are not computed: ${unlisted}` });
  if (world) refuseOtherDecoding(job.with.decoding);
  const listed = world && listPrompts(prompts, { world, objectives, tokenizer, reference });
  const cut = listed && cutShort(listed, maxTokens);
  if (cut) emit({ type: 'log', level: 'warning', text: cut });

  const points: FrontPoint[] = [];
  const kept: FrontSample[] = [];
  const tradeOffs = tradeOffsOfGrid(grid, policy);
  for (const batch of batchesOf(tradeOffs, policy, { ...asking, listed })) {
    signal.throwIfAborted();
    for (const { tradeOff, answers, exact } of await answersAt(policy, batch, { asking, listed })) {
      points.push({ ...frontPoint(answers, tradeOff, { reference, asking }), ...(exact ? { exact } : {}) });
      kept.push(...shownSamples(answers, tradeOff, { prompts, shown }));
    }
    emit({ type: 'progress', done: points.length, total: tradeOffs.length, unit: 'points' });
  }
  const front: Front = {
    v: 1,
    method: policy.method,
    objectives: [...objectives],
    points,
    reference: {
      ...referencePoint(reference, asking),
      digest: stored.manifest.reference,
    },
    prompts: { digest: requiredInput(job, 'prompts').digest, n: prompts.length },
    ...(changes(job.with.decoding).length > 0 ? { decoding: job.with.decoding } : {}),
    ...(unlisted ? { unlisted } : {}),
    ...(stored.manifest.trained ? { trained: stored.manifest.trained } : {}),
    cost: dearest(tradeOffs.map((tradeOff) => policy.cost(tradeOff))),
    samples: kept,
  };
  await mkdir(outputPath(job, 'front'), { recursive: true });
  await writeFile(join(outputPath(job, 'front'), 'front.json'), canonicalJson(front) + '\n');
  reference.dispose();
  policy.dispose();
}

const dearest = (costs: readonly Cost[]): Cost =>
  costs.reduce((a, b) => (b.mergeFlops > a.mergeFlops ? b : a));

/** What `check` says where it knows the world. */
function refuseOtherDecoding(decoding: Decoding): void {
  const [problem] = exactDecodingProblems(decoding, 'the exact world');
  if (problem) throw new StageFailure('user', problem.code, `${problem.message}; ${problem.hint ?? ''}`);
}
