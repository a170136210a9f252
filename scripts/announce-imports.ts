/**
 * Makes compiled modules say which modules they import on demand, so that a worker can report what its cell loaded.
 * Node tells nobody: it keeps what was imported once, and the next cell of a warm worker would import it unseen.
 */
import ts from 'typescript';
import { isImportCall, isPackage, isRelative, targetOf } from './imports.js';

/** What a module that was announced before has in it. */
const mark = 'globalThis.moftLoads';

/**
 * The text of a module, with each `import('./x.js')` as `(globalThis.moftLoads?.add("stages/x.js"), import('./x.js'))`.
 *
 * @param name its path below dist, with `/`
 */
export function announceImports(name: string, text: string): string {
  if (text.includes(mark)) return text;
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.JS);
  const calls: { readonly start: number; readonly end: number; readonly target: string }[] = [];
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    const [specifier] = isImportCall(node) ? node.arguments : [];
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    if (!isRelative(specifier.text) && !isPackage(specifier.text)) return; // comes with Node
    calls.push({ start: node.getStart(source), end: node.end, target: targetOf(name, specifier.text) });
  };
  visit(source);
  // From the last to the first, so that places before it stay true.
  return calls.reduceRight(
    (changed, { start, end, target }) =>
      `${changed.slice(0, start)}(${mark}?.add(${JSON.stringify(target)}), ${changed.slice(start, end)})${changed.slice(end)}`,
    text,
  );
}
