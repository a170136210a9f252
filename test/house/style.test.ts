import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { filesBelow, parse, root, sources } from './imports.js';

const tests = filesBelow('test', '.ts');
const texts = [...sources, ...tests].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
const others = texts.filter(({ path }) => path !== join('test', 'house', 'style.test.ts'));

/** `path:line: text` of every line that matches. */
function linesWith(pattern: RegExp, files = others): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

describe('style that no linter rule says', () => {
  it('files are named in kebab case, after their one idea', () => {
    const odd = others.filter(
      ({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(run|test|d))?\.ts$/.test(basename(path)),
    );
    expect(odd.map(({ path }) => path)).toEqual([]);
  });

  it('files stay under 400 lines', () => {
    const long = others.filter(({ text }) => text.split('\n').length > 401);
    expect(long.map(({ path, text }) => `${path}: ${text.split('\n').length} lines`)).toEqual([]);
  });

  it('functions of the source are short: the median has at most 13 lines', () => {
    const lengths = sources.flatMap(functionLengths).sort((a, b) => a - b);
    expect(lengths.length).toBeGreaterThan(300);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(13);
  });

  it('nothing is left for later, and no check is switched off without a reason', () => {
    expect(linesWith(/\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck|expect-error)/)).toEqual([]);
    expect(linesWith(/eslint-disable(?!.* -- )/)).toEqual([]);
    expect(linesWith(/\b(describe|it|test)\.(only|todo|skip)\b/)).toEqual([]);
  });

  it('comments cite what a reader has', () => {
    expect(linesWith(/\b(STORE|SCIENCE|DESIGN|STYLE|BACKENDS|LANGUAGE)(\.md| section| \d)/)).toEqual([]);
  });

  it('stages take no clock and no luck of their own', () => {
    const stages = texts.filter(({ path }) => path.startsWith('stages/'));
    const code = stages.map(({ path, text }) => ({
      path,
      text: text.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, ''),
    }));
    expect(linesWith(/\bMath\.random\(|\bDate\.now\(|\bnew Date\(/, code)).toEqual([]);
  });
});

/** Lines of each named function and method, arrow functions that are bound to a name among them. */
function functionLengths(path: string): number[] {
  const file = parse(path);
  const lengths: number[] = [];
  const visit = (node: ts.Node): void => {
    const counted =
      ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) && node.body !== undefined) ||
      (ts.isArrowFunction(node) && ts.isVariableDeclaration(node.parent));
    if (counted) {
      const from = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
      lengths.push(file.getLineAndCharacterOfPosition(node.end).line - from + 1);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return lengths;
}
