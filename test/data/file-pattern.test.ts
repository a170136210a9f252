import { describe, expect, it } from 'vitest';
import { filePattern } from '../../stages/data/file-pattern.js';

describe('a pattern of files', () => {
  it.each([
    ['data/train-*', ['data/train-0.parquet'], ['data/more/train-0.parquet', 'data/train']],
    ['**/*.csv', ['a.csv', 'b/a.csv', 'b/c/a.csv'], ['a.csv.gz']],
    ['data/**/train.csv', ['data/train.csv', 'data/a/b/train.csv'], ['data/notrain.csv', 'train.csv']],
    ['en/**', ['en/a', 'en/b/c'], ['de/a', 'en']],
    ['{train,extra-*}.jsonl', ['train.jsonl', 'extra-1.jsonl'], ['train,extra-1.jsonl', 'extra/.jsonl']],
    ['part-[0-3][!x].csv', ['part-1a.csv'], ['part-4a.csv', 'part-1x.csv']],
    ['a?c(1)+$.tsv', ['abc(1)+$.tsv'], ['a/c(1)+$.tsv', 'abcc(1)+$.tsv']],
    ['one, two.csv', ['one, two.csv'], ['one']],
  ])('%s', (pattern, taken, left) => {
    const test = filePattern(pattern);
    if (!test.ok) throw new Error(test.error);
    expect(taken.filter((name) => !test.value(name))).toEqual([]);
    expect(left.filter(test.value)).toEqual([]);
  });

  it.each(['{train,test', 'train}', 'part-[0-3.csv'])('%s is refused', (pattern) => {
    expect(filePattern(pattern)).toEqual({
      ok: false,
      error: `a pattern whose brackets or braces are closed, found ${JSON.stringify(pattern)}`,
    });
  });
});
