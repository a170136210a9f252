import { expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { analyze } from '../../runner/language/index.js';

const text = (fronts: string, experts: string): string => `
name: hints
seeds: 2
stages:
  news: {uses: data/news}
  reference: {uses: sft, with: {data: $news.train}}
  expert:
    uses: soft
    matrix: {reward: [nli, rouge]}
    with: {reference: $reference.model, prompts: $news.train, rewards: $matrix.reward, alpha: 0.1}
  soup: {uses: rewarded-soup, with: {experts: ${experts}}}
  front:
    uses: front
    matrix: {method: {soup: $soup.policy}}
    with: {policy: $matrix.method, prompts: $news.test}
  report: {uses: report, with: {fronts: ${fronts}}}
`;

const hints = (fronts: string, experts: string): (string | undefined)[] =>
  analyze(
    { file: '/p/hints.yaml', text: text(fronts, experts) },
    { registry: kinds, workingFolder: '/p' },
  ).diagnostics.map(({ hint }) => hint);

it('a report is told to gather all, a soup the axis of its experts; what the hint says is right', () => {
  expect(hints('$front.front', '$expert(reward=*).policy')).toEqual([
    expect.stringContaining('gather it, `$front(*).front`'),
  ]);
  expect(hints('$front(*).front', '$expert.policy')[0]).toContain('gather it, `$expert(reward=*).policy`');
  expect(hints('$front(*).front', '$expert(reward=*).policy')).toEqual([]);
});
