import type { Context } from './context.js';
import type { Axis, AxisValue } from './draft.js';
import { brokenAt, contains, describeNode, type Entry, type Node } from './nodes.js';
import { plainName, valueName } from './reference.js';
import { resolve } from './resolve.js';
import { expected } from './settings.js';

/** Axes of a stage in the order of the file, or the handle of an error that leaves them unknown. */
export interface Matrix {
  readonly axes: readonly Axis[];
  /** Whether the names of all axes are known. */
  readonly known: boolean;
  readonly errors: readonly string[];
}

/** Names that no axis has, and what to write instead. */
export const reserved: Readonly<Record<string, string>> = {
  seed: 'replicates are made by `seeds: 3` on the file or on the stage',
  ablation: 'the name is taken by variants',
  zip: 'write what goes together as named values of one axis: `matrix: {pair: {small: {...}, large: {...}}}`',
  exclude: 'name the combinations that you want as values of one axis, or write two stages',
  constructor: 'choose another name',
};

/** Reads `matrix`: lists of scalars, maps of named values, or params that hold one of these. */
export function readMatrix(node: Node, context: Context): Matrix {
  if (node.kind !== 'map') {
    expected(node, '`matrix` takes a map of axes', context, 'write `matrix: {axis: [value, ...]}`');
    return { axes: [], known: false, errors: [''] };
  }
  const errors: string[] = [];
  const axes = node.entries.map((entry) => readAxis(entry, context, errors) ?? unreadable(entry));
  return { axes, known: true, errors };
}

/** An axis with an error: its one value is broken, so that whatever reads it keeps silent. */
const unreadable = ({ key: name, keyPlace: place }: Entry): Axis => ({
  name,
  place,
  values: [{ name: '?', node: brokenAt(place) }],
});

/** Reads one axis; what is wrong with it goes to `errors` as handles. */
export function readAxis(entry: Entry, context: Context, errors: string[]): Axis | undefined {
  const { key: name, keyPlace } = entry;
  const hint = Object.hasOwn(reserved, name) ? reserved[name] : undefined;
  if (hint !== undefined || !plainName.test(name)) {
    errors.push(
      context.diagnostics.report(keyPlace, {
        code: hint === undefined ? 'bad-name' : 'reserved-name',
        message: `\`${name}\` can't be the name of an axis`,
        hint: hint ?? 'names are `[a-z][a-z0-9_-]*`',
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
  return errors.length > before ? undefined : { name, place: keyPlace, values };
}

const isEmpty = (node: Node): boolean =>
  (node.kind === 'list' && node.items.length === 0) || (node.kind === 'map' && node.entries.length === 0);

interface NamedValue extends AxisValue {
  readonly at: Node | Entry['keyPlace'];
}

function readValues(entry: Entry, context: Context, errors: string[]): readonly NamedValue[] {
  const node = resolve(entry.value, context);
  if (node.kind === 'broken') errors.push('');
  if (node.kind === 'list') return node.items.flatMap((item) => readListed(item, entry.key, context, errors));
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
      }),
    );
  return [];
}

/** In a list a value is its own name, so only scalars can stand there. */
function readListed(node: Node, axis: string, context: Context, errors: string[]): NamedValue[] {
  if (node.kind === 'scalar' && node.value !== null)
    return [
      { name: typeof node.value === 'string' ? node.value : JSON.stringify(node.value), node, at: node },
    ];
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
        }),
      );
    seen.set(name.toLowerCase(), name);
  }
  return values.map(({ name, node }) => ({ name, node }));
}
