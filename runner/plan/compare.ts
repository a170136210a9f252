/** What differs between the preimage that a cell had and the one that it has now. */
import { byCodeUnit, canonicalJson, type Json, type JsonObject } from '../../schemas/json.js';
import type { Cell, Origin } from '../pipeline.js';
import type { Store } from '../store/index.js';
import { cellsOfInput, unknownDigest } from './inputs.js';
import type { Change, CodeListing, GatheredDigest, InputDigest, Preimage } from './types.js';

const equal = (a: Json, b: Json): boolean => canonicalJson(a) === canonicalJson(b);

const union = (a: object, b: object): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].sort(byCodeUnit);

function scalarChanges(before: Preimage, after: Preimage): Change[] {
  return (['kind', 'version', 'seed'] as const).flatMap((what) => {
    const [old, now] = [before[what] ?? null, after[what] ?? null];
    return old === now ? [] : [{ what, before: old, after: now }];
  });
}

const isMap = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Maps on both sides are compared key by key, so that a change is named as closely as it was written. */
function valueChanges(
  before: JsonObject,
  after: JsonObject,
  prefix = '',
): { name: string; before: Json; after: Json }[] {
  return union(before, after).flatMap((key) => {
    const [old, now] = [before[key] ?? null, after[key] ?? null];
    if (equal(old, now)) return [];
    const name = `${prefix}${key}`;
    return isMap(old) && isMap(now)
      ? valueChanges(old, now, `${name}.`)
      : [{ name, before: old, after: now }];
  });
}

function withChanges(before: Preimage, after: Preimage, { origins }: CompareContext['cell']): Change[] {
  return valueChanges(before.with, after.with).map((change) => {
    const place = placeOf(change.name, origins);
    return { what: 'with', ...change, ...(place ? { place } : {}) };
  });
}

/** Where a value is written, or the map that it would stand in. */
function placeOf(name: string, origins: Cell['origins']): Origin | undefined {
  const parent = name.lastIndexOf('.');
  return origins[name] ?? (parent < 0 ? undefined : placeOf(name.slice(0, parent), origins));
}

function envChanges(before: Preimage, after: Preimage): Change[] {
  return valueChanges(before.env, after.env).map((change) => ({ what: 'env', ...change }));
}

function programChanges(before: Preimage, after: Preimage): Change[] {
  const [old, now] = [before.programs ?? {}, after.programs ?? {}];
  return differing(old, now).map((name) => ({
    what: 'program',
    name,
    before: old[name] ?? null,
    after: now[name] ?? null,
  }));
}

type Input = InputDigest | readonly GatheredDigest[] | undefined;

const digests = (input: Input): readonly string[] => {
  if (input === undefined) return [];
  return 'digest' in input ? [input.digest] : input.map((item) => item.digest);
};

/** One digest as it is, a list by the digests in order. */
function shown(input: Input): string | null {
  return input === undefined ? null : digests(input).join(' ');
}

function inputChanges(before: Preimage, after: Preimage, cell: CompareContext['cell']): Change[] {
  return union(before.inputs, after.inputs).flatMap((name) => {
    const [old, now]: [Input, Input] = [before.inputs[name], after.inputs[name]];
    if (equal((old ?? null) as Json, (now ?? null) as Json)) return [];
    const known = digests(now);
    // What isn't known yet is no difference yet.
    const pending = known.includes(unknownDigest) || digests(old).includes(unknownDigest);
    if (pending && digests(old).length === known.length) return [];
    const makers = cellsOfInput(cell, name);
    const moved = makers.filter(
      (_, i) => makers.length !== digests(old).length || known[i] !== digests(old)[i],
    );
    return [{ what: 'input', name, before: shown(old), after: shown(now), cells: moved }];
  });
}

const differing = (
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] => union(before, after).filter((name) => before[name] !== after[name]);

export function codeListing(store: Store, digest: string): CodeListing | undefined {
  const blob = store.cas.read(digest);
  return blob.ok ? (JSON.parse(blob.value.toString('utf8')) as CodeListing) : undefined;
}

type CodeChange = Extract<Change, { what: 'code' }>;

/** By store, then by both digests: an edit of the code is the same to a thousand cells. */
const codeDifferences = new WeakMap<Store, Map<string, CodeChange>>();

/** Names the modules and packages where both listings are known; else that the code differs. */
function codeChanges(before: Preimage, after: Preimage, { store, code: now }: CompareContext): Change[] {
  if (before.code === after.code) return [];
  const known = codeDifferences.get(store) ?? new Map<string, CodeChange>();
  codeDifferences.set(store, known);
  const name = `${before.code} ${after.code} ${now === undefined ? 'unlisted' : ''}`;
  const change = known.get(name) ?? codeChange(before.code, after.code, codeListing(store, before.code), now);
  known.set(name, change);
  return [change];
}

function codeChange(
  before: string,
  after: string,
  old: CodeListing | undefined,
  now: CodeListing | undefined,
): CodeChange {
  const modules = old && now ? differing(old.modules, now.modules) : [];
  const packages = old && now ? differing(old.packages, now.packages) : [];
  const inBoth =
    modules.some((name) => old && now && name in old.modules && name in now.modules) ||
    packages.some((name) => old && now && name in old.packages && name in now.packages);
  const isKnown = modules.length + packages.length > 0;
  return { what: 'code', before, after, modules, packages, ...(isKnown && !inBoth ? { edited: false } : {}) };
}

function environmentChanges(before: Preimage, after: Preimage): Change[] {
  const [old, now] = [before.environment ?? null, after.environment ?? null];
  return equal(old, now) ? [] : [{ what: 'environment', before: old, after: now }];
}

export interface CompareContext {
  /** Who makes the inputs, and where values are written. */
  readonly cell: Pick<Cell, 'inputs' | 'origins'>;
  readonly store: Store;
  /** What the new code digest stands for, where it is known. */
  readonly code: CodeListing | undefined;
}

/** All differences; inputs whose content isn't known yet count as unchanged. */
export function compare(before: Preimage, after: Preimage, context: CompareContext): readonly Change[] {
  const { cell } = context;
  const outputs: Change[] = equal(before.outputs, after.outputs)
    ? []
    : [{ what: 'outputs', before: before.outputs, after: after.outputs }];
  return [
    ...scalarChanges(before, after),
    ...withChanges(before, after, cell),
    ...inputChanges(before, after, cell),
    ...codeChanges(before, after, context),
    ...programChanges(before, after),
    ...envChanges(before, after),
    ...outputs,
    ...environmentChanges(before, after),
  ];
}

/** Whether a change came about in the cells that made an input, and not in the cell itself, which reads what it read. */
export const cameWithInputs = (change: Change): boolean =>
  change.what === 'input' && change.before !== null && change.after !== null && change.cells.length > 0;

const quote = (value: Json): string => {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};

const list = (names: readonly string[], most = 3): string =>
  names.slice(0, most).join(', ') + (names.length > most ? ` and ${names.length - most} more` : '');

/** One change as part of a sentence. */
export function describeChange(change: Change): string {
  switch (change.what) {
    case 'kind':
    case 'version':
    case 'seed':
    case 'outputs':
    case 'environment':
      return `${change.what} ${quote(change.before)} -> ${quote(change.after)}`;
    case 'with':
    case 'env':
      return `${change.what === 'env' ? 'env ' : ''}${change.name} ${quote(change.before)} -> ${quote(change.after)}`;
    case 'program':
      return change.before === null || change.after === null
        ? `the program ${change.name} ${change.after === null ? 'is gone' : 'was not there'}`
        : `the program ${change.name} is another one`;
    case 'input':
      if (change.after === null) return `input ${change.name} removed`;
      if (change.before === null)
        return `input ${change.name} added${change.cells.length === 0 ? '' : `, from ${list(change.cells)}`}`;
      return change.cells.length === 0
        ? `input ${change.name} has new content`
        : `input ${change.name} has new content from ${list(change.cells)}`;
    case 'code': {
      const named = [...change.modules, ...change.packages];
      if (named.length === 0) return 'its code changed';
      return `${change.edited === false ? 'it loads other code' : 'its code changed'}: ${list(named)}`;
    }
  }
}
