import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import {
  disposeTensors,
  SOFT_TOKENS,
  entropies,
  forward,
  languageModel,
  packGroups,
  placesToTokens,
  rowKl,
  scorePacked,
  scoreTrie,
  sumPerResponse,
  valueAndGradients,
} from '../../stages/lm/index.js';
import type { ModelConfig } from '../../stages/lm/config.js';
import type { NamedTensors, PromptGroup, Tokens } from '../../stages/lm/types.js';
import {
  largestDifference,
  logSoftmaxRow,
  randomTexts,
  sharpWeights,
  tinyConfig,
  tokens,
} from './support.js';

const config = tinyConfig();
const masked = [0, 1, 3];
let weights: NamedTensors;
const groups: readonly PromptGroup[] = [
  {
    prompt: tokens(1, 5, 6, 7),
    responses: [tokens(4, 5, 2), tokens(4, 5, 6, 7, 2), tokens(4, 5, 2), tokens(8), tokens()],
  },
  { prompt: tokens(1, 9), responses: [...randomTexts(5, 7, 11), tokens(2)] },
  { prompt: tokens(1), responses: [tokens(4, 4, 4, 2)] },
];

beforeAll(async () => {
  await startEngine('wasm');
  weights = sharpWeights(config);
});

/** Log-probabilities of a response's tokens from the plain forward pass of prompt and response alone. */
function unpacked(
  model: ModelConfig,
  prompt: Tokens,
  response: Tokens,
  mask: readonly number[] = masked,
): number[] {
  const text = Int32Array.from([...prompt, ...response]);
  const logits = tf.tidy(() => forward(model, weights, { ids: [text] }, { training: false }).arraySync());
  return Array.from(
    response,
    (token, t) => logSoftmaxRow(logits[0]?.[prompt.length - 1 + t] ?? [], mask)[token] ?? NaN,
  );
}

describe('packed responses', () => {
  it('have the log-probabilities that each has alone', () => {
    const packed = packGroups(groups);
    const found = scorePacked(config, weights, packed, {
      training: false,
      masked: Int32Array.from(masked),
    }).logProbs.dataSync();
    const expected = groups.flatMap(({ prompt, responses }) =>
      responses.flatMap((text) => unpacked(config, prompt, text)),
    );
    const open = expected.map((value, s) =>
      masked.includes(packed.tokens[s] ?? 0) ? (found[s] ?? NaN) : value,
    );
    expect(largestDifference(found, open)).toBeLessThan(2e-5);
  });

  it('run every shared beginning once, and no last token', () => {
    const packed = packGroups(groups.slice(0, 1));
    // The prompt's four, then 4 5 and behind them 6 7; the last token of a response is only predicted.
    expect(packed.nodes).toBe(8);
    expect([...packed.forest.tokens]).toEqual([1, 5, 6, 7, 4, 5, 6, 7]);
    expect(packed.places).toBe(5);
    expect(packed.responses).toBe(5);
    expect([...packed.response]).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3]);
  });

  it('are summed by response, an empty one to 0', () => {
    const packed = packGroups(groups);
    const sums = sumPerResponse(
      scorePacked(config, weights, packed, { training: false }).logProbs,
      packed,
    ).dataSync();
    const expected = groups.flatMap(({ prompt, responses }) =>
      responses.map((text) => unpacked(config, prompt, text, []).reduce((sum, value) => sum + value, 0)),
    );
    expect(largestDifference(sums, expected)).toBeLessThan(5e-5);
  });

  it('have the same gradients packed and one by one', () => {
    const coefficients = packGroups(groups).tokens.map((_, s) => (s % 3) - 1);
    const gradientOf = (parts: readonly PromptGroup[], from: number): NamedTensors => {
      const packed = packGroups(parts);
      const factor = tf.tensor1d(Float32Array.from(coefficients.subarray(from, from + packed.tokens.length)));
      const loss = (leaves: NamedTensors) =>
        scorePacked(config, leaves, packed, { training: true }).logProbs.mul(factor).sum().asScalar();
      return valueAndGradients(loss, weights).gradients;
    };
    const together = gradientOf(groups, 0);
    let from = 0;
    const alone = groups.flatMap(({ prompt, responses }) =>
      responses
        .filter((text) => text.length > 0)
        .map((text) => {
          const gradient = gradientOf([{ prompt, responses: [text] }], from);
          from += text.length;
          return gradient;
        }),
    );
    for (const [name, gradient] of Object.entries(together)) {
      const sum = tf.addN(alone.map((one) => one[name] ?? tf.scalar(NaN)));
      expect(largestDifference(gradient.dataSync(), sum.dataSync()), name).toBeLessThan(2e-4);
    }
  });

  it('give whole distributions for exact entropies and divergences', () => {
    const other = sharpWeights(config, 1);
    const packed = packGroups(groups);
    const options = { training: false, masked: Int32Array.from(masked) };
    const p = scorePacked(config, weights, packed, options).distributions;
    const q = scorePacked(config, other, packed, options).distributions;
    const [rowsP, rowsQ] = [p.arraySync(), q.arraySync()];
    const sumOver = (row: number[], term: (lp: number, token: number) => number): number =>
      row.reduce(
        (sum, lp, token) => (masked.includes(token) ? sum : sum + Math.exp(lp) * term(lp, token)),
        0,
      );
    expect(
      largestDifference(
        entropies(p).dataSync(),
        rowsP.map((row) => -sumOver(row, (lp) => lp)),
      ),
    ).toBeLessThan(1e-5);
    const expected = rowsP.map((row, m) => sumOver(row, (lp, token) => lp - (rowsQ[m]?.[token] ?? NaN)));
    expect(largestDifference(rowKl(p, q).dataSync(), expected)).toBeLessThan(1e-5);
    const spread = placesToTokens(rowKl(p, q), packed).dataSync();
    expect(
      largestDifference(
        spread,
        Array.from(packed.rows, (row) => expected[row] ?? NaN),
      ),
    ).toBeLessThan(1e-5);
  });

  it('read soft tokens as tokens beyond the vocabulary, by embeddings of their own', () => {
    const table = weights['transformer.wte.weight'];
    if (!table) throw new Error('no embedding');
    // Copies of the embeddings of tokens 5 and 9 must act as the tokens 5 9 do.
    const soft = { ...weights, [SOFT_TOKENS]: tf.gather(table, tf.tensor1d([5, 9], 'int32')) };
    const [first, second] = [config.vocab_size, config.vocab_size + 1];
    const group = { prompt: tokens(first, second, 1, 6), responses: [tokens(4, 5, 2), tokens(4, 7, 2)] };
    const packed = packGroups([group], { config });
    const found = scorePacked(config, soft, packed, { training: false }).logProbs.dataSync();
    const expected = group.responses.flatMap((text) => unpacked(config, tokens(5, 9, 1, 6), text, []));
    expect(largestDifference(found, expected)).toBeLessThan(2e-5);
    const logits = forward(config, soft, { ids: [group.prompt] }, { training: false });
    const whole = forward(config, weights, { ids: [tokens(5, 9, 1, 6)] }, { training: false });
    expect(largestDifference(logits.dataSync(), whole.dataSync())).toBeLessThan(2e-5);
  });
});

describe('a trie of strings', () => {
  it('has the log-probability of each string alone, in one pass', () => {
    const strings = [
      ...randomTexts(40, 4, 11).map((text) => Int32Array.from([...text, 2])),
      tokens(4, 2),
      tokens(4, 5, 2),
      tokens(2),
    ];
    const found = tf.tidy(() =>
      scoreTrie(config, weights, tokens(1, 7, 8), strings, { training: false }).dataSync(),
    );
    const expected = strings.map((text) =>
      unpacked(config, tokens(1, 7, 8), text, []).reduce((sum, value) => sum + value, 0),
    );
    expect(largestDifference(found, expected)).toBeLessThan(5e-5);
  });

  it('of all strings has the whole probability', () => {
    const small = tinyConfig({ vocab_size: 5 });
    const own = sharpWeights(small, 3);
    const strings: Tokens[] = [];
    const extend = (text: number[]): void => {
      for (let token = 0; token < 5; token++) {
        const next = [...text, token];
        if (token === 2 || next.length === 3) strings.push(Int32Array.from(next));
        else extend(next);
      }
    };
    extend([]);
    const logProbs = scoreTrie(small, own, tokens(1), strings, { training: false }).dataSync<'float32'>();
    expect(Array.from(logProbs).reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
  });
});

describe('LanguageModel.score', () => {
  it('is what packing gives, 0 beyond the end of a row, whatever the order of prompts', () => {
    const model = languageModel(config, weights, { masked: new Int32Array() }, { keepWeights: true });
    const prompts = [tokens(1, 5), tokens(1, 6, 7), tokens(1, 5), tokens(1, 6, 7)];
    const responses = [tokens(4, 2), tokens(5, 6, 2), tokens(4, 7, 8, 2), tokens()];
    const table = model.score(prompts, responses).arraySync();
    model.dispose();
    responses.forEach((text, row) => {
      const expected = [...unpacked(config, prompts[row] ?? tokens(), text, []), 0, 0, 0, 0].slice(0, 4);
      expect(largestDifference(table[row] ?? [], expected)).toBeLessThan(2e-5);
    });
  });
});

describe('scores of a large vocabulary', () => {
  const config = tinyConfig({ vocab_size: 2 ** 16 });

  it('never hold more than 128 MiB of logits and as much of log-probabilities, and are those of each prompt', async () => {
    const weights = sharpWeights(config, 4);
    const model = languageModel(config, weights, { masked: new Int32Array() }, { keepWeights: true });
    const rows = Array.from({ length: 48 }, (_, row) => ({
      prompt: tokens(1, 5 + (row >> 2)),
      // No beginning is shared: each token has a place of its own.
      response: Int32Array.from({ length: 16 }, (_, t) => 100 * row + t + 7),
    }));
    const score = (some: typeof rows): number[][] => {
      const table = model.score(
        ...([some.map(({ prompt }) => prompt), some.map(({ response }) => response)] as const),
      );
      const values = table.arraySync();
      table.dispose();
      return values;
    };
    const before = tf.memory().numBytes;
    let all: number[][] = [];
    const { peakBytes } = await tf.profile(() => {
      all = score(rows);
      return tf.scalar(0);
    });
    expect(peakBytes - before).toBeLessThan(2.2 * 2 ** 27);
    const last = rows.slice(-4);
    expect(largestDifference(score(last).flat(), all.slice(-4).flat())).toBeLessThan(2e-5);
    model.dispose();
    disposeTensors(weights);
  });
});

describe('a ragged batch', () => {
  it('has the logits of each text alone and zeros beyond its end', () => {
    const logits = forward(config, weights, { ids: [tokens(1, 4), tokens(1, 5, 6)] }, { training: false });
    expect(logits.shape).toEqual([2, 3, 11]);
    const [short, long] = logits.arraySync();
    const alone = forward(config, weights, { ids: [tokens(1, 5, 6)] }, { training: false }).arraySync()[0];
    expect(largestDifference(long?.flat() ?? [], alone?.flat() ?? [])).toBeLessThan(1e-5);
    expect(short?.[2]?.every((value) => value === 0)).toBe(true);
    expect(short?.[1]?.some((value) => value !== 0)).toBe(true);
  });
});

describe('a text longer than the context', () => {
  it('is refused with both lengths', () => {
    const long = new Int32Array(25).fill(4);
    expect(() => forward(config, weights, { ids: [long] }, { training: false })).toThrow(
      "a text of 25 tokens does not fit the model's context of 24 positions",
    );
  });
});

describe('causality', () => {
  it('later tokens change no earlier logits', () => {
    const ids = [tokens(1, 4, 5, 6), tokens(1, 4, 9, 3)];
    const rows = forward(config, weights, { ids }, { training: false }).arraySync();
    expect(
      largestDifference(rows[0]?.slice(0, 2).flat() ?? [], rows[1]?.slice(0, 2).flat() ?? []),
    ).toBeLessThan(1e-6);
    expect(largestDifference(rows[0]?.[2] ?? [], rows[1]?.[2] ?? [])).toBeGreaterThan(1e-2);
  });
});
