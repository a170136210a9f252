import { describe, expect, it } from 'vitest';
import { porterStem } from '../../stages/rewards/porter.js';
import { bestRouge, rougeL, rougeLsum, rougeN, rougeTokens } from '../../stages/rewards/rouge.js';
import { reward } from '../../stages/rewards/rouge-l.js';

describe('tokens', () => {
  it('are runs of letters and digits, lower-case', () => {
    expect(rougeTokens("The U.S. GPU-3 isn't café!")).toEqual([
      'the',
      'u',
      's',
      'gpu',
      '3',
      'isn',
      't',
      'caf',
    ]);
    expect(rougeTokens(' \n—')).toEqual([]);
  });

  it('are stemmed from four characters on', () => {
    expect(rougeTokens('was running cats its', { stem: true })).toEqual(['was', 'run', 'cat', 'its']);
  });
});

describe('stems', () => {
  it.each([
    ['caresses', 'caress'],
    ['ponies', 'poni'],
    ['agreed', 'agre'],
    ['hopping', 'hop'],
    ['filing', 'file'],
    ['falling', 'fall'],
    ['relational', 'relat'],
    ['conditional', 'condit'],
    ['sensibilities', 'sensibl'],
    ['probate', 'probat'],
    ['cease', 'ceas'],
    ['controll', 'control'],
  ])('follow the paper: %s -> %s', (word, stem) => expect(porterStem(word)).toBe(stem));

  it.each([
    ['news', 'news'],
    ['dying', 'die'],
    ['dies', 'die'],
    ['died', 'die'],
    ['spied', 'spi'],
    ['enjoy', 'enjoy'],
    ['fly', 'fli'],
    ['radically', 'radic'],
    ['hopefully', 'hope'],
    ['geology', 'geolog'],
    ['exceed', 'exceed'],
    ['using', 'use'],
  ])('follow the extensions: %s -> %s', (word, stem) => expect(porterStem(word)).toBe(stem));
});

describe('rouge', () => {
  const reference = 'the cat sat on the mat';

  it('counts an n-gram as often as both have it', () => {
    const { precision, recall, fmeasure } = rougeN(1, reference, 'the the the cat');
    expect([precision, recall]).toEqual([3 / 4, 3 / 6]);
    expect(fmeasure).toBeCloseTo(0.6, 12);
    expect(rougeN(2, reference, 'on the mat').recall).toBe(2 / 5);
  });

  it('takes the longest common subsequence', () =>
    expect(rougeL(reference, 'the mat the cat on').recall).toBe(3 / 6));

  it('unites the subsequences of all sentences, each token once', () => {
    // sentence 1 matches "w1 w2", sentence 2 matches "w1 w3": the union covers three of five
    const score = rougeLsum('w1 w2 w3 w4 w5', 'w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5');
    expect(score.recall).toBe(4 / 5);
    expect(score.precision).toBe(4 / 10);
    expect(rougeLsum('a b\na b', 'a b').precision).toBe(1);
    expect(rougeLsum('a b\na b', 'a b').recall).toBe(0.5);
  });

  it('is 0 without words', () => {
    for (const [a, b] of [
      ['', 'x'],
      ['x', ''],
      ['', ''],
    ] as const)
      for (const score of [rougeN(1, a, b), rougeN(2, a, b), rougeL(a, b), rougeLsum(a, b)])
        expect(score).toEqual({ precision: 0, recall: 0, fmeasure: 0 });
  });

  it('takes the reference with the best f-measure', () => {
    expect(bestRouge('rougeL', ['x y z', 'the cat sat', 'the'], 'the cat')).toEqual(
      rougeL('the cat sat', 'the cat'),
    );
    expect(bestRouge('rougeL', [], 'the cat').fmeasure).toBe(0);
  });
});

describe('the reward', () => {
  const row = { id: '1', prompt: 'p' };

  it('is the f-measure against the best reference', () => {
    expect(reward.score({ ...row, references: ['no match', 'a b c d'] }, 'a b')).toBeCloseTo(2 / 3, 12);
    expect(reward.score({ ...row, response: 'a b' }, 'a b')).toBe(1);
    expect(reward.score({ ...row, response: 'a b' }, '')).toBe(0);
  });

  it('does not apply without a reference', () => {
    expect(reward.score(row, 'a b')).toBeNull();
    expect(reward.score({ ...row, references: ['...'] }, 'a b')).toBeNull();
  });
});
