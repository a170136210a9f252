/**
 * Golden files of the language: a line of options as a comment where any are needed
 * (`# options: {"params": {"alpha": "0.1"}}`), YAML, a line `---`, and what the checker says. UPDATE_GOLDEN=1
 * writes them again; read the difference before committing it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listing, type Options } from './listing.js';

const folder = join(import.meta.dirname, '../golden');
const files = readdirSync(folder).filter((name) => name.endsWith('.golden'));
const separator = '\n---\n';

function parts(name: string): { yaml: string; expected: string } {
  const text = readFileSync(join(folder, name), 'utf8');
  const at = text.lastIndexOf(separator);
  return at < 0
    ? { yaml: text, expected: '' }
    : { yaml: text.slice(0, at + 1), expected: text.slice(at + separator.length) };
}

function optionsOf(yaml: string): Options {
  const line = /^# options: (.*)$/m.exec(yaml)?.[1];
  return line === undefined ? {} : (JSON.parse(line) as Options);
}

describe('golden files', () => {
  it.each(files)('%s', (name) => {
    const { yaml, expected } = parts(name);
    const actual = listing(yaml, optionsOf(yaml));
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(join(folder, name), `${yaml}---\n${actual}`);
    else expect(actual).toBe(expected);
  });

  it('are at least 30, ten of them with three errors or more', () => {
    const errors = files.map((name) => parts(name).expected.split('error[').length - 1);
    expect(files.length).toBeGreaterThanOrEqual(30);
    expect(errors.filter((count) => count >= 3).length).toBeGreaterThanOrEqual(10);
  });
});
