/** Gradients of micro-batches, which add up to those of the whole batch. */
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import { languageModel, mapTensors } from '../../stages/lm/index.js';
import type { NamedTensors } from '../../stages/lm/types.js';
import { Random } from '../../stages/random.js';
import { accumulatedGradient } from '../../stages/rl/accumulation.js';
import { klEstimators } from '../../stages/rl/estimators.js';
import { encodePrompts } from '../../stages/rl/prompts.js';
import { rollOut } from '../../stages/rl/rollout.js';
import { beginSupervision, examplesOf, supervise, type Supervision } from '../../stages/rl/supervised.js';
import { tinyModel, valuesOf } from '../policy/tiny.js';

beforeAll(() => startEngine('wasm'));

function largestDifference(a: NamedTensors, b: NamedTensors): number {
  const [left, right] = [valuesOf(a), valuesOf(b)];
  expect(Object.keys(left)).toEqual(Object.keys(right));
  return Math.max(
    ...Object.entries(left).flatMap(([name, values]) =>
      values.map((value, i) => Math.abs(value - (right[name]?.[i] ?? NaN))),
    ),
  );
}

const texts = ['a', 'b', 'a b', 'b a a', 'b b'];

describe('the gradient of V', () => {
  const { config, weights, tokenizer } = tinyModel();
  const policy = tinyModel(3).weights;
  const prompts = encodePrompts(
    texts.map((prompt, i) => ({ id: `row-${i}`, prompt })),
    tokenizer,
    { context: 16, before: 0, maxTokens: 4 },
  );
  const rewards = ['a', 'b'].map((word, i) => ({
    name: word,
    // A reward that is missing now and then leaves groups of unequal size.
    score: (_: unknown, response: string): number | null =>
      response === '' && i === 0 ? null : response.split(' ').filter((found) => found === word).length / 4,
  }));

  it.each(klEstimators)('is the same in parts of one, two and three prompts (%s)', (estimator) => {
    const model = languageModel(config, policy, tokenizer, { keepWeights: true });
    const options = { tokenizer, rewards, samples: 4, maxTokens: 4, stop: [] };
    const random = (row: number): Random => new Random(5, `row ${row}`);
    const rollout = rollOut(model, prompts, { ...options, random });
    model.dispose();
    expect(rollout.responses.flat().some((response) => response.rewards === null)).toBe(true);
    const input = {
      ...{ config, weights: policy, trained: Object.keys(policy), reference: weights },
      ...{ before: new Int32Array(), tokenizer, estimator },
    };
    const at = (microBatch: number): ReturnType<typeof accumulatedGradient> =>
      accumulatedGradient(input, rollout, { tradeOff: { alpha: 0.1, weights: [0.4, 0.6] }, microBatch });
    const whole = at(5);
    const scored = rollout.responses.map((group) => group.filter((said) => said.rewards !== null));
    const counted = accumulatedGradient(
      input,
      { ...rollout, responses: scored },
      { tradeOff: { alpha: 0.1, weights: [0.4, 0.6] }, microBatch: 5 },
    );
    expect(whole.entropy).toBeCloseTo(counted.entropy, 5);
    const before = tf.memory().numTensors;
    for (const size of [1, 2, 3]) {
      const parts = at(size);
      expect(largestDifference(parts.gradients, whole.gradients), `${size}`).toBeLessThan(2e-6);
      expect(parts.loss).toBeCloseTo(whole.loss, 5);
      expect(parts.entropy).toBeCloseTo(whole.entropy, 5);
      expect(parts.tokens).toBe(whole.tokens);
      parts.logRatios.forEach((row, i) =>
        row.forEach((value, j) => expect(value).toBeCloseTo(whole.logRatios[i]?.[j] ?? NaN, 5)),
      );
      for (const tensor of Object.values(parts.gradients)) tensor.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('supervised finetuning', () => {
  const { tokenizer } = tinyModel();
  const rows = texts.map((prompt, i) => ({
    id: `row-${i}`,
    prompt,
    response: texts.slice(0, i + 1).join(' '),
  }));
  const options: Supervision = {
    examples: examplesOf(rows, tokenizer, { context: 32, learnPrompt: false }),
    ...{ seed: 0, steps: 3, batch: 5, learning_rate: 0.01, schedule: 'constant', warmup: 0 },
    ...{ weight_decay: 0.1, max_grad_norm: 0.5, noise: { share: 0, tokens: [] } },
  };

  it('learns the same in micro-batches, however long their responses are', async () => {
    const run = async (micro?: number): Promise<{ means: NamedTensors; figures: readonly object[] }> => {
      const figures: object[] = [];
      const model = tinyModel();
      let last = beginSupervision({
        ...model,
        config: { ...model.config, n_positions: 32 } as typeof model.config,
        weights: mapTensors(model.weights, (tensor, name) =>
          name === 'transformer.wpe.weight' ? tf.concat([tensor, tensor], 0) : tensor,
        ),
      });
      for await (const step of supervise(micro ? { ...options, micro_batch: micro } : options, last)) {
        figures.push(step.figures);
        last = step;
      }
      // Means of the gradients: where one is zero but for rounding, a step of Adam divides rounding by rounding.
      return { means: last.optimizer.first, figures };
    };
    const whole = await run();
    for (const size of [1, 2, 4]) {
      const parts = await run(size);
      expect(largestDifference(parts.means, whole.means), `${size}`).toBeLessThan(1e-6);
      parts.figures.forEach((figures, i) => {
        for (const [name, value] of Object.entries(figures))
          expect(value, `${name} ${size}`).toBeCloseTo(
            (whole.figures[i] as Record<string, number>)[name] ?? NaN,
            5,
          );
      });
    }
  });
});
