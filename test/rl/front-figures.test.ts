/** What a front says of a point, on answers and log-probabilities made by hand. */
import { beforeAll, describe, expect, it } from 'vitest';
import { StageFailure } from '../../runner/contract.js';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import type { LanguageModel } from '../../stages/lm/types.js';
import { exactAt, listPrompts } from '../../stages/rl/exact-evaluation.js';
import { meanRewards } from '../../stages/rl/front-points.js';
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
