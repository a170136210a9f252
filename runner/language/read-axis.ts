import type { Fix } from '../pipeline.js';
import type { Context } from './context.js';
import type { Axis, AxisValue } from './draft.js';
import { brokenAt, contains, describeNode, type Entry, type Node } from './nodes.js';
import { unlisted } from './name-values.js';
import { nameLike, plainName, valueName } from './reference.js';
import { resolve } from './resolve.js';

/** Names that no axis has, and what to write instead. */
export const reserved: Readonly<Record<string, string>> = {
  seed: 'replicates are made by `seeds: 3` on the file or on the stage',
  ablation: 'the name is taken by variants',
  zip: '`zip` and `exclude` stand directly under `matrix`',
  exclude: '`zip` and `exclude` stand directly under `matrix`',
  constructor: 'choose another name',
};

/** An axis with an error: its one value is broken, so that whatever reads it keeps silent. */
export const unreadableAxis = ({ key, keyPlace: place }: Entry): Axis => ({
  // A name that can't be is read as the one that was meant, so that references to that hold.
  name: plainName.test(key) ? key : (nameLike(key, plainName) ?? key),
  place,
  values: [{ name: '?', node: brokenAt(place) }],
  zipped: false,
});

/** Reads one axis; what is wrong with it goes to `errors` as handles. `seeds` mends an axis of seeds. */
export function readAxis(entry: Entry, context: Context, errors: string[], seeds?: Fix): Axis | undefined {
  const { key: name, keyPlace } = entry;
  const hint = Object.hasOwn(reserved, name) ? reserved[name] : undefined;
  if (hint !== undefined || !plainName.test(name)) {
    errors.push(
      context.diagnostics.report(keyPlace, {
        code: hint === undefined ? 'bad-name' : 'reserved-name',
        message: `\`${name}\` can't be the name of an axis`,
        hint: hint ?? 'names are `[a-z][a-z0-9_-]*`',
        instead: hint === undefined ? nameLike(name, plainName) : undefined,
        fixes: [name === 'seed' ? seeds : undefined],
      }),
    );
    return undefined;
  }
  const before = errors.length;
  if (isEmpty(entry.value))
    errors.push(
      context.diagnostics.report(entry.value, {
        code: 'empty-axis',
        message: `the axis \`${name}\` has no values`,
        hint: 'give it one, or remove it',
      }),
    );
  const values = checkNames(name, readValues(entry, context, errors), context, errors);
  return errors.length > before ? undefined : { name, place: keyPlace, values, zipped: false };
}

const isEmpty = (node: Node): boolean =>
  (node.kind === 'list' && node.items.length === 0) || (node.kind === 'map' && node.entries.length === 0);

interface NamedValue extends AxisValue {
  readonly at: Node | Entry['keyPlace'];
}

function readValues(entry: Entry, context: Context, errors: string[]): readonly NamedValue[] {
  const node = resolve(entry.value, context);
  if (node.kind === 'broken') errors.push('');
  if (node.kind === 'list') {
    const instead = unlisted(node, context.diagnostics.edit);
    return node.items.flatMap((item) => readListed(item, { axis: entry.key, instead }, context, errors));
  }
  if (node.kind === 'map')
    return node.entries.map((value) => {
      if (contains(value.value, 'broken')) errors.push('');
      return { name: value.key, node: value.value, at: value.keyPlace };
    });
  if (node.kind !== 'broken')
    errors.push(
      context.diagnostics.report(node, {
        code: 'wrong-type',
        message: `the axis \`${entry.key}\` takes a list or a map of named values, found ${describeNode(node)}`,
        hint:
          node.kind === 'reference'
            ? `name it: \`${entry.key}: {name: ${node.reference.text}}\``
            : `write \`${entry.key}: [...]\``,
        instead: inList(node, context),
      }),
    );
  return [];
}

/** One value where an axis takes several, as the only one; undefined where it is written elsewhere. */
function inList(node: Node, { diagnostics }: Context): string | undefined {
  const text = diagnostics.edit.textOf(node.place);
  if (node.uses.length > 0 || text === '' || text.includes('\n')) return undefined;
  return node.kind === 'reference' ? `{${node.reference.stage}: ${text}}` : `[${text}]`;
}

/** Numbers are named by their JSON text: `5e-2` is `0.05`. */
export const nameOfScalar = (value: string | number | boolean): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/** In a list a value is its own name, so only scalars can stand there. */
function readListed(
  node: Node,
  { axis, instead }: { readonly axis: string; readonly instead: Fix | undefined },
  context: Context,
  errors: string[],
): NamedValue[] {
  if (node.kind === 'scalar' && node.value !== null)
    return [{ name: nameOfScalar(node.value), node, at: node }];
  if (node.kind === 'broken') {
    errors.push('');
    return [];
  }
  const example = node.kind === 'reference' ? node.reference.text : node.kind === 'map' ? '{...}' : '[...]';
  errors.push(
    context.diagnostics.report(node, {
      code: 'unnamed-value',
      message: `in a list a value is its own name, so it must be a scalar, found ${describeNode(node)}`,
      hint: `name the values: \`${axis}: {first: ${example}, ...}\``,
      fixes: [instead],
    }),
  );
  return [];
}

function checkNames(
  axis: string,
  values: readonly NamedValue[],
  context: Context,
  errors: string[],
): readonly AxisValue[] {
  const seen = new Map<string, string>();
  for (const { name, at } of values) {
    if (!valueName.test(name))
      errors.push(
        context.diagnostics.report(at, {
          code: 'bad-name',
          message: `${JSON.stringify(name)} can't be the name of a value of \`${axis}\``,
          hint: 'names are letters, digits and `._+-`, at most 64; name other values: `{name: value}`',
        }),
      );
    const before = seen.get(name.toLowerCase());
    if (before !== undefined)
      errors.push(
        context.diagnostics.report(at, {
          code: 'duplicate-value',
          message: `the axis \`${axis}\` has the value \`${name}\` twice${before === name ? '' : ` (\`${before}\`: names must differ in more than case)`}`,
          fixes: [
            before === name && 'uses' in at
              ? context.diagnostics.edit.removeItem(at.place, 'remove it')
              : undefined,
          ],
        }),
      );
    seen.set(name.toLowerCase(), name);
  }
  return values.map(({ name, node }) => ({ name, node }));
}
