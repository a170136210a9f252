import { beforeAll, describe, expect, it } from 'vitest';
import type { PolicyManifest } from '../../schemas/artifact.js';
import { conditioningNames, type ConditioningName } from '../../schemas/conditionings.js';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import { cloneTensors, contextOf, disposeState, mapTensors } from '../../stages/lm/index.js';
import { conditioningMethod } from '../../stages/policy/conditioning/index.js';
import { initialPolicy } from '../../stages/policy/initial-policy.js';
import { flatten } from '../../stages/policy/merge.js';
import { longestWriting, parameterPolicy } from '../../stages/policy/parameter-policy.js';
import { conditionedParameters, type StoredPolicy } from '../../stages/policy/stored-policy.js';
import { guarded } from '../../stages/rewards/index.js';
import type { Reward } from '../../stages/rewards/types.js';
import type { Episode } from '../../stages/rl/episode.js';
import { averageFigures, figuresOf } from '../../stages/rl/figures.js';
import { encodePrompts } from '../../stages/rl/prompts.js';
import type { Response } from '../../stages/rl/rollout.js';
import { drawTradeOff } from '../../stages/rl/trade-offs.js';
import { begin, train, type Progress, type Step, type Training } from '../../stages/rl/trainer.js';
import { manifestOf, tinyModel, valuesOf } from '../policy/tiny.js';

beforeAll(() => startEngine('wasm'));

/** Share of the response's words that are `word`. */
const shareOf = (name: string, word: string): Reward => ({
  name,
  score: (_, response) => {
    const words = response.split(' ');
    return words.filter((found) => found === word).length / words.length;
  },
});

const rows = ['a', 'b', 'a b', 'b a'].map((prompt, i) => ({ id: `row-${i}`, prompt }));

async function start(name: ConditioningName, change: Partial<PolicyManifest> = {}): Promise<StoredPolicy> {
  const method = await conditioningMethod(name);
  return initialPolicy(tinyModel(), manifestOf(name, change), { method, seed: 0 });
}

function trainingOf(policy: StoredPolicy, change: Partial<Training> = {}): Training {
  const room = { context: contextOf(policy.config), before: longestWriting(policy), maxTokens: 4 };
  return {
    seed: 5,
    steps: 4,
    batch: 2,
    samples: 4,
    learning_rate: 0.02,
    schedule: 'constant',
    warmup: 0,
    max_grad_norm: 1,
    kl: 'k1-in-reward',
    alpha_schedule: 'constant',
    maxTokens: 4,
    prompts: encodePrompts(rows, policy.tokenizer, room),
    rewards: [shareOf('left', 'a'), shareOf('right', 'b')],
    tradeOffs: 2,
    draw: (random) => drawTradeOff({ weights: { dirichlet: 1 }, corners: 0, alpha: 0.1 }, 2, random),
    ...change,
  };
}

/** Runs to the end, or to a number of updates. */
async function runFor(training: Training, from: Progress, updates = Infinity): Promise<Step> {
  let last: Step | undefined;
  for await (const step of train(training, from)) {
    last = step;
    if (step.step >= updates) break;
  }
  if (!last) throw new Error('no step was taken');
  return last;
}

const trained = ({ policy }: Progress) => valuesOf(flatten(conditionedParameters(policy)));

describe.each(conditioningNames)('training with the conditioning %s', (name) => {
  it('is the same run for the same seed, bit for bit, and another for another', async () => {
    const run = async (seed: number) => {
      const policy = await start(name);
      return trained(await runFor(trainingOf(policy, { seed }), begin(policy)));
    };
    const first = await run(5);
    expect(await run(5)).toEqual(first);
    expect(await run(6)).not.toEqual(first);
  });

  it('holds no tensor more after ten steps than after one', async () => {
    const policy = await start(name);
    const counts: number[] = [];
    for await (const step of train(trainingOf(policy, { steps: 10 }), begin(policy)))
      counts.push(step.step > 0 ? tf.memory().numTensors : NaN);
    expect(new Set(counts).size).toBe(1);
  });

  it('goes on from a step as if it had never stopped', async () => {
    const policy = await start(name);
    const whole = trained(await runFor(trainingOf(policy), begin(policy)));
    const again = await start(name);
    const half = await runFor(trainingOf(again), begin(again), 2);
    const { first, second } = half.optimizer;
    const copied: Progress = {
      step: half.step,
      tokens: half.tokens,
      policy: {
        ...half.policy,
        shared: cloneTensors(half.policy.shared),
        copies: half.policy.copies.map(cloneTensors),
      },
      optimizer: { ...half.optimizer, first: cloneTensors(first), second: cloneTensors(second) },
    };
    expect(trained(await runFor(trainingOf(again), copied))).toEqual(whole);
  });
});

describe('training', () => {
  it('steers: after it each corner favours its own reward', async () => {
    const policy = await start('full', { alpha: { fixed: 0.05 } });
    const training = trainingOf(policy, {
      ...{ steps: 60, samples: 8, batch: 4, learning_rate: 0.03 },
      draw: (random) => drawTradeOff({ weights: { dirichlet: 1 }, corners: 0.3, alpha: 0.05 }, 2, random),
    });
    const last = await runFor(training, begin(policy));
    const share = async (weights: number[]): Promise<number> => {
      const model = await parameterPolicy(last.policy).at({ alpha: 0.05, weights });
      const [a, b] = policy.tokenizer.encode('a b');
      const prompts = training.prompts.map(({ tokens }) => tokens);
      const first = model.next(model.start(prompts)).arraySync(); // (B, V)
      const mean = (token = NaN): number =>
        first.reduce((sum, row) => sum + Math.exp(row[token] ?? NaN), 0) / first.length;
      return mean(a) - mean(b);
    };
    expect(await share([1, 0])).toBeGreaterThan(0.5);
    expect(await share([0, 1])).toBeLessThan(-0.5);
  });

  it('logs rewards, KL and lengths under the names of the field', async () => {
    const policy = await start('full');
    const { figures } = await runFor(trainingOf(policy, { steps: 1 }), begin(policy));
    for (const name of [
      ...['loss', 'grad_norm', 'learning_rate', 'reward', 'rewards/left/mean', 'rewards/right/std'],
      ...['objective/kl', 'objective/entropy', 'objective/rlhf_reward'],
      ...['completions/mean_length', 'completions/clipped_ratio', 'frac_reward_zero_std', 'rewards/excluded'],
    ])
      expect(figures, name).toHaveProperty([name]);
    // The policy is still the reference when it samples for the first time.
    expect(figures['objective/kl']).toBeCloseTo(0, 5);
    const both = (figures['rewards/left/mean'] ?? NaN) + (figures['rewards/right/mean'] ?? NaN);
    expect(both).toBeGreaterThan(0);
    expect(both).toBeLessThanOrEqual(1);
  });

  it('counts responses without a reward, and learns nothing from a group of them', async () => {
    const policy = await start('full');
    const silent: Reward = { name: 'right', score: () => null };
    const before = trained(begin(policy));
    const step = await runFor(
      trainingOf(policy, { steps: 1, rewards: [shareOf('left', 'a'), silent] }),
      begin({ ...policy, copies: policy.copies.map((copy) => mapTensors(copy, (tensor) => tensor.clone())) }),
    );
    expect(step.figures['rewards/excluded']).toBe(2 * 2 * 4);
    expect(trained(step)).toEqual(before);
  });

  const response = (kl: number, reward: number | null, tokens: number): [Response, number] => [
    {
      ...{ tokens: new Int32Array(tokens), text: '', logProbs: new Float32Array(tokens) },
      ...{ clipped: reward === null, rewards: reward === null ? null : [reward] },
    },
    kl,
  ];
  const episodeOf = (groups: readonly [Response, number][][], entropy: number): Episode => ({
    ...{ tradeOff: { alpha: 0.1, weights: [1] }, gradNorm: 1 },
    rollout: { prompts: [], responses: groups.map((group) => group.map(([one]) => one)), logDrawn: [] },
    figures: { loss: 0, logRatios: groups.map((group) => group.map(([, kl]) => kl)), entropy, tokens: 0 },
  });

  it('takes its figures from the prompts to which the rewards apply', () => {
    const episode = episodeOf(
      [
        [response(1, 0.2, 4), response(1, 0.4, 4)],
        [response(1, 0.5, 4), response(1, 0.5, 4)],
        [response(5, null, 9), response(5, null, 9)],
      ],
      0,
    );
    const figures = figuresOf([episode], ['left']);
    expect(figures['objective/kl']).toBe(1);
    expect(figures['completions/mean_length']).toBe(4);
    expect(figures['completions/clipped_ratio']).toBe(0);
    expect(figures.frac_reward_zero_std).toBe(0.5);
    expect(figures['rewards/excluded']).toBe(2);
  });

  it('logs no 0 for a step, or an episode, without a reward', () => {
    const scored = episodeOf([[response(4, 0.5, 6)]], 2);
    const silent = episodeOf([[response(4, null, 6)]], 0);
    expect(figuresOf([scored, silent], ['left'])['objective/entropy']).toBe(2);
    const steps = [[silent], [scored], [silent], [scored]].map((step) => figuresOf(step, ['left']));
    expect(averageFigures(steps)).toMatchObject({
      ...{ 'objective/kl': 4, 'objective/entropy': 2, 'rewards/left/mean': 0.5, reward: 0.5 },
      ...{ 'completions/mean_length': 6, 'rewards/excluded': 0.5, loss: 0, grad_norm: 1 },
    });
    expect(averageFigures(steps.slice(0, 1))).toEqual({ loss: 0, grad_norm: 1, 'rewards/excluded': 1 });
  });

  it.each([0.1, 0.3, 0.45, 0.6, 0.7, 1 / 3])('knows a group of equal rewards of %d', async (value) => {
    const policy = await start('full');
    const equal = (name: string): Reward => ({ name, score: () => value });
    const change = {
      ...{ steps: 1, samples: 16, batch: 1, rewards: [equal('left'), equal('right')] },
      draw: () => ({ alpha: 0.1, weights: [1, 0] }),
    };
    const { figures } = await runFor(trainingOf(policy, change), begin(policy));
    expect(figures.frac_reward_zero_std).toBe(1);
  });

  it('names the reward and the row where a reward is NaN', async () => {
    const policy = await start('full');
    const broken = guarded({ name: 'right', score: () => NaN });
    const training = trainingOf(policy, { rewards: [shareOf('left', 'a'), broken] });
    await expect(runFor(training, begin(policy))).rejects.toThrow(
      /the reward "right" gave NaN for row "row-\d"/,
    );
  });

  it('says that it diverged, instead of training on', async () => {
    const policy = await start('full');
    const training = trainingOf(policy, { learning_rate: 1e30, steps: 5 });
    await expect(runFor(training, begin(policy))).rejects.toThrow(
      /training diverged: \S+ is (NaN|-?Infinity)/,
    );
  });

  it('refuses prompts that leave too little room, counting the tokens of the trade-off', async () => {
    const policy = await start('prompt');
    const long = [{ id: 'long', prompt: 'a '.repeat(11) }];
    const room = { context: 16, before: longestWriting(policy), maxTokens: 4 };
    expect(() => encodePrompts(long, policy.tokenizer, room)).toThrow(
      'the prompt of row "long" has 12 tokens and 2 of conditioning, which leaves 3 of 16 positions for a response of up to 4',
    );
    expect(encodePrompts(long, policy.tokenizer, { ...room, before: 0 })).toHaveLength(1);
    expect(() => encodePrompts([], policy.tokenizer, room)).toThrow('empty dataset');
  });

  it('conditions alpha: the merged parameters move with it, and so does the KL', async () => {
    const range = [0.02, 0.5] as const;
    const policy = await start('full', { alpha: { range: [...range] }, referenceShare: 'log' });
    const alpha = { range, scale: 'log' as const };
    const training = trainingOf(policy, {
      ...{ steps: 20, learning_rate: 0.05 },
      draw: (random) => drawTradeOff({ weights: { dirichlet: 1 }, corners: 0, alpha }, 2, random),
    });
    const last = await runFor(training, begin(policy));
    const opinion = async (a: number) => {
      const model = await parameterPolicy(last.policy).at({ alpha: a, weights: [1, 0] });
      return Array.from(
        model.next(model.start([training.prompts[0]?.tokens ?? new Int32Array()])).dataSync(),
      );
    };
    expect(await opinion(0.02)).not.toEqual(await opinion(0.5));
    disposeState(last.optimizer);
  });
});
