/** What a front says of a point, on answers and log-probabilities made by hand. */
import { beforeAll, describe, expect, it } from 'vitest';
import { StageFailure } from '../../runner/contract.js';
import type { Front } from '../../schemas/artifact.js';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import type { LanguageModel } from '../../stages/lm/types.js';
import { exactAt, listPrompts } from '../../stages/rl/exact-evaluation.js';
import { filtered } from '../../stages/lm/filter.js';
import { languageModel } from '../../stages/lm/index.js';
import { pointsAt } from '../../stages/report/points.js';
import { ask, frontPoint, meanRewards, referencePoint } from '../../stages/rl/front-points.js';
import type { Response } from '../../stages/rl/rollout.js';
import { tinyModel } from '../policy/tiny.js';

beforeAll(() => startEngine('cpu'));

const { tokenizer } = tinyModel();
const world = {
  name: 'two words',
  rewards: [],
  responses: () => [
    { text: 'a', rewards: { left: 1 } },
    { text: 'b', rewards: { left: 0 } },
  ],
};
const prompts = [{ row: { id: 'row', prompt: 'a' }, tokens: Int32Array.of(tokenizer.sep) }];
const tradeOff = { alpha: 0.1, weights: [1] };

/** Gives `a` and `b` these probabilities, in one token each; only what evaluation asks for. */
function modelOf(...probabilities: number[]): LanguageModel {
  const unused = (): never => {
    throw new Error('evaluation only scores');
  };
  return {
    start: unused,
    next: unused,
    room: unused,
    score: () => tf.tensor2d(probabilities.map((p) => [Math.log(p), 0])),
    dispose: () => undefined,
  };
}

function pointOf(policy: LanguageModel, reference: LanguageModel): ReturnType<typeof exactAt> {
  return exactAt(
    policy,
    listPrompts(prompts, { world, objectives: ['left'], tokenizer, reference }),
    tradeOff,
  );
}

describe('exact figures of a network', () => {
  it('are finite where rounding alone leaves the policy mass and the reference none', () => {
    const point = pointOf(modelOf(0.7, 0.3 - 5e-7), modelOf(0.5, 0.5));
    const kl = 0.7 * Math.log(1.4) + 0.3 * Math.log(0.6);
    expect(point.invalidMass).toBe(0);
    expect(point.kl).toBeCloseTo(kl, 5);
    expect(point.value).toBeCloseTo(0.9 * 0.7 - 0.1 * kl, 5);
  });

  it.each([
    ['weights that are no numbers', modelOf(NaN, 0.5), modelOf(0.5, 0.5)],
    ['a response that the reference excludes', modelOf(0.5, 0.5), modelOf(0, 1)],
  ])('are refused, with class and words, for %s', (_, policy, reference) => {
    expect(() => pointOf(policy, reference)).toThrow(StageFailure);
    expect(() => pointOf(policy, reference)).toThrow(
      /at alpha 0\.1 and weights \[1\] the policy has no finite value/,
    );
  });
});

describe('a point that was asked with a filter', () => {
  const { config, weights, tokenizer } = tinyModel(0, 'a b c d');
  const policy = languageModel(config, weights, tokenizer);
  const reference = languageModel(config, tinyModel(1, 'a b c d').weights, tokenizer);
  const decoding = { temperature: 0.8, top_k: 0, top_p: 0.8, min_p: 0, stop: [] };
  const asking = {
    ...{ prompts, rewards: [{ name: 'left', score: () => 1 }], tokenizer, decoding },
    ...{ samples: 3000, maxTokens: 1, samplingSeed: 3 },
  };

  it('has the KL and the entropy of what was drawn from', () => {
    const first = (model: LanguageModel): Float32Array =>
      model.next(model.start(prompts.map(({ tokens }) => tokens))).dataSync<'float32'>();
    const drawn = filtered(first(policy), { temperature: 0.8, topP: 0.8 });
    const logs = first(reference);
    const meanOf = (of: (p: number, token: number) => number): readonly [number, number] => {
      const mean = drawn.reduce((sum, p, token) => sum + (p > 0 ? p * of(p, token) : 0), 0);
      const square = drawn.reduce((sum, p, token) => sum + (p > 0 ? p * (of(p, token) - mean) ** 2 : 0), 0);
      return [mean, Math.sqrt(square / asking.samples)];
    };
    const [kl, klError] = meanOf((p, token) => Math.log(p) - (logs[token] ?? NaN));
    const [entropy, entropyError] = meanOf((p) => -Math.log(p));
    const point = frontPoint(ask(policy, asking), tradeOff, { reference, asking });
    expect(Math.abs(point.kl - kl)).toBeLessThan(4 * klError);
    expect(Math.abs(point.entropy - entropy)).toBeLessThan(4 * entropyError);
    // Those of the policy itself would be seen.
    const plain = { ...asking, decoding: { ...decoding, temperature: 1, top_p: 1 } };
    const itself = frontPoint(ask(policy, plain), tradeOff, { reference, asking: plain });
    expect(Math.abs(itself.entropy - entropy)).toBeGreaterThan(20 * entropyError);
  });

  it('is beside a reference that was asked in the same way: the reference as a policy gains nothing', () => {
    const likeliest = { ...asking, samples: 1, decoding: { ...decoding, temperature: 0, top_p: 1 } };
    const itself = frontPoint(ask(reference, likeliest), tradeOff, { reference, asking: likeliest });
    expect(itself.kl).toBeGreaterThan(0.5);
    expect(referencePoint(reference, likeliest).kl).toBe(itself.kl);
    const plain = { ...asking, samples: 1, decoding: { ...decoding, temperature: 1, top_p: 1 } };
    expect(referencePoint(reference, plain)).not.toHaveProperty('kl');
  });

  it('gains 0 in V where it is the reference, whose greedy answers have a probability of .2', () => {
    const figures = { rewards: [0.4], stderr: null, n: 8, kl: -Math.log(0.2) };
    const point = { ...figures, alpha: 0.05, weights: [1], length: 1, entropy: 0 };
    const front = (reference: Front['reference']): Front => ({
      ...{ v: 1, method: 'soft', objectives: ['left'], points: [point], reference, samples: [] },
    });
    const gain = (one: Front): number[] =>
      pointsAt(one, 0.05).map(({ value, referenceValue }) => value - referenceValue);
    expect(gain(front(figures))).toEqual([0]);
    // Of a front without a filter, or of an older version, the KL of the reference is 0.
    const { rewards, stderr, n } = figures;
    expect(gain(front({ rewards, stderr, n }))[0]).toBeCloseTo(-0.0805, 4);
  });

  it('hands on texts up to what stopped them, and counts the tokens of the stop', () => {
    const { responses } = ask(policy, {
      ...asking,
      ...{ samples: 200, maxTokens: 6, decoding: { ...decoding, top_p: 1, stop: ['b'] } },
    });
    const stopped = responses.flat().filter(({ tokens }) => tokenizer.decode(tokens).includes('b'));
    expect(stopped.length).toBeGreaterThan(20);
    for (const { tokens, text, logProbs } of stopped) {
      expect(text).not.toContain('b');
      expect(tokenizer.decode(tokens)).toBe(`${text}b`);
      expect(logProbs.length).toBe(tokens.length);
    }
  });
});

describe('a point with prompts to which no reward applies', () => {
  /** A response of one token a number, each with this log-probability, and a reward where it has one. */
  const answer = (logs: readonly number[], reward: number | null, clipped = false): Response => ({
    ...{ tokens: new Int32Array(logs.length), text: '', logProbs: Float32Array.from(logs), clipped },
    rewards: reward === null ? null : [reward],
  });
  const pointOf = (responses: readonly (readonly Response[])[], logReference: number[][]) => {
    const reference = { ...modelOf(1), score: () => tf.tensor2d(logReference) };
    const many = responses.map(() => prompts[0]).filter((prompt) => prompt !== undefined);
    const logDrawn = responses.flat().map(({ logProbs }) => logProbs);
    const asking = {
      ...{ prompts: many, rewards: [{ name: 'left', score: () => null }], tokenizer },
      ...{ samples: 1, maxTokens: 2, samplingSeed: 1 },
      decoding: { temperature: 1, top_k: 0, top_p: 1, min_p: 0, stop: [] },
    };
    return frontPoint({ responses, logDrawn }, { alpha: 0.05, weights: [1] }, { reference, asking });
  };

  it('takes KL, length, entropy and cut ends from the others alone, as it does rewards', () => {
    const scored = Array.from({ length: 32 }, () => [answer([-0.25], 0.5)]);
    const unscored = Array.from({ length: 32 }, () => [answer([-2, -2], null, true)]);
    const responses = scored.flatMap((one, i) => [one, unscored[i] ?? []]);
    const logReference = scored.flatMap(() => [
      [-1.25, 0], // a KL of 1
      [-4.5, -4.5], // and of 5
    ]);
    const { kl, length, entropy, clipped, n } = pointOf(responses, logReference);
    expect({ kl, length, entropy, clipped, n }).toEqual({
      kl: 1,
      length: 1,
      entropy: 0.25,
      clipped: 0,
      n: 32,
    });
  });

  it('has the standard errors over prompts of KL and of V, and says where one prompt alone shows none', () => {
    // Prompts of the mean KL 1 and 5 and the mean rewards .5 and 1.
    const responses = [[answer([0], 0.25), answer([0], 0.75)], [answer([0], 1)], [answer([0], null)]];
    const point = pointOf(responses, [[-0.5], [-1.5], [-5], [-90]]);
    expect([point.kl, point.rewards]).toEqual([3, [0.75]]);
    expect(point.klStderr).toBeCloseTo(2, 12);
    // V of each: .95 * .5 - .05 * 1 and .95 * 1 - .05 * 5.
    expect(point.valueStderr).toBeCloseTo((0.7 - 0.425) / 2, 12);
    const alone = pointOf([[answer([0], 1)], [answer([0], null)]], [[-1], [-1]]);
    expect([alone.klStderr, alone.valueStderr, alone.stderr]).toEqual([null, null, null]);
  });

  it('tells how many responses were cut before they ended', () => {
    const responses = [[answer([0], 1, true)], [answer([0], 1)], [answer([0], 1, true)], [answer([0], 1)]];
    expect(pointOf(responses, [[0], [0], [0], [0]]).clipped).toBe(0.5);
  });
});

describe('the standard error of a mean reward', () => {
  const response = (reward: number | null): Response => ({
    tokens: new Int32Array(),
    text: '',
    logProbs: new Float32Array(),
    clipped: false,
    rewards: reward === null ? null : [reward, 1 - reward],
  });
  const answers = (...rewards: (number | null)[][]): Response[][] => rewards.map((row) => row.map(response));

  it('is that of the means of the prompts, however many responses each has', () => {
    const { rewards, stderr, n, prompts } = meanRewards(
      answers([0, 0.5], [0.75, 0.75], [1, null], [null, null]),
      2,
    );
    expect(rewards[0]).toBeCloseTo(2 / 3, 12);
    // The means .25, .75 and 1 have the variance 7/48.
    expect(stderr?.[0]).toBeCloseTo(Math.sqrt(7 / 48 / 3), 12);
    expect(stderr?.[1]).toBeCloseTo(stderr?.[0] ?? NaN, 12);
    expect([n, prompts]).toEqual([5, 3]);
  });

  it('is not known with one prompt, and is not 0', () => {
    expect(meanRewards(answers([0, 1, 0.5]), 2).stderr).toBeNull();
    expect(meanRewards(answers([0, 1], [null]), 2).stderr).toBeNull();
    expect(meanRewards(answers([0, 1], [0.5]), 2).stderr).toEqual([0, 0]);
  });
});
