import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import { analyze } from '../../runner/language/index.js';
import { templatePath } from '../../scripts/language-reference.js';
import { examplesOf, messagesOf, refreshed } from './examples.js';
import { filesBelow, root } from './imports.js';

/** docs/language.md is made of its template and golden files, which are checked each by itself. */
const generated = 'docs/language.md';
const pages = ['README.md', 'ARCHITECTURE.md', templatePath, ...filesBelow('docs', '.md')].filter(
  (page) => page !== generated && existsSync(join(root, page)),
);

if (process.env.UPDATE_DOCS === '1') {
  for (const page of pages) writeFileSync(join(root, page), refreshed(page));
}

describe('examples of the docs', () => {
  const examples = pages.flatMap(examplesOf);

  it('are found', () => {
    const whole = examples.filter(({ shown }) => shown === undefined);
    expect(whole.length).toBeGreaterThan(2);
    expect(examples.length).toBeGreaterThan(whole.length);
  });

  it.each(examples.map((example) => [`${example.file}:${example.line}`, example] as const))(
    '%s is what it says (else: `UPDATE_DOCS=1 npx vitest run test/house`)',
    (_, { yaml, shown }) => {
      expect(messagesOf(yaml)).toBe(shown ?? '');
    },
  );

  it('would notice a mistake', () =>
    expect(messagesOf('name: x\nstages: {a: {uses: sfd}}\n')).toContain('sft'));
});

describe('pipelines', () => {
  /** Params without a default are given: any text will do where no file is read. */
  const required = (text: string): Record<string, string> =>
    Object.fromEntries([...text.matchAll(/^ {2}(\w+): null/gm)].map(([, name = '']) => [name, 'given']));

  it.each(filesBelow('pipelines', '.yaml'))('%s has no errors and is named like its file', (file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const { pipeline, diagnostics } = analyze(
      { file: join(root, file), text },
      { registry: kinds, workingFolder: root, params: required(text) },
    );
    expect(diagnostics).toEqual([]);
    expect(pipeline?.name).toBe(basename(file, '.yaml'));
    expect(pipeline?.cells.length).toBeGreaterThan(2);
  });
});
