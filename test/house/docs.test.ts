import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, root } from './imports.js';

const pages = ['README.md', 'ARCHITECTURE.md', 'LOG.md', ...filesBelow('docs', '.md')];
const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** Code spans, and the lines of shell blocks. */
function codeOf(page: string): string[] {
  const text = read(page);
  const lines = [...text.matchAll(/^```(?:sh|console)\n([^]*?)^```/gm)].flatMap(([, body = '']) =>
    body.split('\n'),
  );
  const spans = [...text.replace(/^```[^]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, span = '']) => span,
  );
  return [...spans, ...lines.map((line) => line.replace(/^\$ /, ''))];
}

const rooms = /^(?:cli|runner|stages|schemas|scripts|bench|pipelines|docs|test|bin|\.ci)\/[\w./-]*$/;

/** Every word of the page that names a file or folder of the project. */
function pathsOf(page: string): string[] {
  return codeOf(page)
    .flatMap((code) => code.split(/[\s,]+/))
    .filter((word) => rooms.test(word));
}

/** `moft run x`, `npx moft plan y`: the names of commands. */
function commandsOf(page: string): string[] {
  return codeOf(page).flatMap((code) =>
    [...code.matchAll(/(?:^|&& |npx )moft ([a-z]+)/g)].map(([, name = '']) => name),
  );
}

function npmScriptsOf(page: string): string[] {
  return codeOf(page).flatMap((code) =>
    [...code.matchAll(/npm (?:run (?:--silent )?)?([a-z-]+)/g)].map(([, name = '']) => name),
  );
}

describe('the docs', () => {
  it('name files that exist', () => {
    const paths = pages.flatMap((page) => pathsOf(page).map((path) => ({ page, path })));
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter(({ path }) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('link to files that exist', () => {
    const links = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => ({ page, target })),
    );
    const local = links.filter(({ target }) => !/^https?:/.test(target));
    expect(local.length).toBeGreaterThan(5);
    expect(local.filter(({ page, target }) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });

  it('name commands that exist', () => {
    const commands = pages.flatMap((page) => commandsOf(page).map((name) => ({ page, name })));
    expect(commands.length).toBeGreaterThan(5);
    expect(commands.filter(({ name }) => !existsSync(join(root, 'cli', `${name}.ts`)))).toEqual([]);
    const npm = pages.flatMap((page) => npmScriptsOf(page).map((name) => ({ page, name })));
    expect(npm.length).toBeGreaterThan(3);
    expect(
      npm.filter(({ name }) => name !== 'ci' && name !== 'link' && name !== 'install' && !(name in scripts)),
    ).toEqual([]);
  });

  it('keep the architecture under 1,500 words', () =>
    expect(read('ARCHITECTURE.md').split(/\s+/).length).toBeLessThan(1500));

  it('would notice a file that is gone', () => {
    expect(rooms.test('stages/nowhere.ts')).toBe(true);
    expect(existsSync(join(root, 'stages/nowhere.ts'))).toBe(false);
  });
});
