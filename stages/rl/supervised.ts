/** Supervised finetuning: cross-entropy of responses given their prompts, as a loop of updates. */
import { setImmediate } from 'node:timers/promises';
import { StageFailure } from '../../runner/contract.js';
import { tf } from '../backend/tf.js';
import type { Row } from '../data/types.js';
import type { Scalar } from '@tensorflow/tfjs';
import {
  adamw,
  adapted,
  clipByGlobalNorm,
  disposeState,
  disposeTensors,
  linearCombination,
  packGroups,
  schedule,
  scorePacked,
  valueAndGradients,
  type Adapters,
  type MaskedTokenizer,
  type Model,
  type OptimizerState,
} from '../lm/index.js';
import type { NamedTensors, PromptGroup, Tokens } from '../lm/types.js';
import { conditioned, joined } from '../policy/prompted-model.js';
import { Random } from '../random.js';
import { drawInEpochs } from './epochs.js';
import { refuseDivergence } from './figures.js';

/** A row as it is learnt: the response, with its end, after the prompt. */
export interface Example {
  readonly prompt: Tokens;
  readonly response: Tokens;
}

/**
 * Rows as examples: prompt (with what separates it) | response, end; with `learnPrompt`, the same tokens at the same places, of which
 * only the first is not learnt.
 * A row without a response, or longer than the context leaves room for, is a StageFailure.
 */
export function examplesOf(
  rows: readonly Row[],
  tokenizer: MaskedTokenizer,
  { context, learnPrompt, noise = 0 }: Limits,
): readonly Example[] {
  if (rows.length === 0) throw new StageFailure('user', 'empty-dataset', 'there is no row to learn from');
  return rows.map((row) => {
    if (row.response === undefined)
      throw new StageFailure(
        'user',
        'missing-response',
        `row ${JSON.stringify(row.id)} has no response to learn`,
      );
    const prompt = tokenizer.encodePrompt(row.prompt);
    const response = joined(tokenizer.encode(row.response), Int32Array.of(tokenizer.eos));
    const length = prompt.length + response.length;
    // The last token is predicted and takes no position.
    if (length > (noise > 0 ? context + 1 - mostNoise : context))
      throw tooLong(row.id, length, { context, noise });
    if (!learnPrompt) return { prompt, response };
    const whole = joined(prompt, response);
    return { prompt: whole.slice(0, 1), response: whole.slice(1) };
  });
}

interface Limits {
  readonly context: number;
  readonly learnPrompt: boolean;
  /** Share of the rows that will stand behind conditioning tokens, which take room; none without. */
  readonly noise?: number;
}

/** Conditioning tokens before a row, at most. */
const mostNoise = 4;

function tooLong(
  id: string,
  length: number,
  { context, noise = 0 }: Omit<Limits, 'learnPrompt'>,
): StageFailure {
  return new StageFailure(
    'user',
    'context',
    `row ${JSON.stringify(id)} has ${length} tokens, prompt, separator, response and end together; the model's ` +
      `context is ${context}${noise > 0 ? `, of which conditioning_noise takes up to ${mostNoise}` : ''}: raise model.context, or shorten or drop long rows where the data are read`,
  );
}

export interface Supervision {
  readonly examples: readonly Example[];
  readonly seed: number;
  readonly steps: number;
  readonly batch: number;
  /** Examples that run through the model at once; all of a batch without. */
  readonly micro_batch?: number | undefined;
  readonly learning_rate: number;
  readonly schedule: 'constant' | 'linear' | 'cosine';
  readonly warmup: number;
  readonly weight_decay: number;
  readonly max_grad_norm: number;
  /** Share of examples that carry conditioning tokens, and the tokens to draw from. */
  readonly noise: { readonly share: number; readonly tokens: readonly number[] };
  /** Where adapters are trained: the weights that they adapt, which stay. Then the factors are the model's weights here. */
  readonly frozen?: { readonly base: NamedTensors; readonly adapters: Adapters } | undefined;
}

/** All weights of the model, from those that are trained. Differentiable; what is merged is the caller's to dispose. */
export function wholeWeights({ frozen }: Pick<Supervision, 'frozen'>, factors: NamedTensors): NamedTensors {
  if (!frozen) return factors;
  return { ...frozen.base, ...adapted(frozen.base, frozen.adapters, [{ share: 1, factors }]) };
}

/** All that a step changes. */
export interface SupervisedProgress {
  /** Updates done, and tokens that ran through the model. */
  readonly step: number;
  readonly tokens: number;
  readonly model: Model;
  readonly optimizer: OptimizerState;
}

export interface SupervisedStep extends SupervisedProgress {
  readonly figures: Readonly<Record<'loss' | 'grad_norm' | 'learning_rate', number>>;
}

/** Before the first update. */
export function beginSupervision(model: Model): SupervisedProgress {
  return { step: 0, tokens: 0, model, optimizer: adamw({ rate: () => 0 }).init(model.weights) };
}

/**
 * Updates the model to the last step. Each step takes over the tensors of the one before (of `from`, where none was);
 * only the last one's are alive, and the caller disposes them.
 */
export async function* supervise(
  options: Supervision,
  from: SupervisedProgress,
): AsyncGenerator<SupervisedStep, void> {
  const rate = schedule({ ...options, kind: options.schedule, rate: options.learning_rate });
  const optimizer = adamw({ rate, weightDecay: options.weight_decay });
  let progress = from;
  while (progress.step < options.steps) {
    const { step, model, optimizer: state } = progress;
    const groups = batchAt(options, model.tokenizer, step);
    const random = new Random(options.seed, `sft/dropout/${step}`);
    const loss = lossGradient(model, groups, { ...options, random });
    const clipped = clipByGlobalNorm(loss.gradients, options.max_grad_norm);
    const updated = optimizer.update(clipped.gradients, state, model.weights);
    [model.weights, loss.gradients, clipped.gradients].forEach(disposeTensors);
    disposeState(state);
    const figures = { loss: loss.value, grad_norm: clipped.norm, learning_rate: rate(step) };
    refuseDivergence(figures, step);
    progress = {
      step: step + 1,
      tokens: progress.tokens + loss.tokens,
      model: { ...model, weights: updated.parameters },
      optimizer: updated.state,
    };
    yield { ...progress, figures };
    await setImmediate();
  }
}

/** The examples of a step: epochs in shuffled order, some behind conditioning tokens that say nothing. */
function batchAt(
  { examples, seed, batch, noise }: Supervision,
  tokenizer: MaskedTokenizer,
  step: number,
): readonly PromptGroup[] {
  const random = new Random(seed, `sft/noise/${step}`);
  const drawn = drawInEpochs(examples, { seed, purpose: 'sft/order', start: step * batch, count: batch });
  return drawn.map(({ prompt, response }) => {
    const before = random.uniform() < noise.share ? noiseTokens(noise.tokens, random) : new Int32Array();
    return { prompt: conditioned(before, prompt, tokenizer), responses: [response] };
  });
}

function noiseTokens(tokens: readonly number[], random: Random): Tokens {
  const count = 1 + random.integer(mostNoise);
  return Int32Array.from({ length: count }, () => tokens[random.integer(tokens.length)] ?? 0);
}

interface LossGradient {
  readonly value: number;
  readonly gradients: NamedTensors;
  /** Tokens that ran through the model. */
  readonly tokens: number;
}

/**
 * Mean loss a response token in nats and its gradient. Of micro-batches each gives its part of the whole batch's mean,
 * so that their sums are those of the batch, whatever the lengths.
 */
function lossGradient(
  model: Model,
  groups: readonly PromptGroup[],
  options: Pick<Supervision, 'micro_batch' | 'frozen'> & { readonly random: Random },
): LossGradient {
  const scored = groups.reduce((sum, { responses }) => sum + (responses[0]?.length ?? 0), 0);
  const masked = maskOf(model.tokenizer, groups);
  const size = options.micro_batch ?? groups.length;
  let whole: LossGradient | undefined;
  for (let i = 0; i < groups.length; i += size) {
    const part = partialGradient(model, groups.slice(i, i + size), { ...options, ...masked, scored });
    whole = whole ? added(whole, part) : part;
  }
  if (!whole) throw new Error('internal error: a batch without examples; please report it');
  return whole;
}

/** The sum of the losses over `scored`, the tokens of the whole batch. */
function partialGradient(
  { config, weights }: Model,
  groups: readonly PromptGroup[],
  {
    frozen,
    scored,
    ...options
  }: Pick<Supervision, 'frozen'> & {
    readonly random: Random;
    readonly masked?: Int32Array;
    readonly scored: number;
  },
): LossGradient {
  const packed = packGroups(groups, { config });
  const { value, gradients } = valueAndGradients((trained) => {
    const parameters = wholeWeights({ frozen }, trained);
    const { logProbs } = scorePacked(config, parameters, packed, { ...options, training: true });
    return logProbs.sum<Scalar>().div<Scalar>(-scored);
  }, weights);
  const loss = value.dataSync<'float32'>()[0] ?? NaN;
  value.dispose();
  return { value: loss, gradients, tokens: packed.nodes };
}

function added(a: LossGradient, b: LossGradient): LossGradient {
  const gradients = linearCombination([1, 1], [a.gradients, b.gradients]);
  [a.gradients, b.gradients].forEach(disposeTensors);
  return { value: a.value + b.value, gradients, tokens: a.tokens + b.tokens };
}

/**
 * Tokens that are never said take no probability from the others, unless they stand among what is learnt: a prompt that
 * is learnt has its separator, and a text may spell one out (`<sep>`).
 */
function maskOf(
  { masked }: MaskedTokenizer,
  groups: readonly PromptGroup[],
): { readonly masked?: Int32Array } {
  const never = new Set(masked);
  const learnt = groups.some(({ responses }) =>
    responses.some((tokens) => tokens.some((id) => never.has(id))),
  );
  return learnt ? {} : { masked };
}

/** Share of the tokens of examples that stand for words which the tokenizer does not know. */
export function unknownShare(
  examples: readonly Example[],
  { unknown }: Pick<MaskedTokenizer, 'unknown'>,
): number {
  let [unknowns, all] = [0, 0];
  for (const tokens of examples.flatMap(({ prompt, response }) => [prompt, response])) {
    all += tokens.length;
    for (const id of tokens) if (id === unknown) unknowns++;
  }
  return unknowns / all;
}

/** Mean loss a response token over held-out examples, in nats; at most `most` run through the model at once. */
export function heldOutLoss(model: Model, examples: readonly Example[], most = 32): number {
  const { config, weights } = model;
  const groups = examples.map(({ prompt, response }) => ({ prompt, responses: [response] }));
  const options = { training: false, ...maskOf(model.tokenizer, groups) };
  let [sum, count] = [0, 0];
  for (let i = 0; i < groups.length; i += most) {
    const packed = packGroups(groups.slice(i, i + most), { config });
    const values = tf.tidy(() =>
      scorePacked(config, weights, packed, options).logProbs.dataSync<'float32'>(),
    );
    for (const value of values) sum -= value;
    count += values.length;
  }
  return sum / count;
}
