import type { Place } from '../pipeline.js';
import type { Draft } from './draft.js';
import { type Entry, entryOf, type Node, type ScalarNode } from './nodes.js';
import { parseReference, type Reference } from './reference.js';
import { itemSchema, type JsonSchema, propertySchema } from './schema.js';

/** A place where a name stands: where it is given, or where it is used. */
export interface NameUse {
  readonly kind: 'stage' | 'param' | 'axis' | 'output';
  readonly name: string;
  readonly place: Place;
  readonly defines: boolean;
  /** The stage whose axis or output it is. */
  readonly stage?: string;
}

/** A scalar that is a reference. */
export interface ReferenceUse {
  readonly place: Place;
  readonly text: string;
  readonly reference: Exclude<Reference, { readonly kind: 'text' }>;
  /** The stage that it stands in. */
  readonly stage?: string;
}

export interface Names {
  readonly uses: readonly NameUse[];
  readonly references: readonly ReferenceUse[];
}

/** Every name and every reference of a file with its place, whatever is wrong with it. */
export function findNames(root: Node, draft: Draft): Names {
  const finder = new Finder(draft);
  finder.file(root);
  return finder;
}

class Finder implements Names {
  readonly uses: NameUse[] = [];
  readonly references: ReferenceUse[] = [];

  constructor(private readonly draft: Draft) {}

  file(root: Node): void {
    for (const { key, keyPlace } of entriesOf(entryOf(root, 'params')?.value))
      this.#param(key, keyPlace, true);
    for (const { value } of entriesOf(entryOf(root, 'presets')?.value))
      for (const { key, keyPlace } of entriesOf(value)) this.#param(key, keyPlace, false);
    for (const entry of entriesOf(entryOf(root, 'stages')?.value)) this.#stage(entry);
    for (const { key, keyPlace, value } of entriesOf(entryOf(root, 'ablations')?.value)) {
      this.#add({ kind: 'stage', name: key, place: keyPlace, defines: false });
      this.#walk(value, key, undefined);
    }
    const told = ['params', 'presets', 'stages', 'ablations', 'description'];
    for (const { key, value } of entriesOf(root))
      if (!told.includes(key)) this.#walk(value, undefined, undefined);
  }

  #stage({ key: name, keyPlace, value }: Entry): void {
    this.#add({ kind: 'stage', name, place: keyPlace, defines: true });
    const kind = this.draft.stages.find((stage) => stage.name === name)?.kind;
    for (const { key, value: part } of entriesOf(value)) {
      if (key === 'needs') this.#needs(part);
      else if (key === 'matrix') this.#matrix(part, name);
      else if (key === 'with') this.#walk(part, name, kind?.with as JsonSchema | undefined);
      else if (key !== 'uses') this.#walk(part, name, undefined);
    }
  }

  #needs(node: Node): void {
    for (const item of node.kind === 'list' ? node.items : [])
      if (item.kind === 'scalar' && typeof item.value === 'string')
        this.#token(item, item.value, 0, { kind: 'stage', name: item.value });
  }

  #matrix(node: Node, stage: string): void {
    for (const { key, keyPlace, value } of entriesOf(node)) {
      if (key === 'zip') this.#matrix(value, stage);
      else if (key === 'exclude') this.#exclude(value, stage);
      else {
        this.#add({ kind: 'axis', name: key, place: keyPlace, defines: true, stage });
        this.#walk(value, stage, undefined);
      }
    }
  }

  #exclude(node: Node, stage: string): void {
    for (const item of node.kind === 'list' ? node.items : [])
      for (const { key, keyPlace } of entriesOf(item))
        this.#add({ kind: 'axis', name: key, place: keyPlace, defines: false, stage });
  }

  #walk(node: Node, stage: string | undefined, schema: JsonSchema | undefined): void {
    if (schema?.raw === true) return;
    if (node.kind === 'list')
      for (const [index, item] of node.items.entries()) this.#walk(item, stage, itemSchema(schema, index));
    for (const { key, value } of entriesOf(node)) this.#walk(value, stage, propertySchema(schema, key));
    if (node.kind === 'scalar' && typeof node.value === 'string' && node.value.startsWith('$'))
      this.#reference(node, node.value, stage);
  }

  #reference(node: ScalarNode, text: string, stage: string | undefined): void {
    const parsed = parseReference(text);
    if (!parsed.ok || parsed.value.kind === 'text') return;
    const reference = parsed.value;
    this.references.push({ place: node.place, text, reference, ...(stage === undefined ? {} : { stage }) });
    if (reference.kind === 'stage') this.#stageReference(node, text, reference.stage, reference.output);
    else if (reference.kind === 'params')
      this.#token(node, text, '$params.'.length, { kind: 'param', name: reference.name });
    else {
      const axis = { kind: 'axis', name: reference.name, ...(stage === undefined ? {} : { stage }) } as const;
      this.#token(node, text, '$matrix.'.length, axis);
    }
  }

  #stageReference(node: ScalarNode, text: string, stage: string, output: string): void {
    this.#token(node, text, 1, { kind: 'stage', name: stage });
    for (const { 1: axis = '', index } of text.matchAll(/(?<=[( ])([a-z][\w-]*)=/g))
      this.#token(node, text, index, { kind: 'axis', name: axis, stage });
    this.#token(node, text, text.length - output.length, { kind: 'output', name: output, stage });
  }

  /** A name inside of a scalar; left out where its place can't be told (escapes, several lines). */
  #token(node: ScalarNode, text: string, from: number, use: Omit<NameUse, 'place' | 'defines'>): void {
    const { line, endLine, column, endColumn, file } = node.place;
    const quotes = node.plain === undefined ? 1 : 0;
    if (line !== endLine || endColumn - column !== text.length + 2 * quotes) return;
    const start = column + quotes + from;
    const place = { file, line, column: start, endLine: line, endColumn: start + use.name.length };
    this.#add({ ...use, place, defines: false });
  }

  #param(name: string, place: Place, defines: boolean): void {
    this.#add({ kind: 'param', name, place, defines });
  }

  #add(use: NameUse): void {
    this.uses.push(use);
  }
}

const entriesOf = (node: Node | undefined): readonly Entry[] => (node?.kind === 'map' ? node.entries : []);
