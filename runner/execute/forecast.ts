/** How long a plan will take: its scheduling played through with the durations that are expected. */
import type { Cell, CellId } from '../pipeline.js';
import type { Plan } from '../plan/index.js';
import type { Estimate } from './estimates.js';
import { childrenOf, comparePlaces, parentsFirst, places, type Place, type Weighted } from './priority.js';
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

interface Task extends Weighted {
  readonly demand: Demand;
  readonly priority?: number;
}

/** Plays the plan through as the scheduler would: by priority and longest path, within the capacity. */
export function forecast(plan: Plan, estimate: Estimate, capacity: Capacity): Forecast {
  const cells = plan.cells.filter(({ status }) => status !== 'hit').map(({ cell }) => cell);
  const pending = new Set(cells.map(({ id }) => id));
  const known = new Map(cells.map((cell) => [cell.id, estimate(cell)]));
  const tasks = parentsFirst(cells.map((cell) => taskOf(cell, pending, known.get(cell.id) ?? 0, capacity)));
  const placeOf = places(tasks);
  return {
    seconds: makespan(tasks, placeOf, capacity),
    path: tasks.reduce((longest, { cell }) => Math.max(longest, placeOf(cell).path), 0),
    work: tasks.reduce((sum, { seconds }) => sum + seconds, 0),
    unknown: cells.filter(({ id }) => known.get(id) === undefined).length,
  };
}

function taskOf(cell: Cell, pending: ReadonlySet<CellId>, seconds: number, capacity: Capacity): Task {
  const demand = demandOf(cell.resources);
  const needs = cell.needs.filter((id) => pending.has(id));
  // What fits no machine is refused by a run; here it takes the whole machine.
  const fitting = lacks(demand, capacity).length > 0 ? demandOfAll(capacity) : demand;
  const { priority } = cell;
  return { cell: cell.id, needs, seconds, demand: fitting, ...(priority === undefined ? {} : { priority }) };
}

interface Running {
  readonly task: Task;
  readonly grant: Grant;
  readonly end: number;
}

function makespan(tasks: readonly Task[], placeOf: (cell: CellId) => Place, capacity: Capacity): number {
  const children = childrenOf(tasks);
  const missing = new Map(tasks.map(({ cell, needs }) => [cell, needs.length]));
  const ready = new PriorityQueue<Task>((a, b) => comparePlaces(placeOf(a.cell), placeOf(b.cell)));
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
