/** Fixes that the rules of the built-in kinds offer. */
import { describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { analyze, applyFix } from '../../runner/language/index.js';

const good = `name: good
stages:
  news: {uses: data/news}
  reference: {uses: sft, with: {data: $news.train}}
  expert: {uses: soft, with: {reference: $reference.model, prompts: $news.train, rewards: [nli, rouge], alpha: 0.1}}
  front: {uses: front, with: {policy: $expert.policy, prompts: $news.test}}
`;
const source = (text: string) => ({ file: '/project/good.yaml', text });
const check = (text: string) =>
  analyze(source(text), { registry: kinds, workingFolder: '/project' }).diagnostics;

describe('the fix of a kind', () => {
  it.each([
    ['a misspelt reward', 'unknown-reward', '[nil, rouge]', '[nli, rouge]'],
    ['shares of four', 'weights-simplex', '{nli: 1, rouge: 3}', '{nli: 0.25, rouge: 0.75}'],
    [
      'shares of three',
      'weights-simplex',
      '{nli: 1, rouge: 2}',
      '{nli: 0.333333333333, rouge: 0.666666666667}',
    ],
  ])('mends %s', (_, code, wrong, right) => {
    const text = good.replace('[nli, rouge]', wrong);
    const found = check(text);
    expect(found.map((one) => one.code)).toEqual([code]);
    const [fix] = found[0]?.fixes ?? [];
    const mended = fix && applyFix(source(text), fix);
    expect(mended).toBe(good.replace('[nli, rouge]', right));
    expect(check(mended ?? '')).toEqual([]);
  });

  it('is not offered where a weight is negative or all are 0', () => {
    for (const wrong of ['{nli: -1, rouge: 2}', '{nli: 0, rouge: 0}']) {
      const found = check(good.replace('[nli, rouge]', wrong));
      expect(found.length).toBe(1);
      expect(found[0]?.fixes).toBeUndefined();
    }
  });
});
