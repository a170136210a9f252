/**
 * Lists, after tsc, what each compiled module of the science reaches: dist/code.json, from which a cell's code
 * digest is made (runner/plan/code.ts). What would load code that can't be listed is a build error. What is imported on
 * demand is announced from then on (announce-imports.ts).
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { codeManifestVersion, type CodeManifest, type ModuleEntry } from '../runner/plan/code-manifest.js';
import { byCodeUnit, sha256 } from '../schemas/json.js';
import { announceImports } from './announce-imports.js';
import { isImportCall, isPackage, isRelative, targetOf } from './imports.js';
import { loaderTable, recipeOf } from './narrowing.js';

/** What a module may do that can't be listed, and what counts for it instead. */
interface Allowance {
  readonly packages: readonly string[];
  /** Below dist. */
  readonly files: readonly string[];
}

/** The engines find their packages' wasm files, native addons and optional packages by createRequire. */
export const allowances: Readonly<Record<string, Allowance>> = {
  'stages/backend/engine.js': { packages: ['@tensorflow/tfjs-backend-wasm'], files: [] },
  'stages/backend/native.js': { packages: ['@tensorflow/tfjs-node-gpu'], files: [] },
  'stages/backend/webgpu.js': { packages: ['@tensorflow/tfjs-backend-webgpu'], files: [] },
  'stages/backend/manage/addon.js': { packages: ['node-api-headers'], files: [] },
  // Dawn lies outside of node_modules; the record of a result names its version, as it does the card's.
  'stages/backend/webgpu-device.js': { packages: [], files: [] },
};

export interface Fault {
  readonly module: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface ListedModule {
  readonly entry: ModuleEntry;
  readonly faults: readonly Fault[];
}

interface Specifier {
  readonly node: ts.Node;
  readonly text: string;
  readonly dynamic: boolean;
}

function specifierOf(node: ts.Node): Specifier | undefined {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
    const literal = node.moduleSpecifier;
    return ts.isStringLiteral(literal) ? { node, text: literal.text, dynamic: false } : undefined;
  }
  if (!isImportCall(node)) return undefined;
  const [name] = node.arguments;
  return name && ts.isStringLiteralLike(name) ? { node, text: name.text, dynamic: true } : undefined;
}

/** Names through which code comes in that no import names. */
const loaders: Readonly<Record<string, string>> = {
  createRequire: 'createRequire loads what no import names',
  dlopen: 'a native addon is loaded by path',
  eval: 'eval runs code that is in no file',
  Function: 'new Function runs code that is in no file',
};

/** What a node does that can't be listed, or undefined. */
function loaderFault(node: ts.Node): string | undefined {
  if (isImportCall(node) && !specifierOf(node)) return 'import() of a name that is not a literal';
  if (ts.isMetaProperty(node)) return 'import.meta finds files that no import names';
  if (!ts.isIdentifier(node) || !Object.hasOwn(loaders, node.text)) return undefined;
  const called = ts.isCallExpression(node.parent) || ts.isNewExpression(node.parent);
  const named = ts.isImportSpecifier(node.parent) || ts.isPropertyAccessExpression(node.parent);
  return called || named ? loaders[node.text] : undefined;
}

const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort(byCodeUnit);

/**
 * Lists one compiled module.
 *
 * @param name its path below dist, with `/`
 */
export function listModule(name: string, text: string, allowance?: Allowance): ListedModule {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.JS);
  const specifiers: Specifier[] = [];
  const faults: Fault[] = [];
  const fault = (node: ts.Node, message: string): void => {
    const { line, character } = source.getLineAndCharacterOfPosition(node.getStart(source));
    faults.push({ module: name, line: line + 1, column: character + 1, message });
  };
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier) specifiers.push(specifier);
    const loading = allowance ? undefined : loaderFault(node);
    if (loading !== undefined) fault(node, loading);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const { node, text: specifier } of specifiers) {
    if (specifier.endsWith('.node')) fault(node, 'a native addon is imported by path');
  }
  const [table, recipe] = [loaderTable(name, source), recipeOf(name, source)];
  const entry = toEntry(name, text, specifiers, allowance);
  return {
    entry: { ...entry, ...(table ? { table } : {}), ...(recipe === undefined ? {} : { recipe }) },
    faults,
  };
}

function toEntry(
  name: string,
  text: string,
  specifiers: readonly Specifier[],
  allowance?: Allowance,
): ModuleEntry {
  const relative = (dynamic: boolean): string[] =>
    specifiers
      .filter((item) => item.dynamic === dynamic && isRelative(item.text))
      .map((item) => targetOf(name, item.text));
  const packages = specifiers.map((item) => item.text).filter(isPackage);
  return {
    digest: sha256(text),
    imports: sorted(relative(false)),
    dynamic: sorted(relative(true)),
    packages: sorted([...packages.map((item) => targetOf(name, item)), ...(allowance?.packages ?? [])]),
    files: sorted(allowance?.files ?? []),
  };
}

/** An imported file that isn't code (JSON) counts and imports nothing. */
const listData = (text: string): ListedModule => ({
  entry: { digest: sha256(text), imports: [], dynamic: [], packages: [], files: [] },
  faults: [],
});

/** Compiled modules below a folder of dist whose source still stands: tsc leaves those of removed sources behind. */
function compiledModules(root: string, folder: string): string[] {
  const dist = path.join(root, 'dist');
  return fs
    .readdirSync(path.join(dist, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => path.posix.join(folder, name.split(path.sep).join('/')))
    .filter((name) => name.endsWith('.js') && fs.existsSync(path.join(root, name.replace(/\.js$/, '.ts'))));
}

const read = (file: string): string => fs.readFileSync(file, 'utf8');

/** Writes a compiled module anew where it doesn't announce what it imports on demand; answers with its text. */
function readAnnounced(file: string, name: string): string {
  const compiled = read(file);
  const text = name.endsWith('.js') ? announceImports(name, compiled) : compiled;
  if (text !== compiled) replace(file, text);
  return text;
}

function replace(file: string, text: string): void {
  fs.writeFileSync(`${file}.new`, text);
  fs.renameSync(`${file}.new`, file);
}

/**
 * Lists all modules of the science and whatever they import.
 *
 * @param textOf reads one of them; its path below dist is told, too
 */
export function listModules(
  root: string,
  textOf: (file: string, name: string) => string = read,
): {
  readonly manifest: CodeManifest;
  readonly faults: readonly Fault[];
} {
  const modules: Record<string, ModuleEntry> = {};
  const faults: Fault[] = [];
  const todo = [...compiledModules(root, 'stages'), ...compiledModules(root, 'schemas')];
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (modules[name]) continue;
    const file = path.join(root, 'dist', name);
    if (!fs.existsSync(file)) {
      faults.push({ module: name, line: 1, column: 1, message: 'is imported and was not compiled' });
      continue;
    }
    const text = textOf(file, name);
    const listed = name.endsWith('.js') ? listModule(name, text, allowances[name]) : listData(text);
    modules[name] = listed.entry;
    faults.push(...listed.faults);
    todo.push(...listed.entry.imports, ...listed.entry.dynamic);
  }
  const order = Object.entries(modules).sort(([a], [b]) => byCodeUnit(a, b));
  return { manifest: { v: codeManifestVersion, modules: Object.fromEntries(order) }, faults };
}

function main(root: string): number {
  const { manifest, faults } = listModules(root, readAnnounced);
  for (const { module, line, column, message } of faults) {
    process.stderr.write(`dist/${module}:${line}:${column}: ${message}\n`);
  }
  if (faults.length > 0) {
    process.stderr.write(
      'The code of a stage must be listed, or a change of it would be served from the cache.\n',
    );
    return 1;
  }
  replace(path.join(root, 'dist', 'code.json'), `${JSON.stringify(manifest, undefined, 1)}\n`);
  return 0;
}

const self = fileURLToPath(import.meta.url);
if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === self) {
  process.exitCode = main(path.resolve(path.dirname(self), '../..'));
}
