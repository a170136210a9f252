/**
 * The trainer's gradient in expectation, against V differentiated exactly: a real transformer whose responses can all
 * be listed. Two words and the end, at most two tokens: seven responses.
 */
import type { Scalar } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import {
  disposeTensors,
  languageModel,
  linearCombination,
  scoreTrie,
  valueAndGradients,
  type Model,
} from '../../stages/lm/index.js';
import type { NamedTensors, Tokens } from '../../stages/lm/types.js';
import { joined } from '../../stages/policy/prompted-model.js';
import { isUnbiased, klEstimators, type KlEstimator } from '../../stages/rl/estimators.js';
import { policyGradient } from '../../stages/rl/policy-gradient.js';
import type { Response, Rollout } from '../../stages/rl/rollout.js';
import { evaluate } from '../../stages/worlds/finite.js';
import { moved, tinyModel, valuesOf } from '../policy/tiny.js';

const tradeOff = { alpha: 0.3, weights: [0.25, 0.75] };

interface World extends Model {
  /** The policy's own parameters. */
  readonly policy: NamedTensors;
  readonly prompt: Tokens;
  /** Read by the policy alone. */
  readonly before: Tokens;
  readonly responses: readonly Response[];
}

/** All responses of at most two tokens, with rewards that tell them apart. */
function listedWorld(before: (model: Model) => Tokens): World {
  const tiny = tinyModel(3);
  // Unknown words could be generated too: masked here, to keep the list short.
  const tokenizer = {
    ...tiny.tokenizer,
    masked: Int32Array.of(...tiny.tokenizer.masked, tiny.tokenizer.unknown),
  };
  const model = { ...tiny, tokenizer };
  const words = [...tokenizer.encode('a b')];
  const strings = [[tokenizer.eos], ...words.flatMap((a) => [tokenizer.eos, ...words].map((b) => [a, b]))];
  const prompt = Int32Array.of(...tokenizer.encode('b a'), tokenizer.sep);
  const policy = moved(model.weights, 7);
  const world = { ...model, policy, prompt, before: before(model) };
  const logs = logProbs(world, policy, joined(world.before, prompt), strings);
  const responses = strings.map((tokens, i): Response => ({
    tokens: Int32Array.from(tokens),
    text: tokenizer.decode(tokens),
    logProbs: logs[i] ?? new Float32Array(),
    clipped: false,
    rewards: [Math.sin(i + 1), Math.cos(3 * i)],
  }));
  return { ...world, responses };
}

function logProbs(
  model: Model,
  weights: NamedTensors,
  prompt: Tokens,
  strings: readonly number[][],
): Float32Array[] {
  const scorer = languageModel(model.config, weights, model.tokenizer, { keepWeights: true });
  const scores = scorer.score(
    strings.map(() => prompt),
    strings.map((string) => Int32Array.from(string)),
  );
  const [, longest] = scores.shape;
  const values = scores.dataSync<'float32'>();
  return strings.map((string, i) => values.slice(i * longest, i * longest + string.length));
}

const total = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);
const scalar = ({ rewards }: Response): number => 0.25 * (rewards?.[0] ?? NaN) + 0.75 * (rewards?.[1] ?? NaN);

/** -dV/dtheta and V, with V = sum_y pi(y) [(1-alpha) R_w - alpha log pi/pi_ref] written out. */
function exactGradient(world: World): { value: number; gradients: NamedTensors } {
  const strings = world.responses.map(({ tokens }) => tokens);
  const options = { training: false, masked: world.tokenizer.masked };
  const logReference = scoreTrie(world.config, world.weights, world.prompt, strings, options);
  const rewards = tf.tensor1d(world.responses.map((response) => (1 - tradeOff.alpha) * scalar(response)));
  const { value, gradients } = valueAndGradients((weights): Scalar => {
    const logs = scoreTrie(world.config, weights, joined(world.before, world.prompt), strings, options);
    const value = tf.exp(logs).mul(rewards.sub(logs.sub(logReference).mul(tradeOff.alpha)));
    return value.sum().neg() as Scalar;
  }, world.policy);
  return { value: -(value.dataSync<'float32'>()[0] ?? NaN), gradients };
}

/** The expectation of the estimate over groups of K = 2, every one of the 49 with its probability. */
function expectedGradient(world: World, estimator: KlEstimator): NamedTensors {
  const { config, policy, weights, tokenizer, before, prompt, responses } = world;
  const input = {
    ...{ config, weights: policy, trained: Object.keys(policy), reference: weights, before },
    ...{ tokenizer, estimator },
  };
  const prompts = [{ row: { id: 'only', prompt: 'b a' }, tokens: prompt }];
  let sum: NamedTensors | undefined;
  for (const first of responses)
    for (const second of responses) {
      const rollout: Rollout = { prompts, responses: [[first, second]], logDrawn: [] };
      const { gradients } = policyGradient(input, rollout, tradeOff);
      const probability = Math.exp(total(first.logProbs) + total(second.logProbs));
      const next = linearCombination(
        sum ? [1, probability] : [probability],
        sum ? [sum, gradients] : [gradients],
      );
      for (const old of [sum, gradients]) if (old) disposeTensors(old);
      sum = next;
    }
  return sum ?? {};
}

/** |a - b| / |b| over all parameters. */
function relativeError(a: NamedTensors, b: NamedTensors): number {
  const [ours, theirs] = [Object.values(valuesOf(a)).flat(), Object.values(valuesOf(b)).flat()];
  const norm = (values: number[]): number => Math.hypot(...values);
  return norm(ours.map((value, i) => value - (theirs[i] ?? NaN))) / norm(theirs);
}

describe('the gradient that training follows', () => {
  let plain: World;
  let conditioned: World;
  beforeAll(async () => {
    await startEngine('wasm');
    plain = listedWorld(() => new Int32Array());
    conditioned = listedWorld(({ tokenizer }) => Int32Array.of(tokenizer.reserved.get('<weight:3>') ?? NaN));
  });

  it('belongs to a value that Float64 computes too, to 1e-4', () => {
    const strings = plain.responses.map(({ tokens }) => [...tokens]);
    const logReference = logProbs(plain, plain.weights, plain.prompt, strings);
    const problem = {
      rewards: plain.responses.map(({ rewards }) => rewards ?? []),
      logReference: Float64Array.from(logReference, total),
    };
    const logPolicy = Float64Array.from(plain.responses, ({ logProbs: logs }) => total(logs));
    const expected = evaluate(problem, logPolicy, tradeOff).value;
    expect(Math.abs(exactGradient(plain).value - expected)).toBeLessThan(1e-4);
  });

  it.each(klEstimators.filter(isUnbiased))('is that of V in expectation with %s', (estimator) => {
    expect(relativeError(expectedGradient(plain, estimator), exactGradient(plain).gradients)).toBeLessThan(
      1e-4,
    );
  });

  it.each(klEstimators.filter((name) => !isUnbiased(name)))('is not that of V with %s', (estimator) => {
    expect(relativeError(expectedGradient(plain, estimator), exactGradient(plain).gradients)).toBeGreaterThan(
      0.01,
    );
  });

  it('keeps to the unconditioned prompt of the reference where the policy reads a trade-off', () => {
    const exact = exactGradient(conditioned).gradients;
    expect(relativeError(expectedGradient(conditioned, 'k1-in-reward'), exact)).toBeLessThan(1e-4);
    expect(relativeError(expectedGradient(conditioned, 'exact-per-token-with-return'), exact)).toBeLessThan(
      1e-4,
    );
  });

  it('reads a trade-off behind the token that begins a text', () => {
    const { config, policy, weights, tokenizer, before, prompt, responses } = conditioned;
    const gradientOf = (tokens: Tokens, ours: Tokens): NamedTensors =>
      policyGradient(
        {
          ...{ config, weights: policy, trained: Object.keys(policy), reference: weights, before: ours },
          ...{ tokenizer, estimator: 'k1-in-reward' },
        },
        {
          prompts: [{ row: { id: 'only', prompt: 'b a' }, tokens }],
          responses: [responses],

          logDrawn: [],
        },
        // What the reference reads makes no difference to rewards alone.
        { ...tradeOff, alpha: 0 },
      ).gradients;
    const wanted = gradientOf(Int32Array.of(tokenizer.bos, ...before, ...prompt), new Int32Array());
    const found = gradientOf(Int32Array.of(tokenizer.bos, ...prompt), before);
    expect(before.length).toBeGreaterThan(0);
    expect(relativeError(found, wanted)).toBeLessThan(1e-6);
    expect(relativeError(gradientOf(prompt, before), wanted)).toBeGreaterThan(0.01);
  });

  it('leaves a response without a reward out of the mean', () => {
    const { config, policy, weights, tokenizer, before, prompt } = plain;
    const input = {
      ...{ config, weights: policy, trained: Object.keys(policy), reference: weights, before },
      tokenizer,
      estimator: 'k1-in-reward' as const,
    };
    const prompts = [{ row: { id: 'only', prompt: 'b a' }, tokens: prompt }];
    const [first, second, third] = plain.responses;
    if (!first || !second || !third) throw new Error('seven responses were listed');
    const gradientOf = (responses: Response[]): NamedTensors =>
      policyGradient(input, { prompts, responses: [responses], logDrawn: [] }, tradeOff).gradients;
    const without = gradientOf([first, second]);
    expect(relativeError(gradientOf([first, { ...third, rewards: null }, second]), without)).toBeLessThan(
      1e-5,
    );
    // One reward alone has no baseline: nothing is learnt from it.
    const alone = gradientOf([first, { ...third, rewards: null }]);
    expect(new Set(Object.values(valuesOf(alone)).flat().map(Math.abs))).toEqual(new Set([0]));
  });
});
