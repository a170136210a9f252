/** What is drawn from under a filter: by its definition, by enumeration of all responses, and by counting. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../stages/backend/engine.js';
import { tf } from '../../stages/backend/tf.js';
import { languageModel, sample, stopAt, type Filter } from '../../stages/lm/index.js';
import { filtered, isPlain } from '../../stages/lm/filter.js';
import type { LanguageModel } from '../../stages/lm/types.js';
import { Random } from '../../stages/random.js';
import { largestDifference, sharpWeights, tinyConfig, tokens } from './support.js';

const logs = (...probabilities: number[]): Float64Array => Float64Array.from(probabilities, Math.log);
const expectClose = (found: ArrayLike<number>, wanted: readonly number[]): void =>
  expect(largestDifference(found, wanted), Array.from(found).join(' ')).toBeLessThan(1e-12);

describe('a filter', () => {
  const model = logs(0.1, 0.4, 0.05, 0.25, 0.2);

  it('is plain only where it changes nothing', () => {
    expect(isPlain({})).toBe(true);
    expect(isPlain({ temperature: 1, topK: 0, topP: 1, minP: 0 })).toBe(true);
    for (const one of [{ temperature: 0.9 }, { topK: 3 }, { topP: 0.9 }, { minP: 0.1 }])
      expect(isPlain(one)).toBe(false);
  });

  it('divides log-probabilities by the temperature, and at 0 leaves the first of the likeliest', () => {
    const squares = [0.01, 0.16, 0.0025, 0.0625, 0.04];
    expectClose(
      filtered(model, { temperature: 0.5 }),
      squares.map((square) => square / 0.275),
    );
    expect([...filtered(logs(0.4, 0.2, 0.4), { temperature: 0 })]).toEqual([1, 0, 0]);
  });

  it('keeps the k likeliest, and what is as likely as the last of them', () => {
    expectClose(filtered(model, { topK: 2 }), [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]);
    expectClose(filtered(logs(0.4, 0.2, 0.2, 0.2), { topK: 2 }), [0.4, 0.2, 0.2, 0.2]);
    expectClose(filtered(model, { topK: 99 }), [0.1, 0.4, 0.05, 0.25, 0.2]);
  });

  it('keeps the fewest that reach p together, one at least', () => {
    expectClose(filtered(model, { topP: 0.6 }), [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]);
    expectClose(filtered(model, { topP: 0.66 }), [0, 0.4 / 0.85, 0, 0.25 / 0.85, 0.2 / 0.85]);
    expectClose(filtered(model, { topP: 1e-9 }), [0, 1, 0, 0, 0]);
  });

  it('keeps what is at least min-p times as likely as the likeliest', () => {
    expectClose(filtered(model, { minP: 0.49 }), [0, 0.4 / 0.85, 0, 0.25 / 0.85, 0.2 / 0.85]);
    expectClose(filtered(model, { minP: 1 }), [0, 1, 0, 0, 0]);
  });

  it('goes in order: each filter sees what the one before it left', () => {
    // Of the squares, top-k leaves .16 .0625 .04; of .61 .24 .15 top-p .8 leaves two; min-p .3 keeps both.
    const found = filtered(model, { temperature: 0.5, topK: 3, topP: 0.8, minP: 0.3 });
    expectClose(found, [0, 0.16 / 0.2225, 0, 0.0625 / 0.2225, 0]);
    // Of the model itself top-p .61 would leave two, of what top-k leaves (.62, .38) it leaves one.
    expectClose(filtered(model, { topK: 2, topP: 0.61 }), [0, 1, 0, 0, 0]);
    // .25 / .4 is under .7, and its root is not: the temperature comes first.
    const roots = [0, 0.4, 0, 0.25, 0.2].map(Math.sqrt);
    const total = roots.reduce((a, b) => a + b, 0);
    expectClose(
      filtered(model, { temperature: 2, minP: 0.7 }),
      roots.map((root) => root / total),
    );
  });

  it('never draws a masked token, keeps proportions, and sums to 1', () => {
    const settings = fc.record({
      temperature: fc.constantFrom(0.3, 1, 2),
      topK: fc.integer({ min: 0, max: 9 }),
      topP: fc.double({ min: 0.05, max: 1, noNaN: true }),
      minP: fc.constantFrom(0, 0.05, 0.5),
    });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 3, maxLength: 9 }),
        settings,
        (parts, filter) => {
          const total = parts.reduce((a, b) => a + b, 0);
          const logProbs = [-1e9, ...parts.map((part) => Math.log(part / total))];
          const found = filtered(logProbs, filter);
          expect(found[0]).toBe(0);
          expect(found.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
          const kept = [...found.keys()].filter((token) => (found[token] ?? 0) > 0);
          const best = Math.max(...parts);
          expect(kept.some((token) => parts[token - 1] === best)).toBe(true);
          for (const a of kept)
            for (const b of kept) {
              const ratio = ((parts[a - 1] ?? 0) / (parts[b - 1] ?? 0)) ** (1 / filter.temperature);
              expect((found[a] ?? 0) / (found[b] ?? 0) / ratio).toBeCloseTo(1, 9);
            }
        },
      ),
      { numRuns: 100, seed: 4 },
    );
  });
});

const config = tinyConfig();
const masked = Int32Array.from([0, 1, 3]);
const prompt = tokens(1, 5, 6);
let model: LanguageModel;

beforeAll(async () => {
  await startEngine('wasm');
  model = languageModel(config, sharpWeights(config), { masked });
});

/** Probability of every response of up to two tokens, by the definition. */
function enumerated(filter: Filter): Map<string, number> {
  const all = new Map<string, number>();
  const after = (...said: number[]): Float64Array => {
    const state = model.start([prompt]);
    let table = model.next(state);
    for (const token of said) {
      table.dispose();
      table = model.next(state, tf.tensor1d([token], 'int32'));
    }
    return filtered(table.dataSync<'float32'>(), filter);
  };
  after().forEach((first, a) => {
    if (first === 0) return;
    if (a === 2) all.set('2', first);
    else after(a).forEach((second, b) => second > 0 && all.set(`${a},${b}`, first * second));
  });
  return all;
}

describe('sampling through a filter', () => {
  const filters: Filter[] = [
    { temperature: 0.7 },
    { topK: 3 },
    { topP: 0.7 },
    { minP: 0.2 },
    { temperature: 1.5, topK: 6, topP: 0.9, minP: 0.05 },
  ];

  it.each(filters)('draws responses as often as enumeration says: %j', (filter) => {
    const samples = 4000;
    const wanted = enumerated(filter);
    expect([...wanted.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    const random = (row: number): Random => new Random(7, `filtered/${row}`);
    const drawn = sample(model, { prompts: [prompt], samples, maxTokens: 2, eos: 2, filter, random });
    const counts = new Map<string, number>();
    drawn.groups[0]?.responses.forEach((response, row) => {
      const name = response.join();
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const log = drawn.logDrawn[row]?.reduce((a, b) => a + b, 0) ?? NaN;
      expect(Math.abs(Math.exp(log) - (wanted.get(name) ?? NaN))).toBeLessThan(1e-5);
    });
    // Pearson's test: rare responses count as one; 4.5 standard deviations of chi-square.
    const cells = [...wanted].map(([name, p]) => ({ expected: p * samples, found: counts.get(name) ?? 0 }));
    const often = cells.filter(({ expected }) => expected >= 5);
    const seldom = cells.filter(({ expected }) => expected < 5);
    const sum = (of: (cell: (typeof cells)[number]) => number): number =>
      seldom.reduce((a, cell) => a + of(cell), 0);
    const all =
      seldom.length === 0
        ? often
        : [...often, { expected: sum((c) => c.expected), found: sum((c) => c.found) }];
    const square = all.reduce(
      (a, { expected, found }) => a + (found - expected) ** 2 / Math.max(expected, 1e-9),
      0,
    );
    const freedom = all.length - 1;
    expect(square).toBeLessThan(freedom + 4.5 * Math.sqrt(2 * freedom));
  });

  it('reports the log-probabilities of the model itself beside those of what was drawn', () => {
    const random = (row: number): Random => new Random(7, `filtered/${row}`);
    const plain = sample(model, { prompts: [prompt], samples: 4, maxTokens: 6, eos: 2, random });
    expect(plain.logDrawn).toEqual(plain.logProbs);
    const filter = { topK: 2 };
    const { groups, logProbs, logDrawn } = sample(model, {
      prompts: [prompt],
      samples: 4,
      maxTokens: 6,
      eos: 2,
      random,
      filter,
    });
    const responses = groups[0]?.responses ?? [];
    const scores = model
      .score(
        responses.map(() => prompt),
        responses,
      )
      .arraySync();
    logProbs.forEach((row, r) => {
      expect(largestDifference(row, (scores[r] ?? []).slice(0, row.length))).toBeLessThan(2e-5);
      // Half of the vocabulary is gone: what is left is likelier.
      row.forEach((value, t) => expect(logDrawn[r]?.[t]).toBeGreaterThan(value));
    });
  });
});

describe('a stop', () => {
  const words = ['<pad>', '<bos>', '<eos>', '<sep>', 'a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const tokenizer = {
    encode: (text: string) =>
      Int32Array.from(
        text.split(' ').filter((word) => word !== ''),
        (word) => words.indexOf(word),
      ),
    decode: (ids: ArrayLike<number>) =>
      Array.from(ids, (id) => words[id] ?? '?')
        .filter((word) => !word.startsWith('<'))
        .join(' '),
  };
  const random = (row: number): Random => new Random(3, `stopped/${row}`);
  const request = { prompts: [prompt], samples: 200, maxTokens: 8, eos: 2, random };

  it('ends a response with the first token that completes one of the texts, and changes nothing before', () => {
    const stopping = stopAt(['c', 'a b'], tokenizer);
    const free = sample(model, request);
    const stopped = sample(model, { ...request, stopping });
    const texts = free.groups[0]?.responses ?? [];
    stopped.groups[0]?.responses.forEach((response, row) => {
      const whole = [...(texts[row] ?? [])];
      const ends = whole.findIndex((_, t) => /c|a b/.test(tokenizer.decode(whole.slice(0, t + 1))));
      expect([...response]).toEqual(ends < 0 ? whole : whole.slice(0, ends + 1));
    });
    const cut = ({ clipped }: typeof free): number => clipped.filter(Boolean).length;
    expect(cut(stopped)).toBeLessThan(cut(free));
    expect(cut(stopped)).toBeGreaterThan(0);
  });

  it('is cut from the text with all that follows', () => {
    const stopping = stopAt(['c', 'a b'], tokenizer);
    expect(stopping.cut('d c a b')).toBe('d ');
    expect(stopping.cut('d a b c')).toBe('d ');
    expect(stopping.cut('d e')).toBe('d e');
    expect(stopAt([], tokenizer).cut('a b')).toBe('a b');
  });

  it('that the tokenizer never writes is refused', () => {
    expect(() => stopAt(['a', ' a'], tokenizer)).toThrow(
      'responses can\'t be stopped at " a": the tokenizer never writes it; it writes "a" for it',
    );
    expect(() => stopAt(['\n'], { encode: () => new Int32Array(), decode: () => '' })).toThrow(
      'responses can\'t be stopped at "\\n": the tokenizer never writes it',
    );
  });
});
