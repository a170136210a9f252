import { describe, expect, it } from 'vitest';
import { cellId, formatDiagnostic, matchCells } from '../../runner/language/index.js';
import { nearest, suggest, suggestKey } from '../../runner/language/nearest.js';
import { parseBytes, parseDuration } from '../../runner/language/settings.js';
import { check } from './listing.js';

const { pipeline } = check(`
name: names
seeds: 2
stages:
  news: {uses: data/news}
  reference: {uses: sft, with: {data: $news.train}}
  expert:
    uses: soft
    matrix: {reward: [nli, tldr]}
    with: {reference: $reference.model, prompts: $news.train, rewards: $matrix.reward, alpha: 0.1}
`);
const cells = pipeline?.cells ?? [];
const matching = (pattern: string): readonly string[] => matchCells(cells, pattern).map((cell) => cell.id);

describe('matchCells', () => {
  it('takes an exact id before a pattern', () => expect(matching('news')).toEqual(['news']));

  it('takes every cell that has the coordinates', () => {
    expect(matching('reference')).toEqual(['reference/seed=0', 'reference/seed=1']);
    expect(matching('expert/seed=1')).toEqual(['expert/reward=nli,seed=1', 'expert/reward=tldr,seed=1']);
    expect(matching('expert/seed=1,reward=tldr')).toEqual(['expert/reward=tldr,seed=1']);
    expect(matching('seed=0')).toEqual([
      'reference/seed=0',
      'expert/reward=nli,seed=0',
      'expert/reward=tldr,seed=0',
    ]);
  });

  it('takes none for what there is not', () => {
    for (const pattern of [
      '',
      'exprt',
      'expert/reward=rouge',
      'expert/size=1',
      'news/seed=0',
      'expert/reward',
    ])
      expect(matching(pattern)).toEqual([]);
  });
});

describe('names', () => {
  it('sort axes by code unit', () => {
    expect(cellId('front', { seed: '0', Method: 'a', axis: 'b' })).toBe('front/Method=a,axis=b,seed=0');
    expect(cellId('news', {})).toBe('news');
  });
});

describe('durations and sizes', () => {
  it.each([
    ['2h', 7200],
    ['90s', 90],
    ['1h30m', 5400],
    ['15min', 900],
    ['500ms', 0.5],
    ['1.5d', 129_600],
  ])('%s is %d seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  it.each(['', '2', 'h', '2 hours', '-1s', '0s', 30, -3, 0, true])('%s is no duration', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );

  it.each([
    ['512MiB', 536_870_912],
    ['1.5GB', 1_500_000_000],
    ['10B', 10],
    [4096, 4096],
  ])('%s is %d bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each(['', '5', 'GB', '5G', '-1GB', 0, 1.5])('%s is no size', (text) =>
    expect(parseBytes(text)).toBeUndefined(),
  );
});

describe('formatDiagnostic', () => {
  const place = { file: 'a.yaml', line: 2, column: 3, endLine: 2, endColumn: 6 };

  it('shows the line, a caret under the place, the hint and related places', () =>
    expect(
      formatDiagnostic(
        { ...place, code: 'x', message: 'm', hint: 'h', related: [{ ...place, line: 1, message: 'r' }] },
        'one\r\n  two three\n',
      ),
    ).toBe(
      ['a.yaml:2:3: error[x]: m', '  2 |   two three', '    |   ^^^', '  hint: h', '  a.yaml:1:3: r'].join(
        '\n',
      ),
    ));

  it('shows no login of an address, and the caret still under its place', () =>
    expect(
      formatDiagnostic(
        { ...place, line: 1, endLine: 1, code: 'x', message: 'm' },
        'a: http://me:hunter/2@host:x # b',
      ),
    ).toBe(['a.yaml:1:3: error[x]: m', '  1 | a: http://***********@host:x # b', '    |   ^^^'].join('\n')));

  it('shows no line of the file for what the command line gave', () =>
    expect(formatDiagnostic({ ...place, file: '-p alpha', code: 'x', message: 'm' }, 'one\ntwo')).toBe(
      '-p alpha: error[x]: m',
    ));
});

describe('the nearest name', () => {
  it('is only one that no other is as near as', () => {
    expect(nearest('trian', ['train', 'test'])).toBe('train');
    expect(nearest('0.3', ['0.1', '0.2'])).toBeUndefined();
    expect(suggest('0.3', ['0.1', '0.2'], 'values are')).toEqual({ hint: 'did you mean `0.1` or `0.2`?' });
    expect(suggest('x1', ['a1', 'b1', 'c1', 'd1'], 'values are')).toEqual({
      hint: 'values are `a1`, `b1`, `c1`, `d1`',
    });
  });

  it('of a short form is the only name that begins with it, whatever stands there already', () => {
    const known = ['documents', 'max_tokens', 'max_grad_norm'];
    expect(suggestKey('docs', known, [])).toEqual({
      hint: 'did you mean `documents`?',
      instead: 'documents',
    });
    expect(suggestKey('max', known, [])).toEqual({ hint: 'did you mean `max_tokens` or `max_grad_norm`?' });
    expect(suggestKey('max', known, ['max_tokens'])).toEqual({ hint: 'did you mean `max_grad_norm`?' });
  });
});
