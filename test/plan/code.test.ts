import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { loadCode, type Code, type CodeListing } from '../../runner/plan/index.js';
import type { CodeManifest } from '../../runner/plan/code-manifest.js';
import { announceImports } from '../../scripts/announce-imports.js';
import { listModule, listModules } from '../../scripts/code-manifest.js';
import { errorOf, temporaryFolder, valueOf, writeFiles } from '../store/fixtures.js';
import { kind } from './fixtures.js';

const sources: Readonly<Record<string, string>> = {
  'stages/kinds/data-toy.ts': `import { tool } from '../tool.js'; export default () => [tool, import('./data-toy.run.js')];`,
  'stages/kinds/data-toy.run.ts': `import { reward } from '../rewards/index.js'; export const run = reward;`,
  'stages/rewards/index.ts': `export const rewards = { one: () => import('./one.js'), two: () => import('./two.js') };
    export const reward = (name: 'one' | 'two') => rewards[name]();`,
  'stages/rewards/one.ts': `import yaml from 'yaml'; export const one = yaml;`,
  'stages/rewards/two.ts': `export const two = 2;`,
  'stages/tool.ts': `import fs from 'node:fs'; export const tool = fs;`,
  'stages/unused.ts': `export const unused = 1;`,
  'schemas/json.ts': `export const json = 1;`,
};

const lock = (yaml: object = {}): string =>
  JSON.stringify({
    packages: {
      'node_modules/yaml': {
        version: '2.0.0',
        integrity: 'sha512-yaml',
        dependencies: { deep: '1' },
        ...yaml,
      },
      'node_modules/deep': { version: '2.0.0', integrity: 'sha512-other' },
      'node_modules/yaml/node_modules/deep': { version: '1.0.0', integrity: 'sha512-deep' },
      'node_modules/unused': { version: '1.0.0', integrity: 'sha512-unused' },
    },
  });

/** Compiles as the project does: comments removed. */
function compile(root: string, file: string, source: string): void {
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2023,
    removeComments: true,
  };
  writeFiles(root, { [file]: source });
  const { outputText } = ts.transpileModule(source, { compilerOptions });
  writeFiles(root, { [path.join('dist', file.replace(/\.ts$/, '.js'))]: outputText });
}

function list(root: string): void {
  const { manifest, faults } = listModules(root);
  expect(faults).toEqual([]);
  writeFiles(root, { 'dist/code.json': JSON.stringify(manifest) });
}

/** A built package of the sources, with edits. */
function built(edits: Readonly<Record<string, string>> = {}, root = temporaryFolder()): string {
  for (const [file, source] of Object.entries({ ...sources, ...edits })) compile(root, file, source);
  writeFiles(root, { 'node_modules/.package-lock.json': lock() });
  list(root);
  return root;
}

const toy = (...modules: string[]): ReturnType<typeof kind> => kind('data/toy', { modules: () => modules });
const codeIn = (root: string): Code => valueOf(loadCode(root));
const listing = (root: string, ...modules: string[]): CodeListing =>
  valueOf(codeIn(root).of(toy(...modules), {})).listing;
const digest = (root: string, ...modules: string[]): string =>
  valueOf(codeIn(root).of(toy(...modules), {})).digest;

const one = 'stages/rewards/one';

describe('loadCode', () => {
  it('counts what a kind reaches, and of modules loaded by name those that it names', () => {
    const { modules, packages } = listing(built(), one);
    expect(Object.keys(modules)).toEqual([
      'stages/kinds/data-toy.js',
      'stages/kinds/data-toy.run.js',
      'stages/rewards/index.js',
      'stages/rewards/one.js',
      'stages/tool.js',
    ]);
    expect(packages).toEqual({ 'deep@1.0.0': 'sha512-deep', 'yaml@2.0.0': 'sha512-yaml' });
  });

  it('counts all modules of a map from which nothing is named: a forgotten name is no wrong hit', () => {
    expect(Object.keys(listing(built()).modules)).toContain('stages/rewards/two.js');
  });

  it.each([
    [
      'a comment',
      { 'stages/tool.ts': `/* new */ import fs from 'node:fs'; export const tool = fs; // words` },
    ],
    ['a module that it does not reach', { 'stages/unused.ts': 'export const unused = 2;' }],
    ['a module that it does not name', { 'stages/rewards/two.ts': 'export const two = 3;' }],
  ])('is the same after an edit of %s', (_, edits) => {
    expect(digest(built(edits), one)).toBe(digest(built(), one));
  });

  it.each([
    ['the declaration', { 'stages/kinds/data-toy.ts': 'export default 1;' }],
    [
      'the recipe',
      { 'stages/kinds/data-toy.run.ts': `${sources['stages/kinds/data-toy.run.ts'] ?? ''} run;` },
    ],
    [
      'what the recipe imports',
      { 'stages/rewards/index.ts': `${sources['stages/rewards/index.ts'] ?? ''} reward;` },
    ],
    ['a named module', { 'stages/rewards/one.ts': 'export const one = 1;' }],
  ])('differs after an edit of %s', (_, edits) => {
    expect(digest(built(edits), one)).not.toBe(digest(built(), one));
  });

  it('differs after another version or build of a package was installed', () => {
    const digests = [
      lock(),
      lock({ version: '2.0.1' }),
      lock({ integrity: 'sha512-rebuilt' }),
      lock({ dependencies: {} }),
    ];
    const all = digests.map((text) =>
      digest(writeFiles(built(), { 'node_modules/.package-lock.json': text }), one),
    );
    expect(new Set(all).size).toBe(4);
  });

  it('counts a linked package by its content', () => {
    const root = built();
    const link = JSON.stringify({
      packages: { 'node_modules/yaml': { resolved: 'local/yaml', link: true } },
    });
    writeFiles(root, { 'node_modules/.package-lock.json': link, 'local/yaml/index.js': '1' });
    const before = digest(root, one);
    expect(digest(root, one)).toBe(before);
    writeFiles(root, { 'local/yaml/index.js': '2' });
    expect(digest(root, one)).not.toBe(before);
  });

  it.each([
    ['npm says of it', { 'local/yaml': { dependencies: { deep: '1' } } }],
    ['it says of itself', {}],
  ])('counts what a linked package depends on, as %s', (_, target) => {
    const root = built();
    const link = { 'node_modules/yaml': { resolved: 'local/yaml', link: true }, ...target };
    const install = (version: string): Readonly<Record<string, string>> => {
      const deep = { version, integrity: `sha512-${version}` };
      const packages = { ...link, 'node_modules/deep': deep };
      writeFiles(root, { 'node_modules/.package-lock.json': JSON.stringify({ packages }) });
      return listing(root, one).packages;
    };
    writeFiles(root, { 'local/yaml/package.json': '{"dependencies": {"deep": "1"}}' });
    expect(install('1.0.0')).toMatchObject({ 'deep@1.0.0': 'sha512-1.0.0' });
    expect(install('2.0.0')).toMatchObject({ 'deep@2.0.0': 'sha512-2.0.0' });
  });

  it('counts a package that was put there by hand by its content, and what that imports', () => {
    const root = built();
    writeFiles(root, {
      'node_modules/.package-lock.json': JSON.stringify({ packages: {} }),
      'node_modules/yaml/package.json':
        '{"version": "9.0.0", "integrity": "x", "dependencies": {"deep": "1"}}',
      'node_modules/deep/index.js': '1',
    });
    const before = listing(root, one).packages;
    expect(Object.keys(before)).toEqual(['deep@linked', 'yaml@9.0.0']);
    writeFiles(root, { 'node_modules/deep/index.js': '2' });
    const after = listing(root, one).packages;
    expect(after['deep@linked']).not.toBe(before['deep@linked']);
    expect(after['yaml@9.0.0']).toBe(before['yaml@9.0.0']);
  });

  it('refuses code that is not the code that was listed', () => {
    const root = built();
    writeFiles(root, { 'dist/stages/tool.js': 'import "./unused.js";' });
    expect(errorOf(loadCode(root))).toMatchObject({
      code: 'stale-build',
      hint: expect.stringContaining('npm run build') as unknown,
    });
    fs.rmSync(path.join(root, 'dist/stages/tool.js'));
    expect(errorOf(loadCode(root)).code).toBe('stale-build');
    fs.rmSync(path.join(root, 'dist/code.json'));
    expect(errorOf(loadCode(root)).code).toBe('no-code-list');
  });

  it('needs to know what is installed', () => {
    const root = built();
    fs.rmSync(path.join(root, 'node_modules'), { recursive: true });
    expect(errorOf(loadCode(root))).toMatchObject({
      code: 'packages-unknown',
      hint: 'install with `npm ci`',
    });
  });

  it('names a module that was not listed', () => {
    const problem = errorOf(codeIn(built()).of(toy('stages/rewards/three'), {}));
    expect(problem).toMatchObject({ code: 'unlisted-module' });
    expect(problem.message).toContain('stages/rewards/three.js');
  });

  it('stays frozen, and tells what changed since', () => {
    const root = built();
    const code = codeIn(root);
    const before = valueOf(code.of(toy(one), {}));
    expect(code.changed(before.listing)).toEqual([]);
    const file = path.join(root, 'dist/stages/tool.js');
    fs.appendFileSync(file, '\n');
    expect(code.changed(before.listing)).toEqual([file]);
    expect(valueOf(code.of(toy('stages/rewards/two'), {})).listing.modules['stages/tool.js']).toBe(
      before.listing.modules['stages/tool.js'],
    );
    const lockFile = path.join(root, 'node_modules/.package-lock.json');
    fs.appendFileSync(lockFile, '\n');
    expect(code.changed(before.listing)).toEqual([file, lockFile]);
  });

  it('tells a kind of no change outside what it reaches', () => {
    const root = built();
    const code = codeIn(root);
    const [first, second] = [one, 'stages/rewards/two'].map(
      (module) => valueOf(code.of(toy(module), {})).listing,
    );
    const [oneFile, twoFile] = ['one', 'two'].map((name) =>
      path.join(root, `dist/stages/rewards/${name}.js`),
    );
    fs.appendFileSync(path.join(root, 'dist/stages/unused.js'), '\n');
    fs.appendFileSync(path.join(root, 'dist/schemas/json.js'), '\n');
    fs.appendFileSync(oneFile ?? '', '\n');
    fs.appendFileSync(path.join(root, 'node_modules/.package-lock.json'), '\n');
    expect(first && code.changed(first)).toEqual([
      oneFile,
      path.join(root, 'node_modules/.package-lock.json'),
    ]);
    // The second reward imports no package.
    expect(second && code.changed(second)).toEqual([]);
    fs.rmSync(twoFile ?? '');
    expect(second && code.changed(second)).toEqual([twoFile]);
  });
});

describe('announceImports', () => {
  it('lets a module say what it imports on demand, once, and leaves what comes with Node', () => {
    const text = `const load = async () => [await import('../a.js'), import("@s/p/deep.js"), import('node:fs')];`;
    const told = announceImports('stages/lm/x.js', text);
    expect(told).toBe(
      `const load = async () => [await (globalThis.moftLoads?.add("stages/a.js"), import('../a.js')), ` +
        `(globalThis.moftLoads?.add("@s/p"), import("@s/p/deep.js")), import('node:fs')];`,
    );
    expect(announceImports('stages/lm/x.js', told)).toBe(told);
    const entryOf = (of: string): object => ({ ...listModule('stages/lm/x.js', of).entry, digest: '' });
    expect(entryOf(told)).toEqual(entryOf(text));
  });

  it('was done by the build to every module that a key may count', () => {
    const root = path.resolve(import.meta.dirname, '../..');
    const code = JSON.parse(fs.readFileSync(path.join(root, 'dist/code.json'), 'utf8')) as CodeManifest;
    const silent = Object.keys(code.modules).filter((name) => {
      const text = fs.readFileSync(path.join(root, 'dist', name), 'utf8');
      return announceImports(name, text) !== text;
    });
    expect(silent).toEqual([]);
  });
});

describe('listModule', () => {
  const faults = (text: string): string[] =>
    listModule('stages/x.js', text).faults.map(({ line, column, message }) => `${line}:${column} ${message}`);

  it.each([
    ['const m = await import(name);', '1:17 import() of a name that is not a literal'],
    ['import { createRequire } from "node:module";', '1:10 createRequire loads what no import names'],
    [
      'import module from "node:module";\nmodule.createRequire("/");',
      '2:8 createRequire loads what no import names',
    ],
    ['const x = new URL("x", import.meta.url);', '1:24 import.meta finds files that no import names'],
    ['process.dlopen({}, "x");', '1:9 a native addon is loaded by path'],
    ['eval("1");', '1:1 eval runs code that is in no file'],
    ['new Function("return 1");', '1:5 new Function runs code that is in no file'],
    ['import x from "./addon.node";', '1:1 a native addon is imported by path'],
  ])('refuses %s', (text, fault) => {
    expect(faults(text)).toEqual([fault]);
  });

  it('takes words in texts and names of members for what they are', () => {
    expect(
      faults('const a = "eval(import(x))"; const b = { eval: 1, Function: 2 }; // createRequire()'),
    ).toEqual([]);
  });

  it('lets a module of the literal list do so, and counts its packages', () => {
    const listed = listModule('stages/x.js', 'createRequire("/");', {
      packages: ['addon'],
      files: ['stages/x.wasm'],
    });
    expect(listed).toMatchObject({ faults: [], entry: { packages: ['addon'], files: ['stages/x.wasm'] } });
  });

  it('resolves names from the module, and packages to their root', () => {
    const text = `import a from '../a.js'; export * from './b.js'; import('@s/p/deep.js'); import 'p/deep'; import 'fs';`;
    expect(listModule('stages/lm/x.js', text).entry).toMatchObject({
      imports: ['stages/a.js', 'stages/lm/b.js'],
      dynamic: [],
      packages: ['@s/p', 'p'],
    });
  });

  it('names an import that was not compiled', () => {
    const root = temporaryFolder();
    compile(root, 'stages/x.ts', `import './gone.js';`);
    fs.mkdirSync(path.join(root, 'dist/schemas'));
    expect(listModules(root).faults).toMatchObject([
      { module: 'stages/gone.js', message: 'is imported and was not compiled' },
    ]);
  });
});
