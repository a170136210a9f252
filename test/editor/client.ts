/** An editor's side of the protocol, to a real language server on stdio. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type CompletionItem,
  type CompletionList,
  type Diagnostic,
  type Hover,
  type InitializeResult,
  type MarkupContent,
  type Position,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver/node';

export interface ClientOptions {
  readonly command: readonly [string, ...string[]];
  /** Answers to `workspace/configuration`, by section. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The folder that the editor has open. */
  readonly folder?: string;
}

export class Client {
  readonly connection: ProtocolConnection;
  readonly process: ChildProcess;
  readonly #published = new Map<string, PublishDiagnosticsParams>();
  readonly #listeners = new Set<() => void>();
  readonly #versions = new Map<string, number>();
  readonly #texts = new Map<string, string>();
  stderr = '';

  constructor(private readonly options: ClientOptions) {
    const [program, ...args] = options.command;
    this.process = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdout, stdin, stderr } = this.process;
    if (stdout === null || stdin === null || stderr === null) throw new Error('the server has no pipes');
    stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.connection = createProtocolConnection(
      new StreamMessageReader(stdout),
      new StreamMessageWriter(stdin),
    );
    this.connection.onRequest('workspace/configuration', ({ items }: { items: { section?: string }[] }) =>
      items.map(({ section }) => options.settings?.[section ?? ''] ?? {}),
    );
    this.connection.onRequest('client/registerCapability', () => null);
    this.connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
      this.#published.set(params.uri, params);
      for (const listener of this.#listeners) listener();
      this.#listeners.clear();
    });
    this.connection.listen();
  }

  async initialize(): Promise<InitializeResult> {
    const { folder } = this.options;
    const uri = folder === undefined ? null : pathToFileURL(folder).href;
    const result = await this.connection.sendRequest<InitializeResult>('initialize', {
      processId: process.pid,
      rootUri: uri,
      workspaceFolders: uri === null ? null : [{ uri, name: 'project' }],
      capabilities: {
        workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
        textDocument: {
          hover: { contentFormat: ['markdown', 'plaintext'] },
          completion: { completionItem: { snippetSupport: true, documentationFormat: ['markdown'] } },
          publishDiagnostics: { relatedInformation: true, versionSupport: true },
          codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: ['quickfix'] } } },
          documentSymbol: { hierarchicalDocumentSymbolSupport: true },
        },
      },
    });
    await this.connection.sendNotification('initialized', {});
    return result;
  }

  async open(file: string, text = readFileSync(file, 'utf8')): Promise<string> {
    const uri = pathToFileURL(file).href;
    this.#texts.set(uri, text);
    this.#versions.set(uri, 1);
    await this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'yaml', version: 1, text },
    });
    return uri;
  }

  /** Replaces the whole text, as an editor does that sends no increments. */
  async change(uri: string, text: string): Promise<number> {
    const version = (this.#versions.get(uri) ?? 1) + 1;
    this.#versions.set(uri, version);
    this.#texts.set(uri, text);
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
    return version;
  }

  /** The next diagnostics of a file that pass; those already published count. */
  async diagnostics(
    uri: string,
    wanted: (params: PublishDiagnosticsParams) => boolean = () => true,
  ): Promise<Diagnostic[]> {
    for (;;) {
      const published = this.#published.get(uri);
      if (published !== undefined && wanted(published)) return published.diagnostics;
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  /** Where a piece of the file's text begins, or ends with `after`; `nth` from 0. */
  position(
    uri: string,
    piece: string,
    { after = false, offset = 0 }: { after?: boolean; offset?: number } = {},
  ): Position {
    const text = this.#texts.get(uri) ?? '';
    const at = text.indexOf(piece);
    if (at < 0) throw new Error(`${JSON.stringify(piece)} is not in the text`);
    const before = text.slice(0, at + (after ? piece.length : 0) + offset).split('\n');
    return { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
  }

  request<T>(method: string, uri: string, position: Position, more: object = {}): Promise<T> {
    return this.connection.sendRequest<T>(`textDocument/${method}`, {
      textDocument: { uri },
      position,
      ...more,
    });
  }

  async completions(uri: string, position: Position): Promise<CompletionItem[]> {
    const found = await this.request<CompletionList | CompletionItem[] | null>('completion', uri, position);
    return found === null ? [] : Array.isArray(found) ? found : found.items;
  }

  async hover(uri: string, position: Position): Promise<string> {
    const found = await this.request<Hover | null>('hover', uri, position);
    return found === null ? '' : (found.contents as MarkupContent).value;
  }

  async close(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.process.once('exit', (code) => resolve(code)));
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    const code = await ended;
    this.connection.dispose();
    return code;
  }
}
