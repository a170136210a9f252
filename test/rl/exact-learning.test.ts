/**
 * Training, whole, in a world whose responses can all be listed: thirteen of at most two tokens. What is left of the
 * way to the optimum is exact, so a mechanism that cannot carry a trade-off does not pass.
 */
import { beforeAll, expect, it } from 'vitest';
import type { ConditioningName } from '../../schemas/conditionings.js';
import { startEngine } from '../../stages/backend/engine.js';
import { languageModel } from '../../stages/lm/index.js';
import type { LanguageModel, Tokens } from '../../stages/lm/types.js';
import { conditioningMethod } from '../../stages/policy/conditioning/index.js';
import { initialPolicy } from '../../stages/policy/initial-policy.js';
import { parameterPolicy } from '../../stages/policy/parameter-policy.js';
import type { StoredPolicy } from '../../stages/policy/stored-policy.js';
import type { Reward } from '../../stages/rewards/types.js';
import { begin, train, type Training } from '../../stages/rl/trainer.js';
import { drawTradeOff } from '../../stages/rl/trade-offs.js';
import { exactPoint, networkRounding } from '../../stages/worlds/finite.js';
import type { FiniteProblem } from '../../stages/worlds/types.js';
import { manifestOf, tinyModel } from '../policy/tiny.js';

beforeAll(() => startEngine('wasm'));

const shareOf = (name: string, word: string): Reward => ({
  name,
  score: (_, response) => response.split(' ').filter((found) => found === word).length / 2,
});
const rewards = [shareOf('left', 'a'), shareOf('right', 'b')];
const alpha = 0.2;

/** Every response of at most two tokens. */
function responsesOf({ tokenizer }: StoredPolicy): readonly Tokens[] {
  const words = [...tokenizer.encode('a b'), tokenizer.unknown];
  const strings = [
    [tokenizer.eos],
    ...words.flatMap((first) => [tokenizer.eos, ...words].map((next) => [first, next])),
  ];
  return strings.map((string) => Int32Array.from(string));
}

function logProbs(model: LanguageModel, prompt: Tokens, responses: readonly Tokens[]): Float64Array {
  const scores = model.score(
    responses.map(() => prompt),
    responses,
  );
  const table = scores.arraySync();
  scores.dispose();
  return Float64Array.from(table, (row) => row.reduce((sum, value) => sum + value, 0));
}

/** Share of the way from the reference to the optimum that is left, at both ends and in the middle. */
async function leftOf(policy: StoredPolicy, prompts: readonly Tokens[]): Promise<number[]> {
  const { config, tokenizer, reference } = policy;
  const responses = responsesOf(policy);
  const base = languageModel(config, reference, tokenizer, { keepWeights: true });
  const problems = prompts.map((prompt): FiniteProblem => ({
    rewards: responses.map((tokens) =>
      rewards.map((reward) => reward.score({ id: '', prompt: '' }, tokenizer.decode(tokens)) ?? NaN),
    ),
    logReference: logProbs(base, prompt, responses),
    rounding: networkRounding,
  }));
  const left: number[] = [];
  for (const weights of [
    [1, 0],
    [0.5, 0.5],
    [0, 1],
  ]) {
    const model = await parameterPolicy(policy).at({ alpha, weights });
    const listed = problems.map((problem, i) => ({
      problem,
      logPolicy: logProbs(model, prompts[i] ?? new Int32Array(), responses),
    }));
    model.dispose();
    const { regret, optimum, reference: start, invalidMass } = exactPoint(listed, { alpha, weights });
    expect(Math.abs(invalidMass)).toBeLessThan(1e-4);
    left.push(regret / (optimum - start));
  }
  return left;
}

it.each<ConditioningName>(['lora', 'svd-lora', 'soft-tokens'])(
  'a policy conditioned by %s comes close to the optimum at every trade-off',
  async (name) => {
    const method = await conditioningMethod(name);
    const policy = initialPolicy(tinyModel(), manifestOf(name, { alpha: { fixed: alpha } }), {
      method,
      seed: 0,
    });
    const prompts = ['a', 'b', 'a b', 'b a'].map((prompt, i) => ({
      row: { id: `${i}`, prompt },
      tokens: policy.tokenizer.encodePrompt(prompt),
    }));
    const training: Training = {
      ...{ seed: 5, steps: 80, batch: 4, samples: 16, learning_rate: 0.02, schedule: 'linear', warmup: 0 },
      ...{ max_grad_norm: 1, kl: 'k1-in-reward', alpha_schedule: 'constant', maxTokens: 2 },
      ...{ prompts, rewards, tradeOffs: 2 },
      draw: (random) => drawTradeOff({ weights: { dirichlet: 1 }, corners: 0.3, alpha }, 2, random),
    };
    let last = begin(policy);
    for await (const step of train(training, last)) last = step;
    const left = await leftOf(
      last.policy,
      prompts.map(({ tokens }) => tokens),
    );
    for (const share of left) expect(share).toBeLessThan(0.3);
  },
);
