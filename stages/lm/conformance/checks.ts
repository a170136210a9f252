/**
 * What every engine must pass, on small models against Float64: forward, gradients, optimiser, sampling, memory.
 * Each check says what it measured and what the most is; it draws from a fixed seed.
 */
import { tf } from '../../backend/tf.js';
import { Random } from '../../random.js';
import { decoderConfig, parseConfig, type ModelConfig } from '../config.js';
import { forward } from '../decoder.js';
import { clipByGlobalNorm, valueAndGradients } from '../gradients.js';
import { languageModel } from '../language-model.js';
import { adamw, disposeState, type OptimizerState } from '../optimizer.js';
import { greedy, sample } from '../sampling.js';
import { constant, schedule } from '../schedule.js';
import { packGroups, scorePacked } from '../scoring.js';
import type { NamedTensors, Tokens } from '../types.js';
import { cloneTensors, disposeTensors, initialWeights, parameter } from '../weights.js';
import { drawn, gradientErrors, largest } from './drawn.js';
import { encoderDecoderChecks, gatedT5 } from './encoder-decoder.js';
import { referenceLogProbs, referenceLoss, type Parameters64 } from './reference.js';
import { rowAdapterError } from './row-adapters.js';

export interface CheckResult {
  readonly name: CheckName;
  readonly measured: number;
  /** Passed where `measured` is at most this. */
  readonly most: number;
  readonly passed: boolean;
}

interface Check {
  readonly description: string;
  readonly most: number;
  measure(): number;
}

const VOCABULARY = 13;
const EOS = 2;

const gpt2: ModelConfig = decoderConfig({
  vocab_size: VOCABULARY,
  n_positions: 24,
  n_embd: 12,
  n_layer: 2,
  n_head: 3,
  bos_token_id: 1,
  eos_token_id: EOS,
});

/** Rotary positions, RMS norms, gates, shared and biased keys and values, an output layer of its own. */
const qwen2: ModelConfig = parseConfig(
  JSON.stringify({
    model_type: 'qwen2',
    vocab_size: VOCABULARY,
    max_position_embeddings: 24,
    hidden_size: 12,
    intermediate_size: 10,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 4,
    rope_parameters: { rope_type: 'default', rope_theta: 100 },
  }),
  'qwen2',
);

/** Between them they have every layer of a decoder. */
const decoders = [gpt2, qwen2];

/** The largest figure over all decoders. */
const ofAll = (measure: (config: ModelConfig) => number): number => largest(decoders.map(measure));

/** Of several lengths. */
const texts: readonly Tokens[] = [5, 9, 2, 14].map((length, i) => {
  const random = new Random(i, 'conformance/texts');
  return Int32Array.from({ length }, () => 3 + random.integer(VOCABULARY - 3));
});

const checks = {
  forward: {
    description: 'largest difference of a log-probability from Float64',
    most: 2e-5,
    measure: () => ofAll(forwardError),
  },
  gradients: {
    description:
      'largest error of a gradient against finite differences in Float64, relative to 1 + |gradient|',
    most: 1e-4,
    measure: () => ofAll(gradientError),
  },
  optimiser: {
    description: 'largest difference of a weight from AdamW in Float64 after 20 steps',
    most: 1e-5,
    measure: () => optimiserError(),
  },
  learning: {
    description:
      'loss on a lesson after 30 steps beyond its entropy; above 1 where greedy decoding does not say it',
    most: 0.1,
    measure: () => ofAll(learntLoss),
  },
  repetition: {
    description: 'bytes in which a second training from the same seed differs',
    most: 0,
    measure: () => ofAll(differingBytes),
  },
  sampling: {
    description: 'chi-square of 4000 drawn pairs of tokens over its degrees of freedom, against Float64',
    most: 1.6,
    measure: () => ofAll(samplingDeviation),
  },
  memory: {
    description: 'tensors and bytes that 6 further training steps and a sampling leave behind',
    most: 0,
    measure: () => ofAll(leftBehind),
  },
  ...encoderDecoderChecks,
  'row-adapters': {
    description:
      'largest difference of a log-probability of rows with low-rank additions of their own from that on merged weights',
    most: 2e-5,
    measure: () => largest([qwen2, gatedT5].map(rowAdapterError)),
  },
} satisfies Readonly<Record<string, Check>>;

export type CheckName = keyof typeof checks;
export const checkNames = Object.keys(checks) as CheckName[];
export const describeCheck = (name: CheckName): string => checks[name].description;

/** Runs one check on the engine that runs. */
export function runCheck(name: CheckName): CheckResult {
  const { most, measure } = checks[name];
  const measured = measure();
  return { name, measured, most, passed: measured <= most };
}

function forwardError(config: ModelConfig): number {
  const { weights, exact } = drawn(config);
  const found = tf.tidy(() =>
    tf.logSoftmax(forward(config, weights, { ids: texts }, { training: false })).arraySync(),
  );
  disposeTensors(weights);
  return largest(
    texts.flatMap((text, b) =>
      referenceLogProbs(config, exact, text).flatMap((row, t) =>
        Array.from(row, (value, v) => value - (found[b]?.[t]?.[v] ?? NaN)),
      ),
    ),
  );
}

function gradientError(config: ModelConfig): number {
  const { weights, exact } = drawn(config);
  const { value, gradients } = meanLoss(config, weights);
  const lossAt = (moved: Parameters64): number => referenceLoss(config, moved, texts);
  const errors = Object.keys(exact).flatMap((name) =>
    gradientErrors(name, parameter(gradients, name), { exact, lossAt }),
  );
  value.dispose();
  for (const set of [weights, gradients]) disposeTensors(set);
  return largest(errors);
}

function differingBytes(config: ModelConfig): number {
  const [first, second] = [1, 2].map(() => trained(config, 4));
  const differing = Object.entries(first?.weights ?? {}).flatMap(([name, tensor]) => {
    const other = parameter(second?.weights ?? {}, name).dataSync();
    return [...tensor.dataSync()].filter((value, i) => !Object.is(value, other[i]));
  });
  for (const training of [first, second]) if (training) disposeTraining(training);
  return 4 * differing.length;
}

function meanLoss(config: ModelConfig, weights: NamedTensors): ReturnType<typeof valueAndGradients> {
  const packed = packGroups(
    texts.map((text) => ({ prompt: text.subarray(0, 1), responses: [text.subarray(1)] })),
  );
  return valueAndGradients(
    (leaves) => scorePacked(config, leaves, packed, { training: false }).logProbs.mean().neg().asScalar(),
    weights,
  );
}

function optimiserError(): number {
  const rate = schedule({ kind: 'linear', rate: 0.05, steps: 20, warmup: 4 });
  const optimizer = adamw({ rate, beta1: 0.8, beta2: 0.95, weightDecay: 0.1 });
  let weights: NamedTensors = { w: tf.tensor2d([[1, -2]]) };
  let state = optimizer.init(weights);
  const expected = [1, -2].map((p) => ({ p, m: 0, v: 0 }));
  for (let step = 1; step <= 20; step++) {
    const gradient = [Math.sin(step), 0.1 * step];
    const gradients = { w: tf.tensor2d([gradient]) };
    const updated = optimizer.update(gradients, state, weights);
    for (const set of [gradients, weights]) disposeTensors(set);
    disposeState(state);
    ({ parameters: weights, state } = updated);
    expected.forEach((x, i) => {
      const g = gradient[i] ?? NaN;
      x.m = 0.8 * x.m + 0.2 * g;
      x.v = 0.95 * x.v + 0.05 * g * g;
      const size = x.m / (1 - 0.8 ** step) / (Math.sqrt(x.v / (1 - 0.95 ** step)) + 1e-8);
      x.p -= rate(step - 1) * (0.1 * x.p + size);
    });
  }
  const found = parameter(weights, 'w').dataSync();
  disposeTensors(weights);
  disposeState(state);
  return largest(expected.map(({ p }, i) => p - (found[i] ?? NaN)));
}

interface Training {
  readonly config: ModelConfig;
  readonly weights: NamedTensors;
  readonly state: OptimizerState;
  readonly loss: number;
}

const prompt = Int32Array.from([1, 10]);
const sentence = Int32Array.from([4, 7, 5, 9, 6, 8, 2]);
/** Two groups: their attention is padded, masked and packed. The second may go on in two ways. */
const lesson = packGroups([
  { prompt, responses: [sentence] },
  { prompt: Int32Array.from([1, 11, 12]), responses: [sentence.subarray(3), sentence.subarray(5)] },
]);

/** Two bits of choice over thirteen scored tokens. */
const ENTROPY = (2 * Math.LN2) / 13;

/** One step on the mean log-loss; what it replaces is disposed. */
function step({ config, weights, state }: Training): Training {
  const { value, gradients } = valueAndGradients(
    (leaves) => scorePacked(config, leaves, lesson, { training: true }).logProbs.mean().neg().asScalar(),
    weights,
  );
  const clipped = clipByGlobalNorm(gradients, 1);
  const updated = adamw({ rate: constant(2e-2), weightDecay: 0.01 }).update(
    clipped.gradients,
    state,
    weights,
  );
  const loss = value.dataSync()[0] ?? NaN;
  value.dispose();
  for (const set of [gradients, clipped.gradients, weights]) disposeTensors(set);
  disposeState(state);
  return { config, weights: updated.parameters, state: updated.state, loss };
}

function trained(config: ModelConfig, steps: number): Training {
  const weights = initialWeights(config, new Random(0, 'conformance/init'));
  let training: Training = { config, weights, state: adamw({ rate: constant(0) }).init(weights), loss: NaN };
  for (let i = 0; i < steps; i++) training = step(training);
  return training;
}

function disposeTraining({ weights, state }: Training): void {
  disposeTensors(weights);
  disposeState(state);
}

function learntLoss(config: ModelConfig): number {
  const training = trained(config, 30);
  const model = languageModel(config, training.weights, { masked: new Int32Array() }, { keepWeights: true });
  const [said] = greedy(model, [prompt], 12, 2);
  model.dispose();
  disposeTraining(training);
  return training.loss - ENTROPY + (said?.join() === sentence.join() ? 0 : 1);
}

/** Pairs that are expected less than five times count as one. */
function samplingDeviation(config: ModelConfig): number {
  const draws = 4000;
  const { weights, exact } = drawn(config);
  const counts = drawPairs(config, weights, draws);
  const cells: { expected: number; found: number }[] = [];
  const rare = { expected: 0, found: 0 };
  const start = referenceLogProbs(config, exact, prompt).at(-1) ?? new Float64Array();
  start.forEach((first, a) => {
    const second =
      a === 2
        ? Float64Array.from([0])
        : referenceLogProbs(config, exact, Int32Array.from([...prompt, a])).at(-1);
    second?.forEach((next, b) => {
      const cell = {
        expected: draws * Math.exp(first + next),
        found: counts.get(a === 2 ? '2' : `${a},${b}`) ?? 0,
      };
      if (cell.expected >= 5) cells.push(cell);
      else {
        rare.expected += cell.expected;
        rare.found += cell.found;
      }
    });
  });
  cells.push(rare);
  return (
    cells.reduce((total, { expected, found }) => total + (found - expected) ** 2 / expected, 0) /
    (cells.length - 1)
  );
}

/** How often each pair of tokens (one alone where it ends the text) was drawn behind the prompt. */
function drawPairs(config: ModelConfig, weights: NamedTensors, samples: number): Map<string, number> {
  const model = languageModel(config, cloneTensors(weights), { masked: new Int32Array() });
  const random = (row: number): Random => new Random(row, 'conformance/sampling');
  const { groups } = sample(model, { prompts: [prompt], samples, maxTokens: 2, eos: 2, random });
  model.dispose();
  disposeTensors(weights);
  const counts = new Map<string, number>();
  for (const response of groups[0]?.responses ?? []) {
    counts.set(response.join(), (counts.get(response.join()) ?? 0) + 1);
  }
  return counts;
}

function leftBehind(config: ModelConfig): number {
  let training = trained(config, 2);
  const held = (): number => tf.memory().numTensors + tf.memory().numBytes;
  const before = held();
  for (let i = 0; i < 6; i++) training = step(training);
  drawPairs(config, cloneTensors(training.weights), 8);
  const left = held() - before;
  disposeTraining(training);
  return left;
}
