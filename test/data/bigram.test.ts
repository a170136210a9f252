import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bigramLoss, fitBigram } from '../../stages/data/bigram.js';
import { Random } from '../../stages/random.js';

const size = 6;
const texts = fc.array(fc.array(fc.integer({ min: 0, max: size - 1 }), { maxLength: 12 }), { maxLength: 8 });
const tokens = Array.from({ length: size }, (_, i) => i);

describe('the bigram baseline', () => {
  it('gives each context a distribution over the whole vocabulary', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: size - 1 }), (training, previous) => {
        const model = fitBigram(training, size);
        const total = tokens.reduce((sum, next) => sum + Math.exp(model.logProbability(previous, next)), 0);
        expect(total).toBeCloseTo(1, 10);
      }),
    );
  });

  it('is uniform where it has seen nothing: its loss is ln V', () => {
    expect(bigramLoss(fitBigram([], size), [[0, 3, 5]])).toBeCloseTo(Math.log(size), 12);
  });

  it('comes close to the entropy of a source that is a bigram model', () => {
    const transitions = tokens.map((i) => tokens.map((j) => (j === (i + 1) % size ? 0.75 : 0.05)));
    const random = new Random(100, 'bigram test');
    const draw = (): number[] => {
      const text = [0];
      for (let t = 0; t < 20_000; t++)
        text.push(random.categorical(transitions[text[text.length - 1] ?? 0] ?? []));
      return text;
    };
    const entropy = -(0.75 * Math.log(0.75) + 5 * 0.05 * Math.log(0.05));
    const model = fitBigram([draw()], size);
    expect(Math.abs(bigramLoss(model, [draw()]) - entropy)).toBeLessThan(0.02);
  });

  it('prefers, for an unseen pair, the word that follows many others (Kneser-Ney)', () => {
    // 5 is as frequent as 4 but follows only 3; 4 follows 0, 1, 2 and 3.
    const training = [
      [0, 4],
      [1, 4],
      [2, 4],
      [3, 4],
      [3, 5],
      [3, 5],
      [3, 5],
      [3, 5],
    ];
    const model = fitBigram(training, size);
    expect(model.logProbability(5, 4)).toBeGreaterThan(model.logProbability(5, 5));
    expect(model.logProbability(0, 4)).toBeGreaterThan(model.logProbability(0, 5));
  });

  it('predicts nothing of a text that is only its start token', () => {
    expect(bigramLoss(fitBigram([[0], []], size), [[0], [0, 1]])).toBeCloseTo(Math.log(size), 12);
  });
});
