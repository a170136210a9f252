/** sft: tokenizer from the data, a decoder from nothing, then one epoch after the other of responses after prompts. */
import {
  StageFailure,
  oneInput,
  outputPath,
  requiredInput,
  type Checkpoints,
  type StageJob,
} from '../../runner/contract.js';
import { startEngine, type EngineName } from '../backend/engine.js';
import { bigramLoss, fitBigram } from '../data/bigram.js';
import { openDataset } from '../data/dataset.js';
import type { Row } from '../data/types.js';
import {
  adaptersOf,
  architectureOf,
  bpeTokenizer,
  buildTokenizer,
  contextOf,
  countParameters,
  decoderConfig,
  disposeState,
  disposeTensors,
  freshFactors,
  initialWeights,
  loadAdapter,
  pick,
  saveAdapter,
  saveModel,
  type Adapter,
  type MaskedTokenizer,
  type Model,
} from '../lm/index.js';
import { openModel } from '../policy/open-model.js';
import { conditioningTokens } from '../policy/prompt-writing.js';
import { Random } from '../random.js';
import { loadState, saveState } from '../rl/checkpoint.js';
import { averageFigures, type Figures } from '../rl/figures.js';
import type { Surroundings } from '../rl/run-training.js';
import {
  beginSupervision,
  examplesOf,
  heldOutLoss,
  supervise,
  unknownShare,
  wholeWeights,
  type Example,
  type SupervisedProgress,
  type Supervision,
} from '../rl/supervised.js';
import type { SftWith } from './sft.js';

export async function run(job: StageJob<SftWith>, surroundings: Surroundings): Promise<void> {
  const { emit } = surroundings;
  await startEngine(job.backend as EngineName | undefined);
  const { log_every } = job.with;
  const seed = job.seed ?? 0;
  const metric = (name: string, value: number, step: number): void =>
    emit({ type: 'metric', name, value, step });

  const { rows } = await openDataset(requiredInput(job, 'data'));
  const base = oneInput(job, 'base');
  const fresh = base
    ? await openModel(base)
    : freshModel(job.with, tokenizerOf(rows, job.with), new Random(seed, 'sft/weights'));
  const { tokenizer } = fresh;
  const context = contextOf(fresh.config);
  const { conditioning_noise: share } = job.with;
  const limits = { context, learnPrompt: learnsPrompt(job.with, fresh), noise: share };
  const examples = examplesOf(rows, tokenizer, limits);
  const heldOut = await heldOutExamples(job, tokenizer, context);
  const noise = { share, tokens: [...tokenizer.reserved.values()] };
  if (noise.share > 0 && noise.tokens.length === 0)
    throw new StageFailure(
      'user',
      'no-conditioning-tokens',
      'conditioning_noise draws conditioning tokens, and the tokenizer of the base has none; leave it at 0',
    );

  metric('parameters', countParameters(fresh.weights), 0);
  metric('unknown_share', remarkOnUnknown(unknownShare(examples, tokenizer), job, emit), 0);
  const adapter = await adapterOf(job, fresh, new Random(seed, 'sft/adapter'));
  if (adapter) metric('trained_parameters', countParameters(adapter.factors), 0);
  const frozen = adapter && { base: fresh.weights, adapters: adapter.adapters };
  const training = { ...job.with, examples, seed, noise, frozen };
  const start = adapter ? { ...fresh, weights: adapter.factors } : fresh;
  const last = await follow(training, start, { ...surroundings, logEvery: log_every });
  const model = { ...last.model, weights: wholeWeights(training, last.model.weights) };
  await saveModel(outputPath(job, 'model'), model);
  if (heldOut) {
    // Figures of the end stand at step 0, where reviewers' charts draw bars.
    metric('eval/loss', heldOutLoss(model, heldOut, job.with.micro_batch), 0);
    // The bigram model sees responses alone: what it takes to beat it is to have read the prompt.
    const responses = examplesOf(rows, tokenizer, { context, learnPrompt: false });
    metric('eval/bigram_loss', bigramLossOf(responses, heldOut, tokenizer), 0);
  }
  if (adapter) {
    const { adapters } = adapter;
    await saveAdapter(outputPath(job, 'adapter'), fresh.config, { adapters, factors: last.model.weights });
    disposeTensors(last.model.weights);
  }
  disposeState(last.optimizer);
  // One after the other: what is merged has the names of what it was merged into.
  disposeTensors(frozen?.base ?? {});
  disposeTensors(model.weights);
}

/** The share at which texts can hardly be called learnt. */
const muchUnknown = 0.01;

/** Says where many words are learnt as one unknown word, which the model then writes; gives the share back. */
function remarkOnUnknown(share: number, job: StageJob<SftWith>, emit: Surroundings['emit']): number {
  if (share <= muchUnknown) return share;
  const remedy = oneInput(job, 'base')
    ? 'take a base whose tokenizer was made for such texts'
    : `raise vocabulary (${job.with.vocabulary}), or take the tokenizer of byte pairs, which leaves no text unsaid`;
  const text =
    `${(100 * share).toFixed(1)}% of the tokens are words that the tokenizer does not know: the model learns to write ` +
    `<unk> in their place, and its loss counts that as right; ${remedy}`;
  emit({ type: 'log', level: 'warning', text });
  return share;
}

/** What is trained instead of the weights: an adapter that is given, or a fresh one; undefined where they are. */
async function adapterOf(
  job: StageJob<SftWith>,
  { config }: Model,
  random: Random,
): Promise<Adapter | undefined> {
  const given = oneInput(job, 'adapter');
  if (given) return loadAdapter((name) => given.files?.[name], config);
  if (!job.with.lora) return undefined;
  const adapters = adaptersOf(config, job.with.lora);
  return { adapters, factors: freshFactors(adapters, random) };
}

interface Following extends Surroundings {
  readonly logEvery: number;
}

/** Where a training is, and the figures of the steps since it last logged. */
interface Followed {
  readonly last: SupervisedProgress;
  readonly recent: readonly Figures[];
}

/** Trains to the end and reports on it. */
async function follow(training: Supervision, fresh: Model, options: Following): Promise<SupervisedProgress> {
  const { emit, signal, checkpoints, logEvery } = options;
  let { last, recent } = await resume(fresh, options);
  for await (const step of supervise(training, last)) {
    last = step;
    const ends = step.step === training.steps;
    recent = [...recent, step.figures];
    if (step.step % logEvery === 0 || ends) {
      for (const [name, value] of Object.entries({ ...averageFigures(recent), num_tokens: step.tokens }))
        emit({ type: 'metric', name, value, step: step.step });
      emit({ type: 'progress', done: step.step, total: training.steps, unit: 'steps' });
      recent = [];
    }
    if (checkpoints.due() || (ends && checkpoints.atEnd)) await keep(step, recent, checkpoints);
    signal.throwIfAborted();
  }
  return last;
}

const keep = (
  { step, tokens, model, optimizer }: SupervisedProgress,
  recent: readonly Figures[],
  checkpoints: Checkpoints,
): Promise<void> =>
  checkpoints.save(step, (folder) =>
    saveState(folder, { parameters: model.weights, optimizer, notes: { tokens, recent } }),
  );

/** Where an earlier try had come to, or the start. */
async function resume(fresh: Model, { checkpoints: { from }, emit }: Following): Promise<Followed> {
  if (!from) return { last: beginSupervision(fresh), recent: [] };
  const { parameters, optimizer, notes } = await loadState<{ tokens: number; recent: readonly Figures[] }>(
    from.folder,
  );
  // In the order of the fresh ones: the norm of a gradient is summed in it, and must be to the last bit.
  const weights = pick(parameters, Object.keys(fresh.weights));
  disposeTensors(fresh.weights);
  emit({ type: 'log', level: 'info', text: `goes on from the checkpoint of step ${from.step}` });
  const { tokens, recent } = notes;
  return { last: { step: from.step, tokens, model: { ...fresh, weights }, optimizer }, recent };
}

export function learnsPrompt({ loss_on }: SftWith, { config }: Pick<Model, 'config'>): boolean {
  if (loss_on === 'response') return false;
  if (architectureOf(config).encoder === undefined) return true;
  const message =
    'loss_on: all learns prompts, and the encoder of the base reads them and never says them; learn `response`';
  throw new StageFailure('user', 'encoder-prompt', message);
}

export function tokenizerOf(
  rows: readonly Row[],
  { tokenizer, vocabulary }: Pick<SftWith, 'tokenizer' | 'vocabulary'>,
): MaskedTokenizer {
  const texts = rows.flatMap(({ prompt, response }) =>
    response === undefined ? [prompt] : [prompt, response],
  );
  const reserved = conditioningTokens;
  if (tokenizer === 'words') return buildTokenizer(texts, { maxVocabulary: vocabulary, reserved });
  return bpeTokenizer(texts, { vocabulary: tokenizer.bpe.vocabulary, reserved });
}

async function heldOutExamples(
  job: StageJob<SftWith>,
  tokenizer: MaskedTokenizer,
  context: number,
): Promise<readonly Example[] | undefined> {
  const validation = oneInput(job, 'validation');
  if (!validation) return undefined;
  const { rows } = await openDataset(validation);
  return examplesOf(rows, tokenizer, { context, learnPrompt: false });
}

function freshModel({ model: shape }: SftWith, tokenizer: MaskedTokenizer, random: Random): Model {
  const config = decoderConfig({
    vocab_size: tokenizer.vocabulary.length,
    n_positions: shape.context,
    n_embd: shape.width,
    n_layer: shape.layers,
    n_head: shape.heads,
    bos_token_id: tokenizer.bos,
    eos_token_id: tokenizer.eos,
    // Unit scale at this width: GPT-2's .02 is that of width 768 and would take small models hundreds of steps to leave.
    initializer_range: 1 / Math.sqrt(shape.width),
    embd_pdrop: shape.dropout,
    attn_pdrop: shape.dropout,
    resid_pdrop: shape.dropout,
  });
  return { config, weights: initialWeights(config, random), tokenizer };
}

/** Each response follows the separator, as it does for the model. */
function bigramLossOf(
  train: readonly Example[],
  heldOut: readonly Example[],
  { sep, vocabulary }: MaskedTokenizer,
): number {
  const texts = (examples: readonly Example[]): Int32Array[] =>
    examples.map(({ response }) => Int32Array.of(sep, ...response));
  return bigramLoss(fitBigram(texts(train), vocabulary.length), texts(heldOut));
}
