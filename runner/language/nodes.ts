import type { Json } from '../../schemas/json.js';
import { withoutLogin } from '../login.js';
import type { Place } from '../pipeline.js';

/**
 * The Document: YAML as located nodes. `place` is where the literal is written, `uses` the references that brought
 * it to where it stands now (nearest first). `broken` is what an error has been reported for: whoever meets it
 * keeps silent. `reference` exists after `resolve` only.
 */
export type Node = ScalarNode | ListNode | MapNode | ReferenceNode | BrokenNode;

export interface Located {
  readonly place: Place;
  readonly uses: readonly Place[];
  /** What chose the value where the file alone would not: `preset small`, `ablation half-steps`. */
  readonly via?: string;
}
export interface ScalarNode extends Located {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** A plain (unquoted) scalar as it is written; undefined for quoted and block text. */
  readonly plain?: string;
}
export interface ListNode extends Located {
  readonly kind: 'list';
  readonly items: readonly Node[];
}
export interface MapNode extends Located {
  readonly kind: 'map';
  readonly entries: readonly Entry[];
  /** It brings in keys that an error leaves unknown: none can be called missing. */
  readonly partial?: true;
}
export interface Entry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: Node;
}
export interface ReferenceNode extends Located {
  readonly kind: 'reference';
  readonly reference: StageReference;
}
export type Selector =
  | { readonly kind: 'pick'; readonly axis: string; readonly value: string }
  | { readonly kind: 'gather'; readonly axis: string }
  | { readonly kind: 'gather-all' };

/** `$stage(selectors).output` */
export interface StageReference {
  readonly kind: 'stage';
  readonly stage: string;
  readonly selectors: readonly Selector[];
  readonly output: string;
  /** As written. */
  readonly text: string;
}

export interface BrokenNode extends Located {
  readonly kind: 'broken';
}

export const brokenAt = (place: Place): BrokenNode => ({ kind: 'broken', place, uses: [] });

export function entryOf(node: Node | undefined, key: string): Entry | undefined {
  return node?.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined;
}

/** The children of a list or a map, in order. */
export function childrenOf(node: Node): readonly Node[] {
  if (node.kind === 'list') return node.items;
  return node.kind === 'map' ? node.entries.map((entry) => entry.value) : [];
}

/** The nodes of a tree, itself first. */
export function* everyNode(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) yield* everyNode(child);
}

export function contains(node: Node, kind: Node['kind']): boolean {
  if (kind === 'broken' && node.kind === 'map' && node.partial) return true;
  return node.kind === kind || childrenOf(node).some((child) => contains(child, kind));
}

/** The same node seen through one more reference, which `place` is the place of. */
export function usedAt<N extends Node>(node: N, place: Place): N {
  const uses = [place, ...node.uses];
  if (node.kind === 'list') return { ...node, uses, items: node.items.map((item) => usedAt(item, place)) };
  if (node.kind !== 'map') return { ...node, uses };
  const entries = node.entries.map((entry) => ({ ...entry, value: usedAt(entry.value, place) }));
  return { ...node, uses, entries };
}

/** The same tree, saying what chose it. */
export function chosenBy<N extends Node>(node: N, via: string): N {
  if (node.kind === 'list') return { ...node, via, items: node.items.map((item) => chosenBy(item, via)) };
  if (node.kind !== 'map') return { ...node, via };
  const entries = node.entries.map((entry) => ({ ...entry, value: chosenBy(entry.value, via) }));
  return { ...node, via, entries };
}

/** Plain JSON of a node without references and broken parts; those are left out. */
export function toJson(node: Node): Json | undefined {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(toJson).filter((item) => item !== undefined);
    case 'map':
      return Object.fromEntries(
        node.entries.flatMap((entry) => {
          const value = toJson(entry.value);
          return value === undefined ? [] : [[entry.key, value] as const];
        }),
      );
    case 'reference':
    case 'broken':
      return undefined;
  }
}

/** What stands here, in words, for "found ..." in a message. */
export function describeNode(node: Node): string {
  switch (node.kind) {
    case 'scalar':
      return describeScalar(node.value);
    case 'list':
      return node.items.length === 0 ? 'an empty list' : `a list of ${String(node.items.length)}`;
    case 'map':
      return node.entries.length === 0
        ? 'an empty map'
        : `a map with ${listed(node.entries.map((entry) => `\`${entry.key}\``))}`;
    case 'reference':
      return `the reference \`${node.reference.text}\``;
    case 'broken':
      return 'something broken';
  }
}

export function describeScalar(value: Json): string {
  if (value === null) return 'nothing (null)';
  if (typeof value === 'string')
    return `the text ${quoted(value.includes('://') ? withoutLogin(value) : value)}`;
  if (typeof value === 'number') return `the number ${String(value)}`;
  if (typeof value === 'boolean') return `\`${String(value)}\``;
  return Array.isArray(value) ? 'a list' : 'a map';
}

/** Text in double quotes, long ones cut. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

/** `a`, `a and b`, `a, b and c`; beyond `most` the rest is counted. */
export function listed(names: readonly string[], word = 'and', most = 12): string {
  if (names.length > most)
    return `${names.slice(0, most).join(', ')} ${word} ${String(names.length - most)} more`;
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${word} ${last}`;
}
