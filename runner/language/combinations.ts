import type { Coordinates } from './cell-id.js';
import type { Axis, AxisValue, Exclusion, StageDraft } from './draft.js';

/** One value of each own axis. */
export interface Combination {
  readonly chosen: readonly AxisValue[];
  /** Whether `exclude` leaves it out by its own axes alone: nothing that is wrong with it counts. */
  readonly leftOut: boolean;
}

/** Own axes that vary together: one each, and those of `zip`. */
export function dimensionsOf({ axes }: Pick<StageDraft, 'axes'>): readonly (readonly Axis[])[] {
  const zipped = axes.filter((axis) => axis.zipped);
  return axes.flatMap((axis) => (axis.zipped ? (axis === zipped[0] ? [zipped] : []) : [[axis]]));
}

/** How many combinations of own values there are, those that `exclude` leaves out among them. */
export const countCombinations = (draft: StageDraft): number =>
  dimensionsOf(draft).reduce((product, [axis]) => product * (axis?.values.length ?? 1), 1);

/** Every combination of own values, the first axis slowest. */
export function combinationsOf(draft: StageDraft): readonly Combination[] {
  const dimensions = dimensionsOf(draft);
  const products = dimensions.reduce<readonly Readonly<Record<string, AxisValue>>[]>(
    (before, axes) =>
      before.flatMap((values) =>
        (axes[0]?.values ?? []).map((_, index) => ({
          ...values,
          ...Object.fromEntries(
            axes.flatMap(({ name, values: all }) => (all[index] ? [[name, all[index]]] : [])),
          ),
        })),
      ),
    [{}],
  );
  return products.map((values) => {
    const coordinates = Object.fromEntries(Object.entries(values).map(([axis, { name }]) => [axis, name]));
    return {
      chosen: draft.axes.flatMap(({ name }) => values[name] ?? []),
      leftOut: isExcluded(draft.exclude, coordinates),
    };
  });
}

/** Whether an item of `exclude` names these coordinates. */
export const isExcluded = (exclude: readonly Exclusion[], coordinates: Coordinates): boolean =>
  exclude.some(({ values }) => values.every(({ axis, value }) => coordinates[axis] === value));
