/**
 * What of a compiled module can't touch a cell, found in its text and never promised: entries of a table that are not
 * named, and all of a declaration whose `run` only hands its job to its recipe. Where a text has any other form, all of it
 * counts.
 */
import ts from 'typescript';
import type { LoaderTable } from '../runner/plan/code-manifest.js';
import { sha256 } from '../schemas/json.js';
import { isImportCall, isRelative, targetOf } from './imports.js';

/** Functions that are trusted with what they are given; their modules count. */
const byName = { module: 'stages/by-name.js', function: 'byName' } as const;
const defineKind = { module: 'runner/contract.js', function: 'defineKind' } as const;

/**
 * The table of a module that loads others by name: a constant whose entries are all `name: () => import('./x.js')`, and
 * which is used in one way alone, as first argument of `byName`. That learns nothing of other entries but to end in an error.
 *
 * @param name path of the module below dist, with `/`
 */
export function loaderTable(name: string, source: ts.SourceFile): LoaderTable | undefined {
  const tables = source.statements.flatMap((statement) => tableIn(name, statement) ?? []);
  const [table] = tables;
  if (!table || tables.length > 1 || !calls(name, source, byName)) return undefined;
  if (!usesOf(source, table.constant).every((use) => isTableOf(use))) return undefined;
  const { text } = source;
  const rest = `${text.slice(0, table.literal.getStart(source))}{}${text.slice(table.literal.end)}`;
  return { rest: sha256(rest), entries: table.entries };
}

interface Table {
  readonly constant: ts.Identifier;
  readonly literal: ts.ObjectLiteralExpression;
  readonly entries: Readonly<Record<string, string>>;
}

/** Not one that is exported: others could use it. */
function tableIn(name: string, statement: ts.Statement): Table | undefined {
  if (!ts.isVariableStatement(statement) || statement.modifiers) return undefined;
  const [declared, ...others] = statement.declarationList.declarations;
  const literal = declared?.initializer;
  if (!declared || others.length > 0 || !ts.isIdentifier(declared.name)) return undefined;
  if (!literal || !ts.isObjectLiteralExpression(literal) || literal.properties.length === 0) return undefined;
  const entries = literal.properties.map((property) => entryOf(name, property));
  if (!entries.every((entry) => entry !== undefined)) return undefined;
  return { constant: declared.name, literal, entries: Object.fromEntries(entries) };
}

function entryOf(name: string, property: ts.ObjectLiteralElementLike): [string, string] | undefined {
  if (!ts.isPropertyAssignment(property)) return undefined;
  const { name: key, initializer } = property;
  if (!(ts.isIdentifier(key) || ts.isStringLiteral(key)) || key.text === '__proto__') return undefined;
  if (!ts.isArrowFunction(initializer) || initializer.parameters.length > 0 || initializer.modifiers)
    return undefined;
  const target = importedBy(name, initializer.body);
  return target === undefined ? undefined : [key.text, target];
}

/** `import('./x.js')`, announced (announce-imports.ts) or not. */
function importedBy(name: string, node: ts.Node): string | undefined {
  if (ts.isParenthesizedExpression(node)) return importedBy(name, node.expression);
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.CommaToken)
    return isAnnouncement(node.left) ? importedBy(name, node.right) : undefined;
  const [specifier, ...others] = isImportCall(node) ? node.arguments : [];
  if (!specifier || others.length > 0 || !ts.isStringLiteral(specifier)) return undefined;
  return isRelative(specifier.text) ? targetOf(name, specifier.text) : undefined;
}

const isAnnouncement = (node: ts.Node): boolean => node.getText().startsWith('globalThis.moftLoads?.add(');

/** Whether a name is that of our function, wherever it is called, and nothing else is done with it. */
function calls(
  name: string,
  source: ts.SourceFile,
  trusted: { readonly module: string; readonly function: string },
): boolean {
  const own = source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const names = statement.importClause?.namedBindings;
    const elements = names && ts.isNamedImports(names) ? names.elements : [];
    return targetOf(name, statement.moduleSpecifier.text) === trusted.module
      ? elements.filter((element) => element.name.text === trusted.function && !element.propertyName)
      : [];
  });
  const [first] = own;
  const isCalled = (use: ts.Identifier): boolean =>
    ts.isCallExpression(use.parent) && use.parent.expression === use;
  return first !== undefined && usesOf(source, first.name).every(isCalled);
}

/** All mentions of a name but this one; those of others by the same name too, which only makes more count. */
function usesOf(source: ts.SourceFile, declared: ts.Identifier): ts.Identifier[] {
  const uses: ts.Identifier[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && node.text === declared.text && node !== declared) uses.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return uses;
}

function isTableOf(use: ts.Identifier): boolean {
  const call = use.parent;
  return (
    ts.isCallExpression(call) &&
    ts.isIdentifier(call.expression) &&
    call.expression.text === byName.function &&
    call.arguments[0] === use
  );
}

/**
 * The recipe of a declaration, stages/kinds/<name>.run.js, where all that `run` does is to load it and to hand on what it
 * was given itself: the declaration then decides nothing that its preimage does not hold. Undefined for any other form.
 */
export function recipeOf(name: string, source: ts.SourceFile): string | undefined {
  if (!/^stages\/kinds\/[^/]+(?<!\.run)\.js$/.test(name)) return undefined;
  const [kind, ...others] = source.statements.flatMap((statement) => declaredKind(statement) ?? []);
  if (!kind || others.length > 0 || !calls(name, source, defineKind)) return undefined;
  const place = kind.properties.findIndex((property) => property.name?.getText() === 'run');
  const run = kind.properties[place];
  if (!run || !ts.isPropertyAssignment(run) || !kind.properties.slice(place + 1).every(isOther))
    return undefined;
  const target = handsOn(name, run.initializer);
  return target === name.replace(/\.js$/, '.run.js') ? target : undefined;
}

/** The last `run` is the one: what is spread after it, or named by more than a word, could bring another. */
const isOther = ({ name }: ts.ObjectLiteralElementLike): boolean =>
  name !== undefined && ts.isIdentifier(name) && name.text !== 'run';

/** `export default defineKind({...})` */
function declaredKind(statement: ts.Statement): ts.ObjectLiteralExpression | undefined {
  if (!ts.isExportAssignment(statement) || !ts.isCallExpression(statement.expression)) return undefined;
  const { expression, arguments: given } = statement.expression;
  const [kind] = given;
  const named = ts.isIdentifier(expression) && expression.text === defineKind.function;
  return named && kind && ts.isObjectLiteralExpression(kind) ? kind : undefined;
}

/** `async (job, emit, signal, {a}) => (await import('./x.run.js')).run(job, {emit, signal, a})` */
function handsOn(name: string, node: ts.Expression): string | undefined {
  if (!ts.isArrowFunction(node) || !ts.isCallExpression(node.body)) return undefined;
  const given = node.parameters.flatMap(namesOf);
  const { expression, arguments: handed } = node.body;
  if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== 'run') return undefined;
  if (given.includes(undefined) || !handed.every((argument) => isGiven(argument, given))) return undefined;
  const [first] = node.parameters;
  if (!handed[0] || handed[0].getText() !== first?.name.getText()) return undefined;
  const loaded = ts.isParenthesizedExpression(expression.expression) && expression.expression.expression;
  return loaded && ts.isAwaitExpression(loaded) ? importedBy(name, loaded.expression) : undefined;
}

/** Names that a parameter binds, as they are and without defaults; undefined among them where it binds otherwise. */
function namesOf({ name, initializer, dotDotDotToken }: ts.ParameterDeclaration): (string | undefined)[] {
  if (initializer || dotDotDotToken) return [undefined];
  if (ts.isIdentifier(name)) return [name.text];
  if (!ts.isObjectBindingPattern(name)) return [undefined];
  return name.elements.map((element) =>
    ts.isIdentifier(element.name) && !element.propertyName && !element.initializer && !element.dotDotDotToken
      ? element.name.text
      : undefined,
  );
}

function isGiven(argument: ts.Expression, given: readonly (string | undefined)[]): boolean {
  if (ts.isIdentifier(argument)) return given.includes(argument.text);
  return (
    ts.isObjectLiteralExpression(argument) &&
    argument.properties.every(
      (property) => ts.isShorthandPropertyAssignment(property) && given.includes(property.name.text),
    )
  );
}
