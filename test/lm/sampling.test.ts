import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { withoutFusedKernels } from '../../stages/backend/fused.js';
import { tf } from '../../stages/backend/tf.js';
import { forward, greedy, languageModel, sample, type SampleRequest } from '../../stages/lm/index.js';
import { drawFiltered, drawPlain } from '../../stages/lm/sampling.js';
import type { LanguageModel, NamedTensors } from '../../stages/lm/types.js';
import { Random } from '../../stages/random.js';
import { largestDifference, logSoftmaxRow, sharpWeights, tinyConfig, tokens } from './support.js';

const config = tinyConfig();
const masked = Int32Array.from([0, 1, 3]);
let weights: NamedTensors;
let model: LanguageModel;

beforeAll(async () => {
  await startEngine('wasm');
  weights = sharpWeights(config);
  model = languageModel(config, weights, { masked }, { keepWeights: true });
});

const request = (change: Partial<SampleRequest> = {}): SampleRequest => ({
  prompts: [tokens(1, 5, 6), tokens(1, 7)],
  samples: 6,
  maxTokens: 8,
  eos: 2,
  random: (row) => new Random(0, `row ${row}`),
  ...change,
});

it('a response ends at any of several tokens that end a text', () => {
  const ends = [2, 6, 8];
  const { groups, clipped } = sample(model, request({ samples: 40, eos: ends }));
  const said = groups.flatMap(({ responses }) => responses);
  for (const tokens of said) {
    const first = tokens.findIndex((token) => ends.includes(token));
    expect(tokens.length).toBe(first < 0 ? 8 : first + 1);
  }
  expect(new Set(said.map((tokens) => tokens.at(-1)).filter((token) => ends.includes(token ?? -1)))).toEqual(
    new Set(ends),
  );
  expect(clipped).toEqual(said.map((tokens) => !ends.includes(tokens.at(-1) ?? -1)));
});

describe('the cache', () => {
  const prompts = [tokens(1, 5, 6), tokens(1, 7), tokens(1, 5, 6)];
  const path = [tokens(4, 5, 4), tokens(6, 6, 4), tokens(7, 7, 8), tokens(4, 9, 4)];

  const check = (): void => {
    const state = model.start(prompts);
    const texts = prompts.map((prompt) => [...prompt]);
    for (const step of [undefined, ...path]) {
      step?.forEach((token, row) => texts[row]?.push(token));
      const found = model.next(state, step && tf.tensor1d(step, 'int32')).arraySync();
      texts.forEach((text, row) => {
        const logits = tf.tidy(() =>
          forward(config, weights, { ids: [Int32Array.from(text)] }, { training: false }).arraySync(),
        );
        const expected = logSoftmaxRow(logits[0]?.at(-1) ?? [], [...masked]).map((value) =>
          Math.max(value, -1e9),
        );
        const open = (values: number[]): number[] => values.filter((_, token) => !masked.includes(token));
        expect(largestDifference(open(found[row] ?? []), open(expected))).toBeLessThan(2e-5);
      });
    }
  };

  it('gives at every step what the whole forward pass gives', check);
  it('does so through the composed operations too', () => {
    withoutFusedKernels(check);
  });

  it('makes room for more nodes than it begins with', () => {
    const own = { ...request({ samples: 80, maxTokens: 12 }), prompts: prompts.slice(0, 2) };
    const { groups, logProbs } = sample(model, own);
    const responses = groups.flatMap((group) => group.responses);
    const nodes = new Set(
      responses.flatMap((text, row) =>
        Array.from(text, (_, t) => `${row < 80}${text.slice(0, t + 1).join()}`),
      ),
    );
    expect(nodes.size).toBeGreaterThan(256);
    const scores = model.score(
      groups.flatMap(({ prompt, responses: own }) => own.map(() => prompt)),
      responses,
    );
    const rows = scores.arraySync();
    logProbs.forEach((found, row) =>
      expect(largestDifference(found, (rows[row] ?? []).slice(0, found.length))).toBeLessThan(2e-5),
    );
  });

  it('computes nothing for a row that has ended and leaves the others as they are', () => {
    const both = model.start([tokens(1, 5), tokens(1, 5)]);
    model.next(both);
    model.next(both, tf.tensor1d([4, -1], 'int32'));
    const found = model.next(both, tf.tensor1d([6, -1], 'int32')).arraySync()[0];
    const alone = model.start([tokens(1, 5)]);
    model.next(alone);
    model.next(alone, tf.tensor1d([4], 'int32'));
    expect(found).toEqual(model.next(alone, tf.tensor1d([6], 'int32')).arraySync()[0]);
  });
});

describe('sampling', () => {
  it('gives the same tokens for the same seed, and others for another', () => {
    const first = sample(model, request());
    expect(sample(model, request()).groups).toEqual(first.groups);
    expect(sample(model, request({ random: (row) => new Random(1, `row ${row}`) })).groups).not.toEqual(
      first.groups,
    );
  });

  it('gives a row the same tokens whatever runs beside it', () => {
    const both = sample(model, request());
    const second = sample(
      model,
      request({ prompts: [tokens(1, 7)], random: (row) => new Random(0, `row ${row + 6}`) }),
    );
    expect(second.groups[0]).toEqual(both.groups[1]);
  });

  it('reports the log-probability of each token under the model', () => {
    const { groups, logProbs } = sample(model, request());
    const prompts = groups.flatMap(({ prompt, responses }) => responses.map(() => prompt));
    const responses = groups.flatMap((group) => group.responses);
    const table = model.score(prompts, responses).arraySync();
    logProbs.forEach((row, r) => {
      expect(row.length).toBe(responses[r]?.length);
      expect(largestDifference(row, (table[r] ?? []).slice(0, row.length))).toBeLessThan(2e-5);
    });
  });

  it('ends with EOS or at the limit, counts the cut ones, and never draws a masked token', () => {
    const { groups, clipped } = sample(model, request({ samples: 100, maxTokens: 3 }));
    const responses = groups.flatMap((group) => group.responses);
    expect(clipped).toEqual(responses.map((text) => text.at(-1) !== 2));
    expect(clipped).toContain(true);
    for (const text of responses) {
      expect(text.length).toBeLessThanOrEqual(3);
      expect([...text.slice(0, -1)]).not.toContain(2);
      for (const token of masked) expect([...text]).not.toContain(token);
    }
  });

  it('draws tokens as often as the model says', () => {
    const samples = 4000;
    const { groups } = sample(model, request({ prompts: [tokens(1, 5, 6)], samples, maxTokens: 1 }));
    const probabilities = model
      .next(model.start([tokens(1, 5, 6)]))
      .exp()
      .dataSync<'float32'>();
    const counts = new Array<number>(config.vocab_size).fill(0);
    for (const text of groups[0]?.responses ?? []) counts[text[0] ?? 0] = (counts[text[0] ?? 0] ?? 0) + 1;
    probabilities.forEach((p, token) => {
      const error = Math.sqrt((p * (1 - p)) / samples);
      expect(Math.abs((counts[token] ?? 0) / samples - p), `token ${token}`).toBeLessThanOrEqual(
        4.5 * error + 1e-9,
      );
    });
  });

  it('at a low temperature takes the likeliest, as greedy does', () => {
    const prompts = [tokens(1, 5, 6), tokens(1, 7)];
    const cold = sample(model, request({ prompts, samples: 1, filter: { temperature: 1e-3 } }));
    expect(cold.groups.map(({ responses }) => responses[0])).toEqual(greedy(model, prompts, 8, 2));
  });

  it('inverts the distribution function: u below the first probability is the first token', () => {
    const logProbs = Float32Array.from([0.2, 0.5, 0.3], Math.log);
    expect([0, 0.19, 0.21, 0.69, 0.71, 0.9999].map((u) => drawPlain(logProbs, u).token)).toEqual([
      0, 0, 1, 1, 2, 2,
    ]);
    expect(drawPlain(Float32Array.from([-1e9, 0, -1e9]), 0).token).toBe(1);
    // Squared and normalised: .04, .25, .09 of .38.
    const squared = drawFiltered({ temperature: 0.5 });
    expect([0.1, 0.11, 0.76, 0.77].map((u) => squared(logProbs, u).token)).toEqual([0, 1, 1, 2]);
  });

  it('stops where the context is full, and refuses a prompt that leaves no room', () => {
    const long = new Int32Array(22).fill(4);
    const { groups } = sample(model, request({ prompts: [long], samples: 20, eos: 99 }));
    for (const text of groups[0]?.responses ?? []) expect(text.length).toBe(3);
    const full = new Int32Array(25).fill(4);
    expect(() => sample(model, request({ prompts: [full] }))).toThrow(
      'a prompt of 25 tokens leaves no room for a response',
    );
  });

  it('leaves no tensor behind once its model is gone', () => {
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) {
      const own = languageModel(config, weights, { masked }, { keepWeights: true });
      sample(own, request());
      own.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});
