import { executors, keysOf, patterns, RetriesSchema } from '../../schemas/pipeline.js';
import type { Cell } from '../pipeline.js';
import type { Context } from './context.js';
import {
  describeNode,
  type Entry,
  entryOf,
  listed,
  type Located,
  type MapNode,
  type Node,
  type ScalarNode,
} from './nodes.js';
import { suggest, suggestKey } from './nearest.js';
import type { Finding } from './diagnostics.js';
import { pairOf } from './name-values.js';
import { numberMeant } from './meant.js';
import { resolveSetting } from './resolve.js';

/** What a finding advises: its hint, and what to write. */
export type Advice = Pick<Finding, 'hint' | 'instead' | 'or' | 'fixes'>;
const advice = (given: string | Advice | undefined): Advice =>
  typeof given === 'string' ? { hint: given } : (given ?? {});

/** Reports that a setting takes something else. */
export function expected(node: Node, what: string, context: Context, given?: string | Advice): void {
  if (node.kind === 'broken') return;
  context.diagnostics.report(node, {
    code: 'wrong-type',
    message: `${what}, found ${describeNode(node)}`,
    ...advice(given),
  });
}

/** Keys that a map may have. */
export interface KnownKeys {
  readonly keys: readonly string[];
  readonly what: string;
  /** Where a key belongs that is none of them. */
  readonly elsewhere?: (entry: Entry, map: MapNode) => Advice | undefined;
}

/** The entries of a map by key; an unknown key is reported with the nearest known one, or where it belongs. */
export function knownEntries(
  node: Node,
  { keys, what, elsewhere }: KnownKeys,
  context: Context,
): ReadonlyMap<string, Entry> {
  if (node.kind !== 'map') {
    expected(node, `${what} takes a map`, context, spaceMeant(node));
    return new Map();
  }
  const written = node.entries.map(({ key }) => key);
  const found = new Map<string, Entry>();
  for (const entry of node.entries) {
    const { key, keyPlace } = entry;
    if (keys.includes(key)) {
      found.set(key, entry);
      continue;
    }
    const advised = elsewhere?.(entry, node) ?? suggestKey(key, keys, written);
    context.diagnostics.report(keyPlace, {
      code: 'unknown-key',
      message: `${what} has no key \`${key}\``,
      ...advised,
    });
    // A misspelt key is read as the one that was meant, so that what hangs on it is not reported, too.
    if (advised.instead !== undefined) found.set(advised.instead, entry);
  }
  return found;
}

/** `size:small` where a map is taken: a key without the space that makes it one. */
export function spaceMeant(node: Node): Advice | undefined {
  const [, key, value] = (node.kind === 'scalar' && /^([\w-]+):(\S.*)$/.exec(String(node.plain))) || [];
  if (key === undefined || value === undefined) return undefined;
  const instead = `${key}: ${value}`;
  return { hint: `write \`${instead}\``, instead };
}

/** The entry of a key, or of one that is a misspelling of it. */
export function meantEntry(map: Node, name: string, keys: readonly string[]): Entry | undefined {
  const entries = map.kind === 'map' ? map.entries : [];
  const written = entries.map(({ key }) => key);
  const isMeant = (key: string): boolean =>
    !keys.includes(key) && suggestKey(key, keys, written).instead === name;
  return entryOf(map, name) ?? entries.find(({ key }) => isMeant(key));
}

export function readText(node: Node, what: string, context: Context): string | undefined {
  if (node.kind === 'scalar' && typeof node.value === 'string' && node.value.trim() !== '') return node.value;
  const quotable = node.kind === 'scalar' && node.plain !== undefined && node.value !== null;
  expected(
    node,
    `${what} takes text`,
    context,
    quotable ? { hint: 'put it in quotes', instead: JSON.stringify(node.plain) } : undefined,
  );
  return undefined;
}

/** An integer of at least `least`, or undefined with a report. */
export function readCount(
  node: Node,
  { what, least }: { what: string; least: number },
  context: Context,
): number | undefined {
  const resolved = resolveSetting(node, context);
  const value = resolved.kind === 'scalar' ? resolved.value : undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value;
  expected(resolved, `${what} takes an integer of at least ${least}`, context, numberMeant(resolved));
  return undefined;
}

/** Any whole number, or undefined with a report. */
export function readInteger(node: Node, what: string, context: Context): number | undefined {
  const resolved = resolveSetting(node, context);
  const value = resolved.kind === 'scalar' ? resolved.value : undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  expected(resolved, `${what} takes a whole number`, context, numberMeant(resolved));
  return undefined;
}

export function readOneOf<T extends string>(
  node: Node,
  names: readonly T[],
  what: string,
  context: Context,
): T | undefined {
  const resolved = resolveSetting(node, context);
  const found = names.find((name) => resolved.kind === 'scalar' && resolved.value === name);
  if (found !== undefined) return found;
  const text = resolved.kind === 'scalar' ? String(resolved.value) : '';
  const shown = `one of ${listed(
    names.map((name) => `\`${name}\``),
    'or',
  )}`;
  expected(resolved, `${what} takes ${shown}`, context, suggest(text, names, 'values are'));
  return undefined;
}

/** Where cells run. */
export function readExecutor(node: Node, context: Context): void {
  const resolved = resolveSetting(node, context);
  if (resolved.kind === 'scalar' && (executors as readonly unknown[]).includes(resolved.value)) return;
  expected(
    resolved,
    `\`executor\` takes ${listed(
      executors.map((name) => `\`${name}\``),
      'or',
    )}`,
    context,
    'cells run in processes on this machine; there is no other executor yet',
  );
}

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, min: 60, h: 3600, d: 86400 };

const durationShape = new RegExp(patterns.duration);
const bytesShape = new RegExp(patterns.bytes);

/** Seconds of `2h`, `90s`, `1h30m`; undefined for all else, a number without a unit included. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value !== 'string' || !durationShape.test(value)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of value.matchAll(/([0-9.]+)\s*(ms|s|min|m|h|d)/g))
    seconds += Number(amount) * (unitSeconds[unit ?? ''] ?? 0);
  return seconds > 0 ? seconds : undefined;
}

export function readDuration(node: Node, what: string, context: Context): number | undefined {
  const resolved = resolveSetting(node, context);
  const seconds = resolved.kind === 'scalar' ? parseDuration(resolved.value) : undefined;
  if (seconds === undefined) expected(resolved, `${what} takes a duration`, context, durationHint(resolved));
  return seconds;
}

/** Seconds: of a cell in all, and without a word from it. */
export interface Timeouts {
  readonly timeout?: number;
  readonly silence?: number;
}

/** `2h`, or `{wall: 2h, silent: 10m}`. */
export function readTimeout(node: Node, context: Context): Timeouts {
  if (node.kind !== 'map') {
    const wall = readDuration(node, '`timeout`', context);
    return wall === undefined ? {} : { timeout: wall };
  }
  const entries = knownEntries(node, { keys: ['wall', 'silent'], what: '`timeout`' }, context);
  const read = (key: 'wall' | 'silent'): number | undefined => {
    const value = entries.get(key)?.value;
    return value === undefined ? undefined : readDuration(value, `\`${key}\``, context);
  };
  const [wall, silent] = [read('wall'), read('silent')];
  return {
    ...(wall === undefined ? {} : { timeout: wall }),
    ...(silent === undefined ? {} : { silence: silent }),
  };
}

const unitNames: readonly (readonly [RegExp, string])[] = [
  [/^(hours?|hrs?)$/i, 'h'],
  [/^(minutes?|mins)$/i, 'm'],
  [/^(seconds?|secs?)$/i, 's'],
  [/^days?$/i, 'd'],
];

/** `2 hours`, `90sec`: the unit as it is written. A number alone could be of any unit. */
function durationHint(node: Node): Advice {
  const value = node.kind === 'scalar' ? node.value : undefined;
  if (typeof value === 'number' && value > 0)
    return { hint: `give it a unit: \`${value}s\`, \`${value}m\` or \`${value}h\`` };
  const [, count, name = ''] = /^([0-9.]+) ?([a-z]+)$/i.exec(String(value)) ?? [];
  const unit = unitNames.find(([pattern]) => pattern.test(name))?.[1];
  if (count === undefined || unit === undefined || parseDuration(count + unit) === undefined)
    return { hint: 'write `90s`, `15m`, `2h` or `1h30m`' };
  return { hint: `write \`${count}${unit}\``, instead: count + unit };
}

/** Bytes of each unit that a size may have. */
export const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `512MiB`, `1.5GB`, or a number of bytes. */
export function parseBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) && value > 0 ? value : undefined;
  const match = typeof value === 'string' ? bytesShape.exec(value) : null;
  const bytes = Math.round(Number(match?.[1] ?? 0) * (unitBytes[match?.[2] ?? ''] ?? 0));
  return bytes > 0 ? bytes : undefined;
}

const retryClasses = keysOf(RetriesSchema);

/** `retries: 3`, as other tools take it: of a failure that isn't the stage's own fault. */
function retriesMeant({ value }: ScalarNode): Advice {
  const why = 'a node or a network that is gone; `user` stands for what the stage itself does wrong';
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    return { hint: `write \`{infrastructure: 2}\`: that is ${why}` };
  const instead = `{infrastructure: ${value}}`;
  return { hint: `write \`${instead}\`: that is ${why}`, instead };
}

export function readRetries(node: Node, context: Context): Cell['retries'] {
  if (node.kind === 'scalar') {
    expected(node, '`retries` takes a map of counts by the class of a failure', context, retriesMeant(node));
    return {};
  }
  const entries = knownEntries(node, { keys: retryClasses, what: '`retries`' }, context);
  const counts = retryClasses.flatMap((name) => {
    const value = entries.get(name)?.value;
    const count =
      value === undefined ? undefined : readCount(value, { what: `\`${name}\``, least: 0 }, context);
    return count === undefined ? [] : [[name, count] as const];
  });
  return Object.fromEntries(counts);
}

/** `news` of `$news` and `$news.train`, `HOME` of `$HOME`: a list of names takes no references. */
function bareName(item: Node, pattern: RegExp): string | undefined {
  const text =
    item.kind === 'reference' ? item.reference.text : item.kind === 'scalar' ? item.value : undefined;
  const name = typeof text === 'string' ? /^\$([^.(]+)/.exec(text)?.[1] : undefined;
  return name !== undefined && pattern.test(name) ? name : undefined;
}

/** A list of names that match a pattern, each with its place; duplicates are reported. */
export function readNames(
  node: Node,
  { what, pattern, like }: { what: string; pattern: RegExp; like: string },
  context: Context,
): readonly (Located & { readonly name: string })[] {
  if (node.kind !== 'list') {
    const one = node.kind === 'scalar' && pattern.test(String(node.value)) ? String(node.value) : undefined;
    expected(node, `${what} takes a list of names`, context, {
      hint: `write \`[${one ?? like}]\``,
      instead: one === undefined ? undefined : `[${one}]`,
    });
    return [];
  }
  const seen = new Set<string>();
  return node.items.flatMap((item) => {
    const name = item.kind === 'scalar' && typeof item.value === 'string' ? item.value : undefined;
    if (name === undefined || !pattern.test(name)) {
      const { edit } = context.diagnostics;
      const value = pairOf(item, edit)?.value;
      const meant =
        value?.kind === 'scalar' && pattern.test(String(value.value))
          ? String(value.value)
          : bareName(item, pattern);
      expected(item, `${what} takes names such as \`${like}\``, context, {
        hint: meant === undefined ? undefined : `write \`${meant}\` alone`,
        instead: meant,
      });
      return [];
    }
    if (seen.has(name)) {
      context.diagnostics.report(item, {
        code: 'duplicate-name',
        message: `\`${name}\` stands in ${what} twice`,
        hint: 'remove one of the two',
        fixes: [context.diagnostics.edit.removeItem(item.place, `remove the second \`${name}\``)],
      });
      return [];
    }
    seen.add(name);
    return [{ name, place: item.place, uses: item.uses }];
  });
}
