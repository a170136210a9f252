import { describe, expect, it } from 'vitest';
import { brevity, reward } from '../../stages/rewards/brevity.js';

describe('brevity', () => {
  it.each([
    [0, 0],
    [3, 0.5],
    [6, 1],
    [10, 1],
    [20, 0.5],
    [30, 0],
    [500, 0],
  ])('of %i words is %f', (words, expected) => {
    expect(brevity(words)).toBe(expected);
  });

  it('counts words, not marks', () => {
    expect(reward.score({ id: '1', prompt: '' }, '... , ! :')).toBe(0);
    expect(reward.score({ id: '1', prompt: '' }, 'one-two three, four five six!')).toBe(1);
  });
});
