/** What the kinds soft and clp do around the trainer: open inputs, log, watch for lock-in, save the policy. */
import {
  outputPath,
  requiredInput,
  type Checkpoints,
  type Emit,
  type StageJob,
} from '../../runner/contract.js';
import type { PolicyManifest, Trained } from '../../schemas/artifact.js';
import { startEngine, type EngineName } from '../backend/engine.js';
import { openDataset, type Dataset } from '../data/dataset.js';
import { listingOf, type ListedWorld } from '../data/world.js';
import { contextOf, disposeState, disposeTensors, languageModel } from '../lm/index.js';
import type { ConditioningMethod } from '../policy/conditioning/types.js';
import { initialPolicy } from '../policy/initial-policy.js';
import { flatten, unflatten } from '../policy/merge.js';
import { openModel } from '../policy/open-model.js';
import { longestWriting, parameterPolicy } from '../policy/parameter-policy.js';
import { conditionedParameters, savePolicy, type StoredPolicy } from '../policy/stored-policy.js';
import type { TradeOff } from '../policy/types.js';
import type { Random } from '../random.js';
import { requireScores, rewardsOf } from '../rewards/index.js';
import { loadState, saveState } from './checkpoint.js';
import { isUnbiased } from './estimators.js';
import { cutShort, listPrompts } from './exact-evaluation.js';
import { averageFigures, type Figures } from './figures.js';
import { lowSpanWarning, steeringFigures } from './lock-in.js';
import type { TrainingOptions } from './options.js';
import { encodePrompts } from './prompts.js';
import { begin, train, type Progress, type Step, type Training } from './trainer.js';

/** What tells one training from another. */
export interface TrainingPlan {
  /** policy.json, but for the digest of the reference, which the job knows. */
  readonly manifest: Omit<PolicyManifest, 'v' | 'reference'>;
  readonly conditioning: ConditioningMethod;
  readonly tradeOffs: number;
  readonly draw: (random: Random) => TradeOff;
  /** Writes what comes of the policy beside itself. */
  readonly alsoSave?: (policy: StoredPolicy) => Promise<void>;
}

/** Training prompts that the exact figures are computed on. */
const watched = 8;

/** Times in a training that they are computed. */
const watches = 4;

/** What a kind is run with, beside its job. */
export interface Surroundings {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly checkpoints: Checkpoints;
}

/** Trains from `reference` on `prompts` and writes the output `policy`. */
export async function runTraining(
  job: StageJob<TrainingOptions>,
  plan: TrainingPlan,
  { emit, signal, checkpoints }: Surroundings,
): Promise<void> {
  await startEngine(job.backend as EngineName | undefined);
  const { steps, log_every, max_tokens, decoding, ...options } = job.with;
  const artifact = requiredInput(job, 'reference');
  const manifest: PolicyManifest = { v: 1, ...plan.manifest, reference: artifact.digest };
  const seed = job.seed ?? 0;
  const start = initialPolicy(await openModel(artifact), manifest, { method: plan.conditioning, seed });
  const dataset = await openDataset(requiredInput(job, 'prompts'));
  const prompts = encodePrompts(dataset.rows, start.tokenizer, {
    context: contextOf(start.config),
    before: longestWriting(start),
    maxTokens: max_tokens,
  });
  const rewards = await rewardsOf(dataset, manifest.objectives);
  requireScores(rewards, dataset.rows);
  const training: Training = {
    ...options,
    ...plan,
    steps,
    maxTokens: max_tokens,
    stop: decoding.stop,
    seed,
    prompts,
    rewards,
  };
  remarkOnEstimator(training, emit);
  const world = await watchedWorld(dataset, training, { tokenizer: start.tokenizer, emit });
  const watch = world && watchOf(world, training, { start, emit });
  const last = await follow(training, start, { emit, signal, checkpoints, watch, logEvery: log_every });
  const { policy } = last;
  const trained = trainedOn(training, last);
  await savePolicy(outputPath(job, 'policy'), { ...policy, manifest: { ...policy.manifest, trained } });
  await plan.alsoSave?.(policy);
  disposeState(last.optimizer);
  parameterPolicy(last.policy).dispose();
}

/** The budget that was spent, of which only the tokens hang on what was sampled, and how. */
function trainedOn(
  { tradeOffs, batch, samples, kl, alpha_schedule }: Training,
  { step, tokens }: Progress,
): Trained {
  const groups = step * tradeOffs * batch;
  const by = { kl, biased: !isUnbiased(kl), alphaSchedule: alpha_schedule, samples };
  return { steps: step, groups, responses: groups * samples, tokens, by: [by] };
}

/** A biased estimator trains something else than V; its result backs no claim, and the log says so. */
function remarkOnEstimator({ kl }: Training, emit: Emit): void {
  if (isUnbiased(kl)) return;
  const text = `kl: ${kl} does not estimate the gradient of the objective: use this policy for comparison only`;
  emit({ type: 'log', level: 'warning', text });
}

/** The exact world of the prompts, whose listed responses end with the end of the text and not where they are stopped. */
async function watchedWorld(
  dataset: Dataset,
  { stop = [], rewards }: Training,
  { tokenizer, emit }: Pick<StoredPolicy, 'tokenizer'> & Pick<Surroundings, 'emit'>,
): Promise<ListedWorld | undefined> {
  const objectives = rewards.map(({ name }) => name);
  const { world, unlisted } = await listingOf(dataset, { objectives, tokenizer });
  if (world && stop.length === 0) return world;
  const why = world ? 'the exact world lists responses that nothing stops' : unlisted;
  if (why) emit({ type: 'log', level: 'info', text: `figures of steering are not computed: ${why}` });
  return undefined;
}

/** Computes figures of steering. */
type Watch = (policy: StoredPolicy) => Promise<Figures>;

interface Watching extends Pick<Surroundings, 'emit'> {
  readonly start: StoredPolicy;
}

function watchOf(world: ListedWorld, { prompts, maxTokens }: Training, { start, emit }: Watching): Watch {
  const { tokenizer, config, reference, manifest } = start;
  const model = languageModel(config, reference, tokenizer, { keepWeights: true });
  const listing = { world, objectives: manifest.objectives, tokenizer, reference: model };
  const listed = listPrompts(prompts.slice(0, watched), listing);
  model.dispose();
  const cut = cutShort(listed, maxTokens);
  if (cut) emit({ type: 'log', level: 'warning', text: cut });
  return (policy) => steeringFigures(parameterPolicy(policy), listed);
}

interface Following extends Surroundings {
  /** Undefined where the prompts come from no exact world. */
  readonly watch: Watch | undefined;
  readonly logEvery: number;
}

/** Figures that wait to be averaged, and the last ones of steering. */
type Tally = {
  readonly recent: readonly Figures[];
  readonly steering: Figures;
};

/** Runs the trainer to its end and reports on it; the policy's tensors are the caller's. */
async function follow(training: Training, start: StoredPolicy, options: Following): Promise<Progress> {
  const { emit, signal, checkpoints, watch, logEvery } = options;
  let { last, tally } = await resume(start, options);
  for await (const step of train(training, last)) {
    last = step;
    const ends = step.step === training.steps;
    let recent = [...tally.recent, step.figures];
    if (step.step % logEvery === 0 || ends) {
      log(emit, step.step, { ...averageFigures(recent), num_tokens: step.tokens });
      emit({ type: 'progress', done: step.step, total: training.steps, unit: 'steps' });
      recent = [];
    }
    tally = { ...tally, recent };
    if (step.step % Math.ceil(training.steps / watches) === 0 || ends) {
      emitSample(emit, step);
      tally = { ...tally, steering: (await watch?.(step.policy)) ?? {} };
      log(emit, step.step, tally.steering);
    }
    if (checkpoints.due() || (ends && checkpoints.atEnd)) await keep(step, tally, checkpoints);
    signal.throwIfAborted();
  }
  const warning = lowSpanWarning(tally.steering);
  if (warning) emit({ type: 'log', level: 'warning', text: warning });
  return last;
}

function keep(
  { step, tokens, policy, optimizer }: Progress,
  tally: Tally,
  checkpoints: Checkpoints,
): Promise<void> {
  const parameters = flatten(conditionedParameters(policy));
  return checkpoints.save(step, (folder) =>
    saveState(folder, { parameters, optimizer, notes: { tokens, ...tally } }),
  );
}

/** Where an earlier try had come to, or the start. */
async function resume(
  start: StoredPolicy,
  { checkpoints: { from }, emit }: Following,
): Promise<{ last: Progress; tally: Tally }> {
  if (!from) return { last: begin(start), tally: { recent: [], steering: {} } };
  const { parameters, optimizer, notes } = await loadState<{ tokens: number } & Tally>(from.folder);
  const fresh = conditionedParameters(start);
  disposeTensors(flatten(fresh));
  const { shared, copies } = unflatten(parameters, fresh);
  emit({ type: 'log', level: 'info', text: `goes on from the checkpoint of step ${from.step}` });
  const { tokens, ...tally } = notes;
  return { last: { step: from.step, tokens, policy: { ...start, shared, copies }, optimizer }, tally };
}

function log(emit: Emit, step: number, figures: Figures): void {
  for (const [name, value] of Object.entries(figures)) emit({ type: 'metric', name, value, step });
}

/** The first response of the step that has rewards. */
function emitSample(emit: Emit, { episodes }: Step): void {
  const [episode] = episodes;
  const prompt = episode?.rollout.prompts[0]?.row.prompt;
  const response = episode?.rollout.responses[0]?.find(({ rewards }) => rewards !== null);
  if (!episode || prompt === undefined || !response?.rewards) return;
  const { alpha, weights } = episode.tradeOff;
  emit({
    type: 'sample',
    prompt,
    response: response.text,
    tradeOff: { alpha, weights: [...weights] },
    rewards: [...response.rewards],
  });
}
