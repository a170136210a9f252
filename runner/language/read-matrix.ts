import type { Fix } from '../pipeline.js';
import type { Context } from './context.js';
import type { Axis, Exclusion } from './draft.js';
import { type Entry, type MapNode, type Node } from './nodes.js';
import { readAxis, unreadableAxis } from './read-axis.js';
import { readExclude } from './read-exclude.js';
import { expected } from './settings.js';

/** Axes of a stage in the order of the file, or the handle of an error that leaves them unknown. */
export interface Matrix {
  readonly axes: readonly Axis[];
  readonly exclude: readonly Exclusion[];
  /** Whether the names of all axes are known. */
  readonly known: boolean;
  readonly errors: readonly string[];
}

/** Reads `matrix`: axes, axes that go together under `zip`, and what `exclude` leaves out. */
export function readMatrix(node: Node, context: Context, stage?: MapNode): Matrix {
  if (node.kind !== 'map') {
    expected(node, '`matrix` takes a map of axes', context, 'write `matrix: {axis: [value, ...]}`');
    return { axes: [], exclude: [], known: false, errors: [''] };
  }
  const errors: string[] = [];
  const entry = (key: string): Entry | undefined => node.entries.find((one) => one.key === key);
  const zip = entry('zip');
  const exclude = entry('exclude');
  const axes = node.entries.flatMap((one) => {
    if (one === exclude) return [];
    if (one === zip) return readZip(one, context, errors);
    const seeds = one.key === 'seed' && stage ? asSeeds(one, node, { stage, context }) : undefined;
    return [readAxis(one, context, errors, seeds) ?? unreadableAxis(one)];
  });
  checkTwice(axes, context, errors);
  return {
    axes,
    exclude: exclude === undefined ? [] : readExclude(exclude.value, context, errors),
    known: zip === undefined || zip.value.kind === 'map',
    errors,
  };
}

/** `matrix: {seed: [0, 1]}` as `seeds: [0, 1]`, the matrix gone where nothing is left in it. */
function asSeeds(
  seed: Entry,
  matrix: MapNode,
  { stage, context }: { readonly stage: MapNode; readonly context: Context },
): Fix | undefined {
  const { edit } = context.diagnostics;
  const own = stage.entries.find(({ value }) => value === matrix);
  const values = edit.textOf(edit.placeOf(seed.value));
  if (own === undefined || own === stage.entries[0] || values === '' || values.includes('\n'))
    return undefined;
  if (stage.entries.some(({ key }) => key === 'seeds')) return undefined;
  const come = edit.insert(stage, `seeds: ${values}`);
  const gone = matrix.entries.length === 1 ? edit.remove(stage, own) : edit.remove(matrix, seed);
  if (come === undefined || gone === undefined) return undefined;
  return { title: 'write it as `seeds` of the stage', edits: [...come.edits, ...gone.edits] };
}

/** Axes of equal length: their first values go together, their second, and so on. */
function readZip({ keyPlace, value: node }: Entry, context: Context, errors: string[]): readonly Axis[] {
  if (node.kind !== 'map' || node.entries.length === 0) {
    expected(node, '`zip` takes a map of axes', context, 'write `zip: {one: [1, 2], other: [a, b]}`');
    errors.push('');
    return [];
  }
  const before = errors.length;
  const axes = node.entries.map((entry) => {
    const axis = readAxis(entry, context, errors) ?? unreadableAxis(entry);
    return { ...axis, zipped: true };
  });
  const lengths = axes.map(({ name, values }) => `\`${name}\` has ${String(values.length)}`);
  if (errors.length > before || new Set(axes.map(({ values }) => values.length)).size < 2) return axes;
  errors.push(
    context.diagnostics.report(keyPlace, {
      code: 'zip-lengths',
      message: `\`zip\` pairs its axes value by value, and their lengths differ: ${lengths.join(', ')}`,
      hint: 'give all of them as many values, or write them outside of `zip` to have every combination',
    }),
  );
  return axes;
}

function checkTwice(axes: readonly Axis[], { diagnostics }: Context, errors: string[]): void {
  const seen = new Map<string, Axis>();
  for (const axis of axes) {
    const before = seen.get(axis.name);
    if (before !== undefined)
      errors.push(
        diagnostics.report(axis.place, {
          code: 'duplicate-key',
          message: `the axis \`${axis.name}\` stands in this matrix twice, inside and outside of \`zip\``,
          hint: 'remove one of the two',
          related: [{ ...before.place, message: 'first written here' }],
        }),
      );
    seen.set(axis.name, axis);
  }
}
