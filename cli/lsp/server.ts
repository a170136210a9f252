/** The language server: answers an editor from the language's own checker, on text that need not be saved. */
import {
  CodeActionKind,
  CompletionItemKind,
  createConnection,
  ErrorCodes,
  ResponseError,
  TextDocuments,
  TextDocumentSyncKind,
  type CompletionItem,
  type Connection,
  type InitializeResult,
  type Position,
  type Range,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { KindRegistry } from '../../runner/contract.js';
import { completeAt, type Completion } from '../../runner/editor/complete.js';
import { hoverAt } from '../../runner/editor/hover.js';
import { definitionsAt, referencesAt, rename, renameable } from '../../runner/editor/symbols.js';
import type { Outline } from '../../runner/language/index.js';
import type { Diagnostic } from '../../runner/pipeline.js';
import { toActions, toDiagnostic, toPoint, toRange } from './convert.js';
import { Files, type Checked } from './files.js';
import { symbolsOf } from './symbols.js';

export interface ServeOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly registry: KindRegistry;
}

/** Milliseconds of quiet after which a text is checked. */
const quiet = 150;

const capabilities: InitializeResult = {
  capabilities: {
    textDocumentSync: TextDocumentSyncKind.Incremental,
    hoverProvider: true,
    definitionProvider: true,
    referencesProvider: true,
    documentSymbolProvider: true,
    renameProvider: { prepareProvider: true },
    completionProvider: { triggerCharacters: ['$', '.', '(', '=', ' '] },
    codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
  },
  serverInfo: { name: 'moft' },
};

/** Serves until the editor says exit. */
export function serve({ input, output, registry }: ServeOptions): Promise<void> {
  const connection = createConnection(input, output);
  const documents = new TextDocuments(TextDocument);
  const files = new Files(registry);
  const checked = (uri: string): Checked | undefined => {
    const document = documents.get(uri);
    return document && files.of(document);
  };
  connection.onInitialize(() => capabilities);
  publishDiagnostics(connection, documents, files);
  answer(connection, checked, registry);
  const ended = new Promise<void>((resolve) => connection.onExit(resolve));
  documents.listen(connection);
  connection.listen();
  return ended;
}

const findingsOf = (file: Checked | undefined): readonly Diagnostic[] =>
  file === undefined ? [] : [...file.analysis.diagnostics, ...file.analysis.warnings];

/** Checks a text once typing pauses; a text that has changed meanwhile is left to the next check. */
function publishDiagnostics(
  connection: Connection,
  documents: TextDocuments<TextDocument>,
  files: Files,
): void {
  const waiting = new Map<string, NodeJS.Timeout>();
  const publish = (document: TextDocument): void => {
    const { uri, version } = document;
    waiting.delete(uri);
    try {
      const found = findingsOf(files.of(document));
      void connection.sendDiagnostics({
        uri,
        version,
        diagnostics: found.map((one) => toDiagnostic(one, uri)),
      });
    } catch (error) {
      const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
      connection.console.error(`internal error; please report it with what follows\n${told}`);
    }
  };
  documents.onDidChangeContent(({ document }) => {
    clearTimeout(waiting.get(document.uri));
    waiting.set(document.uri, setTimeout(publish, document.version === 1 ? 0 : quiet, document));
  });
  documents.onDidClose(({ document: { uri } }) => {
    clearTimeout(waiting.get(uri));
    waiting.delete(uri);
    files.forget(uri);
    void connection.sendDiagnostics({ uri, diagnostics: [] });
  });
}

interface At {
  readonly textDocument: { readonly uri: string };
  readonly position: Position;
}

function answer(
  connection: Connection,
  checked: (uri: string) => Checked | undefined,
  registry: KindRegistry,
): void {
  const outlineOf = ({ textDocument }: Pick<At, 'textDocument'>): Outline | undefined =>
    checked(textDocument.uri)?.outline;
  const locations = (uri: string, places: readonly Parameters<typeof toRange>[0][]) =>
    places.map((place) => ({ uri, range: toRange(place) }));

  connection.onHover((at) => {
    const outline = outlineOf(at);
    const hover = outline && hoverAt(outline, registry, toPoint(at.position));
    return hover && { contents: { kind: 'markdown', value: hover.markdown }, range: toRange(hover.place) };
  });
  connection.onDefinition((at) => {
    const outline = outlineOf(at);
    return outline && locations(at.textDocument.uri, definitionsAt(outline, toPoint(at.position)));
  });
  connection.onReferences((at) => {
    const outline = outlineOf(at);
    const options = { definitions: at.context.includeDeclaration };
    return outline && locations(at.textDocument.uri, referencesAt(outline, toPoint(at.position), options));
  });
  connection.onDocumentSymbol((at) => {
    const outline = outlineOf(at);
    return outline && symbolsOf(outline);
  });
  connection.onCompletion((at) => {
    const file = checked(at.textDocument.uri);
    if (file?.outline === undefined) return undefined;
    return completeAt(file.outline, file.text, toPoint(at.position)).map((one) => toItem(one, at.position));
  });
  connection.onPrepareRename((at) => {
    const outline = outlineOf(at);
    const name = outline && renameable(outline, toPoint(at.position));
    return name && { range: toRange(name.place), placeholder: name.name };
  });
  connection.onRenameRequest((at): WorkspaceEdit | ResponseError | undefined => {
    const outline = outlineOf(at);
    const places = outline && rename(outline, toPoint(at.position), at.newName);
    if (places?.ok === false) return new ResponseError(ErrorCodes.InvalidParams, places.error);
    const edits = places?.value.map((place) => ({ range: toRange(place), newText: at.newName }));
    return edits && { changes: { [at.textDocument.uri]: edits } };
  });
  connection.onCodeAction(({ textDocument: { uri }, range }) => {
    const found = findingsOf(checked(uri));
    return found.filter((one) => overlap(toRange(one), range)).flatMap((one) => toActions(one, uri));
  });
}

const before = (a: Position, b: Position): boolean =>
  a.line < b.line || (a.line === b.line && a.character <= b.character);
const overlap = (a: Range, b: Range): boolean => before(a.start, b.end) && before(b.start, a.end);

const itemKinds = {
  param: CompletionItemKind.Constant,
  axis: CompletionItemKind.Enum,
  output: CompletionItemKind.Reference,
  selector: CompletionItemKind.EnumMember,
} as const;

function toItem({ text, from, kind, detail, rank }: Completion, to: Position): CompletionItem {
  const start = { line: from.line - 1, character: from.column - 1 };
  return {
    label: text,
    kind: itemKinds[kind],
    detail,
    filterText: text,
    sortText: `${rank}${text}`,
    textEdit: { range: { start, end: to }, newText: text },
  };
}
