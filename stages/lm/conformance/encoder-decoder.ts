/**
 * An encoder-decoder on an engine against Float64: both stacks, relative positions, and attention from one to the other.
 * Few weights and short texts, since its attention is made of the engine's own operations.
 */
import { parseConfig, type ModelConfig } from '../config.js';
import { languageModel } from '../language-model.js';
import { packGroups, scorePacked } from '../scoring.js';
import { valueAndGradients } from '../gradients.js';
import type { PromptGroup } from '../types.js';
import { disposeTensors, parameter } from '../weights.js';
import { drawn, gradientErrors, largest } from './drawn.js';
import { referenceLogProbs, type Parameters64 } from './reference.js';
import { stepByStep } from './row-adapters.js';

const START = 0;
const VOCABULARY = 9;

const shape = {
  model_type: 't5',
  vocab_size: VOCABULARY,
  d_model: 6,
  d_kv: 3,
  d_ff: 8,
  num_layers: 1,
  num_heads: 2,
  relative_attention_num_buckets: 6,
  relative_attention_max_distance: 8,
  decoder_start_token_id: START,
};

/** 1.1, with a gate and an output layer of its own; the output layer of the first version is its embedding. */
export const gatedT5: ModelConfig = parseConfig(
  JSON.stringify({ ...shape, feed_forward_proj: 'gated-gelu', tie_word_embeddings: false }),
  't5 1.1',
);
const models: readonly ModelConfig[] = [parseConfig(JSON.stringify(shape), 't5'), gatedT5];

/** Sources of several lengths, one of them beyond the exact buckets; two responses that begin alike. */
const groups: readonly PromptGroup[] = [
  {
    prompt: Int32Array.of(4, 7, 3, 5, 8, 6, 1),
    responses: [Int32Array.of(5, 3, 1), Int32Array.of(5, 6, 4, 1)],
  },
  { prompt: Int32Array.of(6, 1), responses: [Int32Array.of(8, 1)] },
];
const texts = groups.flatMap(({ prompt, responses }) => responses.map((response) => ({ prompt, response })));

/** The largest figure of both. */
const ofBoth = (measure: (config: ModelConfig) => number): number => largest(models.map(measure));

export const encoderDecoderChecks = {
  'encoder-decoder': {
    description:
      'largest difference of a log-probability of an encoder-decoder from Float64, packed and step by step',
    most: 2e-5,
    measure: () => ofBoth(scoreError),
  },
  'encoder-decoder-gradients': {
    description:
      'largest error of its gradients against finite differences in Float64, relative to 1 + |gradient|',
    most: 1e-4,
    measure: () => ofBoth(gradientError),
  },
};

/** Of each token of a response, in Float64. */
function exactLogs(
  config: ModelConfig,
  weights: Parameters64,
  { prompt, response }: (typeof texts)[number],
): number[] {
  const read = Int32Array.of(START, ...response.subarray(0, -1));
  const rows = referenceLogProbs(config, weights, read, prompt);
  return rows.map((row, t) => row[response[t] ?? -1] ?? NaN);
}

function scoreError(config: ModelConfig): number {
  const { weights, exact } = drawn(config);
  const model = languageModel(config, weights, { masked: new Int32Array() });
  const prompts = texts.map(({ prompt }) => prompt);
  const responses = texts.map(({ response }) => response);
  const table = model.score(prompts, responses);
  const [scored, stepped] = [table.arraySync(), stepByStep(model, prompts, responses)];
  table.dispose();
  model.dispose();
  return largest(
    texts.flatMap((text, row) =>
      exactLogs(config, exact, text).flatMap((value, t) => [
        value - (scored[row]?.[t] ?? NaN),
        value - (stepped[row]?.[t] ?? NaN),
      ]),
    ),
  );
}

function gradientError(config: ModelConfig): number {
  const { weights, exact } = drawn(config);
  const packed = packGroups(groups, { config });
  const { value, gradients } = valueAndGradients(
    (leaves) => scorePacked(config, leaves, packed, { training: false }).logProbs.mean().neg().asScalar(),
    weights,
  );
  const lossAt = (moved: Parameters64): number => {
    const logs = texts.flatMap((text) => exactLogs(config, moved, text));
    return -logs.reduce((sum, log) => sum + log, 0) / logs.length;
  };
  const errors = Object.keys(exact).flatMap((name) =>
    gradientErrors(name, parameter(gradients, name), { exact, lossAt }),
  );
  value.dispose();
  for (const set of [weights, gradients]) disposeTensors(set);
  return largest(errors);
}
