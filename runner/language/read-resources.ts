/** What cells take of a machine, and what a machine has: read from a stage, from `defaults` and from `moft.yaml`. */
import { keysOf, patterns, ResourcesSchema } from '../../schemas/pipeline.js';
import type { Resources } from '../contract.js';
import type { Context } from './context.js';
import { numberMeant } from './meant.js';
import type { Node } from './nodes.js';
import { resolveSetting } from './resolve.js';
import { type Advice, expected, knownEntries, parseBytes, readCount } from './settings.js';

/** What a stage says of its resources; what it doesn't say is left out. */
export function readResources(node: Node, context: Context): Resources {
  const entries = knownEntries(node, { keys: keysOf(ResourcesSchema), what: '`resources`' }, context);
  const read = <T>(key: string, of: (value: Node) => T | undefined): Record<string, T> => {
    const value = entries.get(key)?.value;
    const result = value === undefined ? undefined : of(value);
    return result === undefined ? {} : { [key]: result };
  };
  return {
    ...read('cpu', (value) => readAmount(value, context)),
    ...read('memory', (value) => readBytes(value, context)),
    ...read('gpu', (value) => readCount(value, { what: '`gpu`', least: 0 }, context)),
    ...read('tokens', (value) => readTokens(value, context)),
  };
}

const tokenName = new RegExp(patterns.name);

/** How many of each named token. */
export function readTokens(node: Node, context: Context): Readonly<Record<string, number>> {
  if (node.kind !== 'map') {
    expected(node, '`tokens` takes a map of names and counts', context, 'write `{judge-rpm: 1}`');
    return {};
  }
  const counts = node.entries.flatMap(({ key, keyPlace, value }) => {
    if (!tokenName.test(key)) {
      const message = `\`${key}\` can't be the name of a token`;
      context.diagnostics.report(keyPlace, {
        code: 'bad-name',
        message,
        hint: 'names are `[a-z][a-z0-9_-]*`',
      });
      return [];
    }
    const count = readCount(value, { what: `\`${key}\``, least: 1 }, context);
    return count === undefined ? [] : [[key, count] as const];
  });
  return Object.fromEntries(counts);
}

/** What a stage says beside what holds for all; tokens add up name by name. */
export function mergeResources(shared: Resources, own: Resources): Resources {
  const tokens = { ...shared.tokens, ...own.tokens };
  return { ...shared, ...own, ...(Object.keys(tokens).length === 0 ? {} : { tokens }) };
}

export function readAmount(node: Node, context: Context): number | undefined {
  const resolved = resolveSetting(node, context);
  const value = resolved.kind === 'scalar' ? resolved.value : undefined;
  if (typeof value === 'number' && value > 0) return value;
  expected(resolved, '`cpu` takes a number above 0', context, numberMeant(resolved));
  return undefined;
}

export function readBytes(node: Node, context: Context): number | undefined {
  const resolved = resolveSetting(node, context);
  const bytes = resolved.kind === 'scalar' ? parseBytes(resolved.value) : undefined;
  if (bytes === undefined) expected(resolved, '`memory` takes a size', context, bytesHint(resolved));
  return bytes;
}

/** `2G`, `2 gb`: the unit as it is written. */
function bytesHint(node: Node): Advice {
  const text = node.kind === 'scalar' ? String(node.value) : '';
  const [, count, unit = '', binary = ''] = /^([0-9.]+) ?([kmgt])(i?)b?$/i.exec(text) ?? [];
  const meant = `${count ?? ''}${unit.toUpperCase()}${binary.toLowerCase()}B`;
  if (count === undefined || parseBytes(meant) === undefined)
    return { hint: 'write `512MiB`, `2GiB` or a number of bytes' };
  return { hint: `write \`${meant}\``, instead: meant };
}
