/**
 * Golden files of the language: a place in the docs where they have one, a line of options as a comment where any are
 * needed (`# options: {"params": {"alpha": "0.1"}}`), YAML, a line `---`, and what moft says. UPDATE_GOLDEN=1 writes
 * them again; read the difference before committing it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goldenFiles } from '../../scripts/language-reference/golden.js';
import { answer } from './listing.js';

const folder = join(import.meta.dirname, '../golden');
const files = goldenFiles(folder);

describe('golden files', () => {
  it.each(files.map((file) => [file.name, file] as const))('%s', async (name, file) => {
    const { head, yaml, options, expected } = file;
    const actual = await answer(yaml, options);
    if (process.env.UPDATE_GOLDEN === '1')
      writeFileSync(join(folder, `${name}.golden`), `${head}${yaml}---\n${actual}`);
    else expect(actual).toBe(expected);
  });

  it('are at least 30, ten of them with three errors or more', () => {
    const errors = files.map(({ expected }) => expected.split('error[').length - 1);
    expect(files.length).toBeGreaterThanOrEqual(30);
    expect(errors.filter((count) => count >= 3).length).toBeGreaterThanOrEqual(10);
  });
});
