import type { Context } from './context.js';
import type { Exclusion } from './draft.js';
import { type Entry, type Node } from './nodes.js';
import { nameOfScalar } from './read-axis.js';
import { resolveSetting } from './resolve.js';
import { expected } from './settings.js';

const example = 'write `exclude: [{axis: value, other: value}]`';

/** Reads `exclude`: combinations of values that no cell has. Whether there are such axes is known after expansion. */
export function readExclude(node: Node, context: Context, errors: string[]): readonly Exclusion[] {
  const resolved = resolveSetting(node, context);
  if (resolved.kind !== 'list') {
    expected(resolved, '`exclude` takes a list of combinations', context, example);
    errors.push('');
    return [];
  }
  return resolved.items.flatMap((item) => {
    const values =
      item.kind === 'map' ? item.entries.flatMap((entry) => readValue(entry, context, errors)) : [];
    if (item.kind === 'map' && item.entries.length > 0) return [{ place: item.place, values }];
    expected(item, '`exclude` takes maps from axes to values', context, example);
    errors.push('');
    return [];
  });
}

function readValue(entry: Entry, context: Context, errors: string[]): Exclusion['values'] {
  const { key: axis, keyPlace: axisPlace, value: node } = entry;
  if (node.kind === 'scalar' && node.value !== null)
    return [{ axis, axisPlace, value: nameOfScalar(node.value), at: node }];
  errors.push('');
  const several =
    node.kind === 'list' ? 'write an item for each value' : 'name the value, as in `{reward: nli}`';
  expected(node, `\`exclude\` takes one value of \`${axis}\``, context, several);
  return [];
}
