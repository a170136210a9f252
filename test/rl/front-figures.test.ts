/** What a front says of a point, on answers and log-probabilities made by hand. */
import { beforeAll, describe, expect, it } from 'vitest';
import { StageFailure } from '../../runner/contract.js';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import type { LanguageModel } from '../../stages/lm/types.js';
import { exactAt, listPrompts } from '../../stages/rl/exact-evaluation.js';
import { filtered } from '../../stages/lm/filter.js';
import { languageModel } from '../../stages/lm/index.js';
import { ask, frontPoint, meanRewards } from '../../stages/rl/front-points.js';
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

describe('the standard error of a mean reward', () => {
  const response = (reward: number | null): Response => ({
    tokens: new Int32Array(),
    text: '',
    logProbs: new Float32Array(),
    rewards: reward === null ? null : [reward, 1 - reward],
  });
  const answers = (...rewards: (number | null)[][]): Response[][] => rewards.map((row) => row.map(response));

  it('is that of the means of the prompts, however many responses each has', () => {
    const { rewards, stderr, n } = meanRewards(answers([0, 0.5], [0.75, 0.75], [1, null]), 2);
    expect(rewards[0]).toBeCloseTo(2 / 3, 12);
    // The means .25, .75 and 1 have the variance 7/48.
    expect(stderr?.[0]).toBeCloseTo(Math.sqrt(7 / 48 / 3), 12);
    expect(stderr?.[1]).toBeCloseTo(stderr?.[0] ?? NaN, 12);
    expect(n).toBe(5);
  });

  it('is not known with one prompt, and is not 0', () => {
    expect(meanRewards(answers([0, 1, 0.5]), 2).stderr).toBeNull();
    expect(meanRewards(answers([0, 1], [null]), 2).stderr).toBeNull();
    expect(meanRewards(answers([0, 1], [0.5]), 2).stderr).toEqual([0, 0]);
  });
});
