/** What bench/README.md says of how each bench is called is what its `--help` says, and what it takes. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, root } from './imports.js';

const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Bench {
  readonly name: string;
  /** First line of its usage. */
  readonly usage: string;
  /** Names of options that it takes. */
  readonly options: readonly string[];
}

function benchOf(file: string): Bench | undefined {
  const text = read(file);
  if (!/\basked\(\{/.test(text)) return undefined;
  const [, usage = ''] = /\busage(?: =|:) ['`]([^'`\n]+)/.exec(text) ?? [];
  const [, list = ''] = /\boptions: \[([^\]]*)\]/.exec(text) ?? [];
  return {
    name: basename(file, '.ts'),
    usage,
    options: [...list.matchAll(/'([^']+)'/g)].map(([, name = '']) => name),
  };
}

const benches = filesBelow('bench', '.ts').flatMap((file) => benchOf(file) ?? []);

describe('the benches', () => {
  it('are called as their page says', () => {
    const rows = [...read('bench/README.md').matchAll(/^\| `(node dist\/bench\/[^`]+)`/gm)];
    const listed = rows.map(([, command = '']) => command).sort();
    expect(listed).toEqual(benches.map(({ usage }) => usage).sort());
  });

  it.each(benches)('$name says which options it takes', ({ name, usage, options }) => {
    expect(usage).toMatch(new RegExp(`^node dist/bench/${name}\\.js\\b`));
    const said = [...usage.matchAll(/--([a-z]+)/g)].map(([, option]) => option);
    expect(said.sort()).toEqual([...options].sort());
  });

  it('are all found', () => expect(benches.length).toBeGreaterThan(8));
});
