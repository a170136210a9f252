/** What an import in a compiled module names. */
import { isBuiltin } from 'node:module';
import path from 'node:path';
import ts from 'typescript';

export const isImportCall = (node: ts.Node): node is ts.CallExpression =>
  ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;

export const isRelative = (specifier: string): boolean => specifier.startsWith('.');

export const isPackage = (specifier: string): boolean => !isRelative(specifier) && !isBuiltin(specifier);

/** `@scope/name/file` -> `@scope/name`. */
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** The path below dist of one of our modules, or the name of a package. */
export const targetOf = (importer: string, specifier: string): string =>
  isRelative(specifier) ? path.posix.join(path.posix.dirname(importer), specifier) : packageOf(specifier);
