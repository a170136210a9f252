import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import {
  examplesOf,
  heldOutLoss,
  beginSupervision,
  supervise,
  type Supervision,
} from '../../stages/rl/supervised.js';
import { tinyModel } from '../policy/tiny.js';

beforeAll(() => startEngine('wasm'));

const rows = [
  { id: 'one', prompt: 'a b', response: 'b a' },
  { id: 'two', prompt: 'b', response: 'a a a' },
];

function optionsOf(change: Partial<Supervision> = {}): Supervision {
  const { tokenizer } = tinyModel();
  return {
    examples: examplesOf(rows, tokenizer, { context: 16, learnPrompt: false }),
    ...{ seed: 0, steps: 80, batch: 2, learning_rate: 0.03, schedule: 'constant', warmup: 0 },
    ...{ weight_decay: 0, max_grad_norm: 1, noise: { share: 0, tokens: [...tokenizer.reserved.values()] } },
    ...change,
  };
}

async function lossAfter(options: Supervision): Promise<number> {
  let model = tinyModel();
  for await (const step of supervise(options, beginSupervision(model))) model = step.model;
  return heldOutLoss(model, optionsOf().examples);
}

describe('supervised finetuning', () => {
  it('learns two sentences by heart', async () => {
    expect(await lossAfter(optionsOf())).toBeLessThan(0.02);
  });

  it('learns them too where the prompt is learnt: every token keeps its place', async () => {
    const examples = examplesOf(rows, tinyModel().tokenizer, { context: 16, learnPrompt: true });
    expect(await lossAfter(optionsOf({ examples }))).toBeLessThan(0.02);
  });

  it('learns to ignore conditioning tokens', async () => {
    let model = tinyModel();
    const token = model.tokenizer.reserved.get('<weight:4>') ?? NaN;
    const noisy = optionsOf({ steps: 200, batch: 4, noise: { share: 0.5, tokens: [token, token + 1] } });
    for await (const step of supervise(noisy, beginSupervision(model))) model = step.model;
    const behind = noisy.examples.map(({ prompt, response }) => ({
      prompt: Int32Array.of(token, ...prompt),
      response,
    }));
    expect(heldOutLoss(model, behind)).toBeLessThan(0.1);
    expect(heldOutLoss(model, noisy.examples)).toBeLessThan(0.1);
  });

  it('starts at the loss of guessing where the model is uniform', () => {
    const model = tinyModel();
    const blank = {
      ...model,
      weights: Object.fromEntries(Object.entries(model.weights).map(([name, t]) => [name, tf.zerosLike(t)])),
    };
    const words = model.tokenizer.vocabulary.length - model.tokenizer.masked.length;
    expect(heldOutLoss(blank, optionsOf().examples)).toBeCloseTo(Math.log(words), 4);
  });

  it('holds no tensor more after ten steps than after one', async () => {
    const counts = new Set<number>();
    for await (const step of supervise(optionsOf({ steps: 10 }), beginSupervision(tinyModel())))
      if (step.step > 0) counts.add(tf.memory().numTensors);
    expect(counts.size).toBe(1);
  });

  it('refuses what it cannot learn from', () => {
    const { tokenizer } = tinyModel();
    const limits = { context: 16, learnPrompt: false };
    expect(() => examplesOf([], tokenizer, limits)).toThrow('there is no row to learn from');
    expect(() => examplesOf([{ id: 'x', prompt: 'a' }], tokenizer, limits)).toThrow(
      'row "x" has no response to learn',
    );
  });
});
