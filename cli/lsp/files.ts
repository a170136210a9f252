/** The open files with what is known of them, each version checked once. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { KindRegistry } from '../../runner/contract.js';
import { analyze, type Analysis, type Outline } from '../../runner/language/index.js';

export interface Checked {
  readonly version: number;
  readonly text: string;
  readonly analysis: Analysis;
  readonly outline: Outline | undefined;
}

/**
 * Whether a YAML file is a pipeline: it names our schema in its first line, or has `stages` that are a map. Editors
 * send every YAML file; those of other tools are left alone.
 */
export const isPipeline = (text: string): boolean =>
  /^#.*\$schema=\S*pipeline\.schema\.json/m.test(text) ||
  /^stages:[ \t]*(\{|(#.*)?\r?\n([ \t]*(#.*)?\r?\n)*[ \t]+[a-z][a-z0-9-]*:)/m.test(text);

export class Files {
  readonly #checked = new Map<string, Checked>();

  constructor(private readonly registry: KindRegistry) {}

  /** Undefined for what is no pipeline. */
  of(document: TextDocument): Checked | undefined {
    const known = this.#checked.get(document.uri);
    if (known?.version === document.version) return known;
    const checked = this.#check(document);
    if (checked === undefined) this.#checked.delete(document.uri);
    else this.#checked.set(document.uri, checked);
    return checked;
  }

  forget(uri: string): void {
    this.#checked.delete(uri);
  }

  #check(document: TextDocument): Checked | undefined {
    const text = document.getText();
    if (!isPipeline(text)) return undefined;
    const file = pathOf(document.uri);
    const options = { registry: this.registry, workingFolder: dirname(file), exists: existsSync };
    const analysis = analyze({ file, text }, options);
    return { version: document.version, text, analysis, outline: analysis.outline() };
  }
}

/** Of a file that was never saved, a path that has a folder. */
const pathOf = (uri: string): string =>
  uri.startsWith('file:') ? fileURLToPath(uri) : `/unsaved/${uri.replace(/\W+/g, '-')}`;
