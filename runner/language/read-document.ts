import {
  type Alias,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Fix, Place } from '../pipeline.js';
import { cutReferences, type CutReference } from './cut-references.js';
import { type CutNumber, cutNumbers } from './cut-numbers.js';
import type { Diagnostics, Finding } from './diagnostics.js';
import { writing } from './edits.js';
import { isMergeKey, mergeFinding, sharedEntries, usedBy, withMerged, writtenOut } from './merge-key.js';
import { nearest } from './nearest.js';
import { brokenAt, type Entry, type Node, type ScalarNode } from './nodes.js';
import type { Source } from './options.js';
import { commaFinding } from './reference.js';
import { isNothing, isNull, plainText } from './nothing.js';
import { checkedText, plainScalar } from './scalars.js';
import { parseSyntax, type Reading, type Syntax } from './syntax.js';

/** Most aliases of a document, those inside what an alias stands for counted each time. */
export const mostAliases = 1000;

/** Text to located nodes; what the language refuses of YAML is reported and left as `broken`. */
export function readDocument(
  source: Source,
  diagnostics: Diagnostics,
  reading: Reading = { loose: false },
): Node | undefined {
  const syntax = parseSyntax(source, diagnostics, reading);
  if (syntax === undefined) return undefined;
  return new Reader(syntax, diagnostics).read();
}

/** Where a node stands, as far as null matters: it is a value as the default of a param only. */
type Where = 'root' | 'params' | 'param' | 'elsewhere';
const inside = (where: Where, key: string): Where =>
  where === 'root' && key === 'params' ? 'params' : where === 'params' ? 'param' : 'elsewhere';

type Real = Scalar | YAMLMap | YAMLSeq;
const isReal = (node: unknown): node is Real => isScalar(node) || isMap(node) || isSeq(node);

class Reader {
  /** Anchors met so far, with the number of aliases inside; `open` while their own node is being read. */
  readonly #anchors = new Map<string, { node: Node; aliases: number } | 'open'>();
  #aliases = 0;
  /** First entries of keys that were reported to stand twice: once is enough, however often they stand there. */
  readonly #repeated = new Set<Entry>();

  constructor(
    private readonly syntax: Syntax,
    private readonly diagnostics: Diagnostics,
  ) {}

  read(): Node {
    const start = this.syntax.placeOf(0, 1);
    if (!isNothing(this.syntax.root)) return this.#node(this.syntax.root, start, 'root');
    return this.#broken(start, {
      code: 'empty-file',
      message: 'the file is empty',
      hint: 'begin it with `name: my-experiment` and `stages:`',
    });
  }

  #node(node: unknown, fallback: Place, where: Where): Node {
    const place = this.#place(node) ?? fallback;
    if (this.syntax.broken.has(node)) return brokenAt(place);
    if (isAlias(node)) return this.#alias(node, place);
    if (!isReal(node)) return this.#null(fallback, where);
    if (node.tag !== undefined) return this.#tagged(node, place);
    if (node.anchor === undefined) return this.#value(node, place, fallback, where);
    return this.#anchored(node.anchor, place, () => this.#value(node, place, fallback, where));
  }

  #value(node: Real, place: Place, fallback: Place, where: Where): Node {
    if (isScalar(node)) return this.#scalar(node, place, fallback, where);
    if (isMap(node)) return this.#map(node, place, where);
    return { kind: 'list', place, uses: [], items: this.#items(node, place) };
  }

  #scalar(node: Scalar, place: Place, fallback: Place, where: Where): Node {
    const plain = node.type === 'PLAIN' ? (node.source ?? '') : undefined;
    const value = plain === undefined ? checkedText(String(node.value)) : plainScalar(plain);
    if (!value.ok) return this.#broken(place, value.error);
    if (value.value === null) return this.#null(plain === '' ? fallback : place, where);
    return scalar(value.value, place, plain);
  }

  #null(place: Place, where: Where): Node {
    if (where === 'param') return scalar(null, place);
    return this.#broken(place, nullValue);
  }

  #tagged(node: Real, place: Place): Node {
    const tag = (node.tag ?? '').replace(/^tag:yaml\.org,2002:/, '!!');
    return this.#broken(this.#tagPlace(node) ?? place, {
      code: 'tag',
      message: `the tag \`${tag}\` is not part of the language`,
      hint: tag === '!!str' ? 'remove it, and put the value in quotes' : 'remove it',
      fixes: [this.#untagged(node, tag)],
    });
  }

  #untagged(node: Real, tag: string): Fix | undefined {
    const from = this.#tagPlace(node);
    const to = this.#place(node);
    if (from === undefined || to === undefined || isMap(node) || isSeq(node)) return undefined;
    const source = plainText(node);
    const value = this.syntax.text.slice(...(node.range?.slice(0, 2) ?? []));
    const text = tag === '!!str' && source !== undefined ? JSON.stringify(source) : value;
    const place = { ...from, endLine: to.endLine, endColumn: to.endColumn };
    return writing(place, text, text === value ? 'remove the tag' : `write \`${text}\``);
  }

  /** A tag stands before its node. */
  #tagPlace(node: Real): Place | undefined {
    const from = this.syntax.text.lastIndexOf('!', node.range?.[0] ?? 0);
    const word = /^[^\s]*/.exec(this.syntax.text.slice(from))?.[0] ?? '';
    const begin = this.syntax.text.slice(0, from).endsWith('!') ? from - 1 : from;
    return from < 0 ? undefined : this.syntax.placeOf(begin, from + word.length);
  }

  #anchored(anchor: string, place: Place, read: () => Node): Node {
    if (this.#anchors.has(anchor))
      return this.#broken(place, {
        code: 'anchor-redefined',
        message: `the anchor \`&${anchor}\` is defined twice`,
        hint: 'give each anchor a name of its own',
      });
    this.#anchors.set(anchor, 'open');
    const before = this.#aliases;
    const node = read();
    this.#anchors.set(anchor, { node, aliases: this.#aliases - before });
    return node;
  }

  #alias(alias: Alias, place: Place): Node {
    const anchor = this.#anchors.get(alias.source);
    if (anchor === undefined)
      return this.#broken(place, {
        code: 'unknown-anchor',
        message: `no anchor \`&${alias.source}\` is defined before this alias`,
        ...this.#meantAnchor(alias.source),
      });
    if (anchor === 'open')
      return this.#broken(place, {
        code: 'cyclic-anchor',
        message: `the anchor \`&${alias.source}\` contains itself`,
      });
    this.#aliases += 1 + anchor.aliases;
    if (this.#aliases <= mostAliases) return { ...anchor.node, uses: [place, ...anchor.node.uses] };
    this.#aliases = Infinity;
    return this.#broken(this.syntax.placeOf(0, 1), {
      code: 'too-many-aliases',
      message: `the aliases of this file stand for more than ${String(mostAliases)} values`,
      hint: 'write params instead of anchors',
    });
  }

  #meantAnchor(name: string): Pick<Finding, 'hint' | 'instead'> {
    const near = nearest(name, this.#anchors.keys());
    if (near !== undefined) return { hint: `did you mean \`*${near}\`?`, instead: `*${near}` };
    return { hint: 'quote text that begins with `*`', instead: JSON.stringify(`*${name}`) };
  }

  #items(list: YAMLSeq, place: Place): Node[] {
    const { kept, cut } = cutReferences(list.flow === true ? list.items : [], (item) => ({
      begin: plainText(item),
      end: plainText(item),
    }));
    const cuts = new Map(cut.map((one) => [one.item, one]));
    return (list.flow === true ? kept : list.items).map((item) => {
      const found = cuts.get(item);
      return found === undefined
        ? this.#item(item, place)
        : this.#cut(found, this.#span(item, found.last) ?? place);
    });
  }

  #item(item: unknown, place: Place): Node {
    if (isNull(item)) {
      const at = this.#place(item) ?? place;
      const fix = this.#place(item) && this.diagnostics.edit.removeItem(at, 'remove the item');
      return this.#broken(at, { ...nullValue, hint: 'give a value, or remove the item', fixes: [fix] });
    }
    if (!isPair(item)) return this.#node(item, place, 'elsewhere');
    const at = this.#span(item.key, item.value);
    return this.#broken(at ?? place, {
      code: 'pair-in-list',
      message: 'a list has items, not keys with values',
      hint: 'write `{key: value}` for a map',
      instead: at === undefined ? undefined : `{${this.diagnostics.edit.textOf(at)}}`,
    });
  }

  /** Keys that are merged are refused, and read nevertheless: so that none of them is missed. */
  #map(map: YAMLMap, place: Place, where: Where): Node {
    const own = this.#entries(map, where);
    const merged = map.items.filter(({ key }) => isMergeKey(key)).map((pair) => this.#merge(map, pair));
    const partial = merged.includes(undefined);
    if (partial && own.length === 0) return brokenAt(place);
    const entries = withMerged(own, merged);
    return { kind: 'map', place, uses: [], entries, ...(partial ? { partial } : {}) };
  }

  /** Reports a merge key; what it stands for, where that is known. */
  #merge(map: YAMLMap, { key, value }: Pair): readonly Entry[] | undefined {
    const at = this.#place(key) ?? this.syntax.placeOf(0, 1);
    const known = !isAlias(value) || this.#anchors.has(value.source);
    const shared = known ? sharedEntries(this.#node(value, at, 'elsewhere')) : undefined;
    const entry = { key: '<<', keyPlace: at, value: brokenAt(this.#place(value) ?? at) };
    const fixes = shared && isAlias(value) ? [this.#writtenOut(map, entry, shared)] : [];
    this.diagnostics.report(at, { ...mergeFinding, fixes });
    return shared && isAlias(value) ? usedBy(shared, entry.value.place) : shared;
  }

  #writtenOut(map: YAMLMap, merge: Entry, shared: readonly Entry[]): Fix | undefined {
    const fix = writtenOut(map, merge, shared, this.diagnostics.edit);
    return fix === 'nothing' ? this.#removal(map, merge) : fix;
  }

  #entries(map: YAMLMap, where: Where): Entry[] {
    const numbers = cutNumbers(map.flow === true ? map.items : [], this.syntax.text);
    const { kept, cut } = cutReferences(numbers.kept, (pair) => ({
      begin: plainText(pair.value),
      end: plainText(pair.key),
    }));
    const cuts = new Map(cut.map((one) => [one.item, one]));
    const cutNumber = new Map(numbers.cut.map((one) => [one.pair, one]));
    const seen = new Map<string, Entry>();
    return (map.flow === true ? kept : map.items).flatMap((pair) => {
      const key = this.#key(pair, { map, seen });
      if (key === undefined) return [];
      const number = cutNumber.get(pair);
      if (number !== undefined) return [{ ...key, value: this.#decimalComma(number) }];
      const entry = this.#missingSpace(pair, key);
      return [entry ?? { ...key, value: this.#pairValue(pair, { map, where, cut: cuts.get(pair) }, key) }];
    });
  }

  #decimalComma({ from, to, mended }: CutNumber): Node {
    return this.#broken(this.syntax.placeOf(from, to), {
      code: 'decimal-comma',
      message: 'a comma ends a value here, so it cuts this number in two',
      hint: `write \`${mended}\``,
      instead: mended,
    });
  }

  /** `{rank:4}` is the key `rank:4` without a value, for YAML; the key that was meant is kept, with a broken value. */
  #missingSpace(pair: Pair, { key, keyPlace }: Key): Entry | undefined {
    const [, name, value] = /^([^\s:]+):([^\s:]+)$/.exec(key) ?? [];
    if (!isNothing(pair.value) || name === undefined || value === undefined) return undefined;
    const finding = {
      code: 'missing-space',
      message: `\`${key}\` is a key without a value`,
      hint: `write \`${name}: ${value}\``,
      instead: `${name}: ${value}`,
    };
    return { key: name, keyPlace, value: this.#broken(keyPlace, finding) };
  }

  #pairValue(
    pair: Pair,
    { map, where, cut }: { map: YAMLMap; where: Where; cut: CutReference<Pair> | undefined },
    { key, keyPlace }: Key,
  ): Node {
    if (cut !== undefined) return this.#cut(cut, this.#span(pair.value, cut.last.key) ?? keyPlace);
    if (isNull(pair.value) && inside(where, key) !== 'param') {
      const place = this.#place(pair.value) ?? keyPlace;
      const at = plainText(pair.value) === '' ? keyPlace : place;
      return this.#broken(at, { ...nullValue, fixes: [this.#removal(map, this.#asEntry(pair, keyPlace))] });
    }
    return this.#node(pair.value, keyPlace, inside(where, key));
  }

  /** A pair as an entry, for the edits that take it away. */
  #asEntry(pair: Pair, keyPlace: Place): Entry {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    return { key, keyPlace, value: brokenAt(this.#place(pair.value) ?? keyPlace) };
  }

  #removal(map: YAMLMap, entry: Entry, title?: string): Fix | undefined {
    const place = this.#place(map);
    return place && this.diagnostics.edit.remove({ place, entries: map.items }, entry, title);
  }

  /** The key of a pair, or undefined where it is refused; the value goes unread then. */
  #key(pair: Pair, { map, seen }: { map: YAMLMap; seen: Map<string, Entry> }): Key | undefined {
    const node = pair.key;
    if (this.syntax.broken.has(node) || isMergeKey(node)) return undefined;
    const keyPlace = this.#place(node) ?? this.#place(pair.value) ?? this.syntax.placeOf(0, 1);
    const finding = refuseKey(node);
    const key = isScalar(node) ? (node.type === 'PLAIN' ? (node.source ?? '') : String(node.value)) : '';
    const before = finding === undefined ? seen.get(key) : undefined;
    if (before !== undefined && this.#repeated.has(before)) return undefined;
    const entry = this.#asEntry(pair, keyPlace);
    if (finding === undefined && before === undefined) {
      seen.set(key, entry);
      return { key, keyPlace };
    }
    if (before !== undefined) this.#repeated.add(before);
    const found = finding ?? duplicateKey(key, before?.keyPlace);
    const fixes =
      before === undefined
        ? []
        : [
            this.#removal(map, entry, `remove the second \`${key}\``),
            this.#removal(map, before, `remove the first \`${key}\``),
          ];
    this.diagnostics.report(keyPlace, { ...found, fixes });
    return undefined;
  }

  #cut(cut: CutReference<unknown>, place: Place): Node {
    const selectors = /\(([^()]*)\)/.exec(cut.mended)?.[1] ?? '';
    const finding = commaFinding(selectors, cut.mended);
    if (finding.code !== 'selector-comma') return this.#broken(place, finding);
    return this.#broken(place, {
      code: 'selector-comma',
      message: 'a comma ends a value here, so it cuts this reference in two',
      hint: `separate selectors by spaces: \`${cut.mended}\``,
      instead: cut.mended,
    });
  }

  #broken(place: Place, finding: Finding): Node {
    this.diagnostics.report(place, finding);
    return brokenAt(place);
  }

  /** From the begin of one node to the end of another. */
  #span(first: unknown, last: unknown): Place | undefined {
    const [from, to] = [this.#place(first), this.#place(last)];
    return from && { ...from, endLine: (to ?? from).endLine, endColumn: (to ?? from).endColumn };
  }

  #place(node: unknown): Place | undefined {
    if (!isReal(node) && !isAlias(node)) return undefined;
    return node.range === null || node.range === undefined
      ? undefined
      : this.syntax.placeOf(node.range[0], node.range[1]);
  }
}

interface Key {
  readonly key: string;
  readonly keyPlace: Place;
}

const scalar = (value: ScalarNode['value'], place: Place, plain?: string): ScalarNode => ({
  kind: 'scalar',
  place,
  uses: [],
  value,
  ...(plain === undefined ? {} : { plain }),
});

const nullValue: Finding = {
  code: 'null-value',
  message: 'a value is missing: null has no meaning here',
  hint: 'give a value, or remove the key',
};

function refuseKey(node: unknown): Finding | undefined {
  if (isAlias(node) || isMap(node) || isSeq(node))
    return {
      code: 'key-not-text',
      message: `a key must be plain text, found ${isAlias(node) ? 'an alias' : isMap(node) ? 'a map' : 'a list'}`,
    };
  if (!isScalar(node) || isNothing(node))
    return { code: 'key-missing', message: 'a key is missing before this `:`', hint: 'write `key: value`' };
  if (node.tag !== undefined)
    return { code: 'tag', message: 'tags are not part of the language', hint: 'remove it' };
  const text = checkedText(String(node.value));
  return text.ok ? undefined : text.error;
}

const duplicateKey = (key: string, before: Place | undefined): Finding => ({
  code: 'duplicate-key',
  message: `the key \`${key}\` stands in this map twice`,
  hint: 'remove one of the two',
  ...(before === undefined ? {} : { related: [{ ...before, message: 'first written here' }] }),
});
