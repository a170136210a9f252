import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import {
  examplesOf,
  heldOutLoss,
  beginSupervision,
  supervise,
  unknownShare,
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

  it('leaves room for conditioning tokens before the longest row, so that no step is too long', async () => {
    const model = tinyModel();
    const token = model.tokenizer.reserved.get('<weight:4>') ?? NaN;
    const rowOf = (words: number) => [{ id: 'long', prompt: 'a', response: 'b '.repeat(words) }];
    const limits = { context: 16, learnPrompt: false, noise: 0.5 };
    expect(() => examplesOf(rowOf(11), model.tokenizer, limits)).toThrow(
      'row "long" has 14 tokens, prompt, separator, response and end together; the model\'s context is 16, of which ' +
        'conditioning_noise takes up to 4',
    );
    expect(examplesOf(rowOf(11), model.tokenizer, { ...limits, noise: 0 })).toHaveLength(1);
    const examples = examplesOf(rowOf(10), model.tokenizer, limits);
    const noisy = optionsOf({ examples, steps: 20, batch: 1, noise: { share: 1, tokens: [token] } });
    const longest: number[] = [];
    let before = 0;
    for await (const step of supervise(noisy, beginSupervision(model))) {
      longest.push(step.tokens - before);
      before = step.tokens;
    }
    expect(Math.max(...longest)).toBe(16);
  });

  it('says that it diverged where the gradient alone is no number, even in the last step', async () => {
    const model = tinyModel();
    const gain = model.weights['transformer.ln_f.weight'];
    if (!gain) throw new Error('the last norm has another name');
    const weights = { ...model.weights, 'transformer.ln_f.weight': gain.mul(1e25) };
    const run = supervise(optionsOf({ steps: 1 }), beginSupervision({ ...model, weights }));
    await expect(run.next()).rejects.toThrow(/training diverged: grad_norm is NaN after step 1/);
  });

  it('measures held-out rows a few at a time, and the same', async () => {
    const model = tinyModel();
    const examples = Array.from({ length: 16 }, () => optionsOf().examples).flat();
    const measured = async (most: number): Promise<{ loss: number; bytes: number }> => {
      let loss = NaN;
      const { peakBytes } = await tf.profile(() => {
        loss = heldOutLoss(model, examples, most);
        return tf.scalar(0);
      });
      return { loss, bytes: peakBytes - tf.memory().numBytes };
    };
    const [one, all] = [await measured(1), await measured(32)];
    expect(one.loss).toBeCloseTo(all.loss, 5);
    expect(one.bytes).toBeLessThan(all.bytes / 4);
  });

  it('measures held-out responses with tokens that are never said, as it learns them', () => {
    const { examples } = optionsOf();
    const { tokenizer } = tinyModel();
    const literal = examplesOf([{ id: 'x', prompt: 'a', response: 'b <sep> a' }], tokenizer, {
      ...{ context: 16, learnPrompt: false },
    });
    expect(literal[0]?.response).toContain(tokenizer.sep);
    for (const most of [1, 32])
      expect(heldOutLoss(tinyModel(), [...examples, ...literal], most)).toBeLessThan(20);
  });

  it('counts the share of words that the tokenizer does not know', () => {
    const { tokenizer } = tinyModel();
    const limits = { context: 16, learnPrompt: false };
    const [some] = [examplesOf([{ id: 'x', prompt: 'a zebra', response: 'b quagga' }], tokenizer, limits)];
    expect(unknownShare(some, tokenizer)).toBeCloseTo(2 / 6, 12);
    expect(unknownShare(optionsOf().examples, tokenizer)).toBe(0);
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
