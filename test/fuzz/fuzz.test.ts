/**
 * Mutated pipeline files in a watched process: never an exception, a hang or a place outside the file, and never
 * more than 512 MiB. The seed is kept: the same texts in every run, until the corpus changes.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { corpus, keptFolder } from '../../scripts/fuzz/corpus.js';
import { judge, minimise } from '../../scripts/fuzz/judge.js';
import { mutant, mutators } from '../../scripts/fuzz/mutate.js';

const root = join(import.meta.dirname, '../..');
const files = 10_000;

describe('the checker', () => {
  // One process for all: what it costs to compile the checker is paid once.
  it(`answers ${String(files)} mutated files`, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(root, 'dist/scripts/fuzz.js'),
      ...['--seed', '1', '--count', String(files), '--processes', '1'],
    ]);
    expect(stdout).toMatch(new RegExp(`^${String(files)} files of seed 1: .* 0 failures\n$`));
  }, 900_000);

  it.each(readdirSync(keptFolder))('answers what it once did not: %s', (name) => {
    expect(judge(readFileSync(join(keptFolder, name), 'utf8'))).toBeUndefined();
  });
});

describe('the fuzzer', () => {
  it('changes its texts, by each of its mutators, and the same way for the same seed', () => {
    const texts = Array.from({ length: 300 }, (_, index) => mutant(corpus, 7, index));
    expect(texts.filter((text) => corpus.includes(text)).length).toBeLessThan(60);
    expect(Array.from({ length: 300 }, (_, index) => mutant(corpus, 7, index))).toEqual(texts);
    expect(Object.keys(mutators).length).toBeGreaterThanOrEqual(10);
  });

  it('makes a failing text small', () =>
    expect(minimise('a long text with {x: 1} in it', (text) => text.includes('{x'))).toBe('{x'));
});
