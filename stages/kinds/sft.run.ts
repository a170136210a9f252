/** sft: tokenizer from the data, a decoder from nothing, then one epoch after the other of responses after prompts. */
import { oneInput, outputPath, requiredInput, type Emit, type StageJob } from '../../runner/contract.js';
import { startEngine, type EngineName } from '../backend/engine.js';
import { bigramLoss, fitBigram } from '../data/bigram.js';
import { openDataset } from '../data/dataset.js';
import type { Row } from '../data/types.js';
import {
  buildTokenizer,
  countParameters,
  decoderConfig,
  disposeTensors,
  initialWeights,
  saveModel,
  type MaskedTokenizer,
  type Model,
} from '../lm/index.js';
import { conditioningTokens } from '../policy/prompt-writing.js';
import { Random } from '../random.js';
import { examplesOf, heldOutLoss, supervise, type Example } from '../rl/supervised.js';
import type { SftWith } from './sft.js';

export async function run(job: StageJob<SftWith>, emit: Emit, signal: AbortSignal): Promise<void> {
  await startEngine(job.backend as EngineName | undefined);
  const { steps, log_every, loss_on, model: shape } = job.with;
  const seed = job.seed ?? 0;
  const metric = (name: string, value: number, step: number): void =>
    emit({ type: 'metric', name, value, step });

  const { rows } = await openDataset(requiredInput(job, 'data'));
  const tokenizer = tokenizerOf(rows, job.with.vocabulary);
  const examples = examplesOf(rows, tokenizer, { context: shape.context, learnPrompt: loss_on === 'all' });
  const heldOut = await heldOutExamples(job, tokenizer);
  const noise = { share: job.with.conditioning_noise, tokens: [...tokenizer.reserved.values()] };

  let model = freshModel(job.with, tokenizer, new Random(seed, 'sft/weights'));
  metric('parameters', countParameters(model.weights), 0);
  let tokens = 0;
  for await (const step of supervise({ ...job.with, examples, seed, noise }, model)) {
    signal.throwIfAborted();
    model = step.model;
    tokens += step.tokens;
    if (step.step % log_every !== 0 && step.step !== steps) continue;
    for (const [name, value] of Object.entries({ ...step.figures, num_tokens: tokens }))
      metric(name, value, step.step);
    emit({ type: 'progress', done: step.step, total: steps, unit: 'steps' });
  }
  if (heldOut) {
    metric('eval/loss', heldOutLoss(model, heldOut), steps);
    // The bigram model sees responses alone: what it takes to beat it is to have read the prompt.
    const responses = examplesOf(rows, tokenizer, { context: shape.context, learnPrompt: false });
    metric('eval/bigram_loss', bigramLossOf(responses, heldOut, tokenizer), steps);
  }
  await saveModel(outputPath(job, 'model'), model);
  disposeTensors(model.weights);
}

function tokenizerOf(rows: readonly Row[], maxVocabulary: number): MaskedTokenizer {
  const texts = rows.flatMap(({ prompt, response }) =>
    response === undefined ? [prompt] : [prompt, response],
  );
  return buildTokenizer(texts, { maxVocabulary, reserved: conditioningTokens });
}

async function heldOutExamples(
  job: StageJob<SftWith>,
  tokenizer: MaskedTokenizer,
): Promise<readonly Example[] | undefined> {
  const validation = oneInput(job, 'validation');
  if (!validation) return undefined;
  const { rows } = await openDataset(validation);
  return examplesOf(rows, tokenizer, { context: job.with.model.context, learnPrompt: false });
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
