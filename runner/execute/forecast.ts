/** How long a plan will take: its scheduling played through with the durations that are expected. */
import type { Cell, CellId } from '../pipeline.js';
import type { Plan } from '../plan/index.js';
import { childrenOf, comparePlaces, parentsFirst, places, type Weighted } from './priority.js';
import { PriorityQueue } from './queue.js';
import { Budget, demandOf, demandOfAll, lacks, type Capacity, type Demand, type Grant } from './resources.js';

export interface Forecast {
  /** Seconds on the clock of this machine, where all that depends on what runs has to run. */
  readonly seconds: number;
  /** Seconds of the longest chain of cells: no machine is faster. */
  readonly path: number;
  /** Seconds of work of all cells together. */
  readonly work: number;
  /** Cells of which nothing was measured; they count as no time. */
  readonly unknown: number;
}

/** A cell that waits to run, or runs: then it has the highest priority, since it holds what it needs. */
export interface Waiting extends Weighted {
  readonly demand: Demand;
  readonly priority?: number;
}

/** Plays the plan through as the scheduler would: by priority and longest path, within the capacity. */
export function forecast(
  plan: Plan,
  estimate: (cell: Cell) => number | undefined,
  capacity: Capacity,
): Forecast {
  const cells = plan.cells.filter(({ status }) => status !== 'hit').map(({ cell }) => cell);
  const pending = new Set(cells.map(({ id }) => id));
  const known = new Map(cells.map((cell) => [cell.id, estimate(cell)]));
  const tasks = parentsFirst(cells.map((cell) => taskOf(cell, pending, known.get(cell.id) ?? 0)));
  const placeOf = places(tasks);
  return {
    seconds: makespan(tasks, capacity),
    path: tasks.reduce((longest, { cell }) => Math.max(longest, placeOf(cell).path), 0),
    work: tasks.reduce((sum, { seconds }) => sum + seconds, 0),
    unknown: cells.filter(({ id }) => known.get(id) === undefined).length,
  };
}

function taskOf(cell: Cell, pending: ReadonlySet<CellId>, seconds: number): Waiting {
  const needs = cell.needs.filter((id) => pending.has(id));
  const { priority } = cell;
  return {
    cell: cell.id,
    needs,
    seconds,
    demand: demandOf(cell.resources),
    ...(priority === undefined ? {} : { priority }),
  };
}

interface Running {
  readonly task: Waiting;
  readonly grant: Grant;
  readonly end: number;
}

/** Seconds until the last of them ends: the earliest in place first, within the capacity. */
export function makespan(waiting: readonly Waiting[], capacity: Capacity): number {
  const tasks = parentsFirst(waiting.map((task) => ({ ...task, demand: fitting(task.demand, capacity) })));
  const placeOf = places(tasks);
  const children = childrenOf(tasks);
  const missing = new Map(tasks.map(({ cell, needs }) => [cell, needs.length]));
  const ready = new PriorityQueue<Waiting>((a, b) => comparePlaces(placeOf(a.cell), placeOf(b.cell)));
  // The soonest end is first.
  const running = new PriorityQueue<Running>((a, b) => b.end - a.end);
  const budget = new Budget(capacity);
  for (const task of tasks) if (task.needs.length === 0) ready.add(task);
  let now = 0;
  for (;;) {
    ready.takeWhere((task) => {
      const grant = budget.take(task.demand);
      if (grant) running.add({ task, grant, end: now + task.seconds });
      return grant !== undefined;
    });
    let taken = false;
    const [next] = running.takeWhere(() => !taken && (taken = true));
    if (!next) return now;
    now = next.end;
    budget.give(next.grant);
    for (const child of children.get(next.task.cell) ?? []) {
      const left = (missing.get(child.cell) ?? 0) - 1;
      missing.set(child.cell, left);
      if (left === 0) ready.add(child);
    }
  }
}

/** What fits no machine is refused by a run; here it takes the whole machine. */
const fitting = (demand: Demand, capacity: Capacity): Demand =>
  lacks(demand, capacity).length > 0 ? demandOfAll(capacity) : demand;
