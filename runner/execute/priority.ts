import type { CellId } from '../pipeline.js';

export interface Weighted {
  readonly cell: CellId;
  readonly needs: readonly CellId[];
  /** Expected seconds of the cell alone. */
  readonly seconds: number;
}

/**
 * Critical path: seconds from the start of a cell to the end of the longest chain that begins with it. Cells with
 * a long path start first, so that the run as a whole ends soonest (list scheduling by longest path; Graham 1969).
 *
 * @param tasks parents before children
 */
export function criticalPaths(tasks: readonly Weighted[]): ReadonlyMap<CellId, number> {
  const below = new Map<CellId, number>();
  const path = new Map<CellId, number>();
  for (const task of [...tasks].reverse()) {
    const length = task.seconds + (below.get(task.cell) ?? 0);
    path.set(task.cell, length);
    for (const parent of task.needs) below.set(parent, Math.max(below.get(parent) ?? 0, length));
  }
  return path;
}

/** What decides which of two cells starts first. */
export interface Place {
  readonly priority: number;
  /** Seconds of the longest chain that begins with it. */
  readonly path: number;
}

/** Positive where `a` comes first: a higher priority, then a longer chain. */
export const comparePlaces = (a: Place, b: Place): number => a.priority - b.priority || a.path - b.path;

/**
 * The place of each cell. What a cell waits for has at least its priority: it would otherwise hold it up.
 *
 * @param tasks parents before children
 */
export function places(
  tasks: readonly (Weighted & { readonly priority?: number })[],
): (cell: CellId) => Place {
  const paths = criticalPaths(tasks);
  const priorities = new Map<CellId, number>();
  for (const { cell, needs, priority = 0 } of [...tasks].reverse()) {
    const own = Math.max(priority, priorities.get(cell) ?? -Infinity);
    priorities.set(cell, own);
    for (const parent of needs) priorities.set(parent, Math.max(priorities.get(parent) ?? -Infinity, own));
  }
  return (cell) => ({ priority: priorities.get(cell) ?? 0, path: paths.get(cell) ?? 0 });
}

/** Tasks with parents before children (Kahn 1962). The checker has refused cycles. */
export function parentsFirst<T extends Pick<Weighted, 'cell' | 'needs'>>(tasks: readonly T[]): T[] {
  const missing = new Map(tasks.map((task) => [task.cell, task.needs.length]));
  const children = childrenOf(tasks);
  const order = tasks.filter((task) => task.needs.length === 0);
  for (const task of order) {
    for (const child of children.get(task.cell) ?? []) {
      const left = (missing.get(child.cell) ?? 0) - 1;
      missing.set(child.cell, left);
      if (left === 0) order.push(child);
    }
  }
  return order;
}

export function childrenOf<T extends Pick<Weighted, 'cell' | 'needs'>>(
  tasks: readonly T[],
): ReadonlyMap<CellId, readonly T[]> {
  const children = new Map<CellId, T[]>(tasks.map((task) => [task.cell, []]));
  for (const task of tasks) for (const parent of task.needs) children.get(parent)?.push(task);
  return children;
}
