/** The import graph of the source, read from the syntax trees: what stands where, statically or on demand. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const rooms = ['cli', 'runner', 'stages', 'schemas', 'bench', 'scripts'] as const;

export interface Import {
  readonly from: string;
  /** A path from the root (`stages/lm/types.ts`), a package (`yaml`), or a builtin (`node:fs`). */
  readonly to: string;
  readonly kind: 'value' | 'type' | 'dynamic';
}

/** Paths from the root of all files below `folder` that end with `ending`, sorted. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending) && !path.includes('node_modules'))
    .map((path) => join(folder, path))
    .sort();
}

export const sources = rooms.flatMap((room) => filesBelow(room, '.ts'));

export function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.ES2023, true);
}

/** Every import of every source file; a dynamic import whose target is not a literal leads to `?`. */
export const imports: readonly Import[] = sources.flatMap((path) => importsOf(path));

export function importsOf(path: string): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const edge = toImport(path, node);
    if (edge) found.push(edge);
    ts.forEachChild(node, visit);
  };
  visit(parse(path));
  return found;
}

function toImport(from: string, node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node)) {
    const kind = isTypeOnly(node.importClause) ? 'type' : 'value';
    return { from, to: target(from, node.moduleSpecifier), kind };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    return { from, to: target(from, node.moduleSpecifier), kind: node.isTypeOnly ? 'type' : 'value' };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return { from, to: target(from, node.arguments[0]), kind: 'dynamic' };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { from, to: target(from, node.argument.literal), kind: 'type' };
  }
  return undefined;
}

/** `import type {...}`, or every name in the braces marked `type`. */
function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  return (
    !clause.name &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.length > 0 &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

function target(from: string, specifier: ts.Node | undefined): string {
  if (!specifier || !ts.isStringLiteralLike(specifier)) return '?';
  const text = specifier.text;
  if (text.startsWith('.')) return normalize(join(dirname(from), text)).replace(/\.js$/, '.ts');
  return text;
}

/** `@tensorflow/tfjs/dist/x` -> `@tensorflow/tfjs`; undefined for files of ours and builtins. */
export function packageOf(to: string): string | undefined {
  if (to === '?' || to.startsWith('node:') || to.startsWith('..') || isSource(to)) return undefined;
  return to
    .split('/')
    .slice(0, to.startsWith('@') ? 2 : 1)
    .join('/');
}

export function isSource(to: string): boolean {
  return rooms.some((room) => to.startsWith(`${room}/`));
}

export function show(edges: readonly Import[]): string[] {
  return edges.map((edge) => `${relative('.', edge.from)} -> ${edge.to}`);
}
