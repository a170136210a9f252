import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faithfulness, longestCopiedRun, reward } from '../../stages/rewards/faithfulness.js';

const document =
  'We introduce adaptive loss scaling, which makes mixed precision training of deep networks more practical, ' +
  'because the scale of every layer is computed during training and no parameter has to be tuned by hand.';

describe('faithfulness', () => {
  it('is 1 for a summary in words and pairs of the document', () => {
    expect(faithfulness(document, 'Adaptive loss scaling for deep networks.')).toBe(1);
  });

  it('counts the content words and pairs that the document lacks', () => {
    // words: adaptive, loss, scaling, helps, robots; pairs: adaptive loss, loss scaling, scaling helps, helps robots
    expect(faithfulness(document, 'Adaptive loss scaling helps robots.')).toBeCloseTo(5 / 9, 12);
  });

  it('notices words of the document in pairs that it lacks', () => {
    const shuffled = faithfulness(document, 'networks loss training adaptive practical scale');
    expect(shuffled).toBeGreaterThan(0);
    expect(shuffled).toBeLessThan(0.6);
  });

  it('pays nothing for an empty summary, or one of function words', () => {
    expect(faithfulness(document, '')).toBe(0);
    expect(faithfulness(document, 'of the and which.')).toBe(0);
  });

  it('pays a single word at most a fifth', () => {
    expect(faithfulness(document, 'scaling')).toBeCloseTo(0.2, 12);
  });

  it('pays repetition less than saying it once', () => {
    const once = 'adaptive loss scaling of deep networks';
    expect(faithfulness(document, `${once} ${once}`)).toBeLessThan(faithfulness(document, once) ?? 0);
  });

  it('pays a copy by how little of it is copied in one piece', () => {
    const words = document.split(' ').length;
    expect(faithfulness(document, document)).toBeLessThanOrEqual(8 / words);
    const copied = document.split(' ').slice(0, 16).join(' ');
    expect(faithfulness(document, copied)).toBeCloseTo(0.5, 12);
  });

  it('does not apply to a document without content words', () => {
    expect(reward.score({ id: '1', prompt: 'the of and' }, 'anything')).toBeNull();
    expect(reward.score({ id: '1', prompt: '' }, 'anything')).toBeNull();
  });

  it('lies in [0, 1] whatever the texts', () => {
    fc.assert(
      fc.property(fc.lorem({ maxCount: 40 }), fc.lorem({ maxCount: 20 }), (text, summary) => {
        const score = faithfulness(text, summary);
        expect(score === null || (score >= 0 && score <= 1)).toBe(true);
      }),
    );
  });

  it('finds the longest copied run', () => {
    const source = 'a b c d a b e'.split(' ');
    expect(longestCopiedRun('x c d a y'.split(' '), source)).toBe(3);
    expect(longestCopiedRun('a b e'.split(' '), source)).toBe(3);
    expect(longestCopiedRun([], source)).toBe(0);
  });
});
