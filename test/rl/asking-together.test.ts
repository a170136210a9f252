/** Trade-offs that a front asks for in one batch: each answer is that of the trade-off asked alone. */
import { beforeAll, describe, expect, it } from 'vitest';
import { conditioningNames } from '../../schemas/conditionings.js';
import { startEngine } from '../../stages/backend/engine.js';
import { allowFusedKernels } from '../../stages/backend/fused.js';
import { tf } from '../../stages/backend/tf.js';
import { languageModel } from '../../stages/lm/index.js';
import type { LanguageModel } from '../../stages/lm/types.js';
import { parameterPolicy } from '../../stages/policy/parameter-policy.js';
import { answersAt, batchesOf, type AnswersAt } from '../../stages/rl/asking-together.js';
import { listPrompts } from '../../stages/rl/exact-evaluation.js';
import { ask, frontPoint, type Asking } from '../../stages/rl/front-points.js';
import { movedPolicy, objectives, tinyModel } from '../policy/tiny.js';

beforeAll(() => startEngine('wasm'));

const tradeOffs = [0, 0.25, 0.5, 0.75, 1].map((w) => ({ alpha: 0.1, weights: [w, 1 - w] }));
const world = {
  name: 'four texts',
  rewards: [],
  responses: () =>
    ['a', 'b', 'a b', 'b a a'].map((text, i) => ({ text, rewards: { left: i / 4, right: 1 - i / 4 } })),
};

const shared = ['prompt', 'soft-tokens', 'logits'];
const adapted = ['lora', 'svd-lora'];

describe.each(['prompt', 'soft-tokens', 'logits', 'lora', 'svd-lora'] as const)(
  'a policy conditioned by %s',
  (name) => {
    it('answers several trade-offs together as it answers each alone', async () => {
      const stored = await movedPolicy(name);
      const policy = parameterPolicy(stored);
      const { tokenizer, config } = stored;
      const prompts = Array.from({ length: 18 }, (_, i) => {
        const prompt = ['a', 'b', 'a b', 'b a'][i % 4] ?? '';
        return { row: { id: `${i}`, prompt }, tokens: tokenizer.encodePrompt(prompt) };
      });
      const asking: Asking = {
        ...{ prompts, tokenizer, samples: 3, maxTokens: 5, samplingSeed: 2 },
        rewards: objectives.map((objective) => ({ name: objective, score: (_, text) => text.length / 10 })),
        decoding: { temperature: 1, top_k: 0, top_p: 1, min_p: 0, stop: [] },
      };
      const reference = languageModel(config, stored.reference, tokenizer, { keepWeights: true });
      const listed = listPrompts(prompts, { world, objectives, tokenizer, reference });
      const held = tf.memory().numTensors;
      const batches = batchesOf(tradeOffs, policy, asking);
      expect(batches).toEqual(shared.includes(name) ? [tradeOffs] : tradeOffs.map((one) => [one]));
      const together = await answersAt(policy, tradeOffs, { asking, listed });
      const alone: AnswersAt[] = [];
      for (const tradeOff of tradeOffs)
        alone.push(...(await answersAt(policy, [tradeOff], { asking, listed })));
      expect(tf.memory().numTensors).toBe(held);
      expect(together.map(({ tradeOff }) => tradeOff)).toEqual(tradeOffs);
      const said = (found: readonly AnswersAt[]): string[][] =>
        found.map(({ answers }) => answers.responses.flat().map(({ tokens }) => tokens.join()));
      expect(said(together)).toEqual(said(alone));
      // They were told apart, in what they say and in how likely it is.
      expect(new Set(said(together).map((texts) => texts.join(' '))).size).toBeGreaterThan(2);
      expect(new Set(together.map(({ exact }) => exact?.kl.toFixed(6))).size).toBe(tradeOffs.length);
      const point = ({ tradeOff, answers, exact }: AnswersAt): number[] => {
        const { rewards, kl, entropy, length, n } = frontPoint(answers, tradeOff, { reference, asking });
        return [
          ...rewards,
          kl,
          entropy,
          length,
          n,
          exact?.value ?? NaN,
          exact?.regret ?? NaN,
          exact?.kl ?? NaN,
        ];
      };
      together.forEach((one, i) => {
        const wanted = alone[i];
        if (!wanted) throw new Error('a trade-off was not asked for');
        point(one).forEach((value, k) => expect(value).toBeCloseTo(point(wanted)[k] ?? NaN, 4));
      });
      policy.dispose();
    });
  },
);

it('one whose rows are too many for a batch is asked in several, in which they meet the dice that they meet in one', () => {
  const { config, weights, tokenizer } = tinyModel(3);
  const sizes: number[] = [];
  const model = languageModel(config, weights, tokenizer);
  const counting: LanguageModel = {
    start: (prompts) => {
      sizes.push(prompts.length);
      return model.start(prompts);
    },
    next: (state, tokens) => model.next(state, tokens),
    score: (prompts, responses) => model.score(prompts, responses),
    room: (prompt) => model.room(prompt),
    dispose: () => undefined,
  };
  const asking: Asking = {
    ...{ tokenizer, samples: 3, maxTokens: 5, samplingSeed: 2, rewards: [] },
    prompts: ['a', 'b', 'a b', 'b a', 'b b'].map((prompt, i) => ({
      row: { id: `${i}`, prompt },
      tokens: tokenizer.encodePrompt(prompt),
    })),
    decoding: { temperature: 1, top_k: 0, top_p: 1, min_p: 0, stop: [] },
  };
  const whole = ask(counting, asking);
  // 64 MiB are log-probabilities of seven rows: two prompts.
  const large = { ...tokenizer, vocabulary: new Array<string>(Math.floor(2 ** 24 / 7)) };
  const parts = ask(counting, { ...asking, tokenizer: large });
  expect(sizes).toEqual([15, 6, 6, 3]);
  const said = ({ responses }: typeof whole): string[] => responses.flat().map(({ tokens }) => tokens.join());
  expect(said(parts)).toEqual(said(whole));
  expect(new Set(said(whole)).size).toBeGreaterThan(5);
  expect(parts.logDrawn.length).toBe(15);

  const [b = -1] = tokenizer.encode('b');
  const ended = ask(counting, { ...asking, tokenizer: { ...tokenizer, ends: [tokenizer.eos, b] } });
  const lasts = ended.responses.flat().map(({ tokens }) => tokens.indexOf(b) - tokens.length);
  expect(lasts).toContain(-1);
  expect(Math.max(...lasts)).toBe(-1);
  model.dispose();
});

it('others, and those whose batch would be too large, are asked one after the other', async () => {
  for (const name of conditioningNames) {
    const stored = await movedPolicy(name);
    const policy = parameterPolicy(stored);
    const asking = { prompts: { length: 64 }, samples: 4, tokenizer: { vocabulary: { length: 100 } } };
    const size = (vocabulary: number): number =>
      batchesOf(tradeOffs, policy, { ...asking, tokenizer: { vocabulary: { length: vocabulary } } } as Asking)
        .length;
    const alone = !shared.includes(name);
    expect(size(100), name).toBe(alone ? 5 : 1);
    expect(size(30_000), name).toBe(alone ? 5 : 3);
    expect(size(500_000), name).toBe(5);
    policy.dispose();
  }
});

it('rows with adapters of their own run in one batch where operations cost to start, else a few at a trade-off', async () => {
  for (const name of conditioningNames) {
    const policy = parameterPolicy(await movedPolicy(name));
    const [always, never] = [shared.includes(name), ![...shared, ...adapted].includes(name)];
    expect(policy.together(9), name).toBe(always);
    expect(policy.together(8), name).toBe(!never);
    allowFusedKernels(false); // as TensorFlow and WebGPU are seen
    const together = policy.together(64);
    allowFusedKernels(true);
    expect(together, name).toBe(!never);
    policy.dispose();
  }
});

it('all strings of an exact world count where they are scored', () => {
  const policy = { together: (rows: number) => rows <= 16 };
  const asking = { prompts: { length: 4 }, samples: 2, tokenizer: { vocabulary: { length: 100 } } };
  const batches = (strings: number): number =>
    batchesOf(tradeOffs, policy, {
      ...asking,
      listed: [{ strings: Array.from({ length: strings }) }],
    } as unknown as Asking).length;
  expect(batches(16)).toBe(1);
  expect(batches(17)).toBe(5);
});

it('asks one after the other where a batch would be large', () => {
  const asking = {
    prompts: Array.from({ length: 500 }),
    samples: 2,
    tokenizer: { vocabulary: { length: 100 } },
  };
  const sizes = (over: object, together = true): number[] =>
    batchesOf(tradeOffs, { together: () => together }, { ...asking, ...over } as unknown as Asking).map(
      ({ length }) => length,
    );
  expect(sizes({})).toEqual([2, 2, 1]);
  expect(sizes({ samples: 8 })).toEqual([1, 1, 1, 1, 1]);
  expect(sizes({ samples: 1, tokenizer: { vocabulary: { length: 16_000 } } })).toEqual([2, 2, 1]);
  expect(sizes({}, false)).toEqual([1, 1, 1, 1, 1]);
});
