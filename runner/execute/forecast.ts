/** How long a plan will take: its scheduling played through with the durations that are expected. */
import type { Cell, CellId } from '../pipeline.js';
import type { Plan } from '../plan/index.js';
import type { Estimate } from './estimates.js';
import { childrenOf, criticalPaths, parentsFirst, type Weighted } from './priority.js';
import { PriorityQueue } from './queue.js';
import { Budget, demandOf, excess, type Demand } from './resources.js';

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
}

/** Plays the plan through as the scheduler would: longest path first, within the capacity. */
export function forecast(plan: Plan, estimate: Estimate, capacity: Demand): Forecast {
  const cells = plan.cells.filter(({ status }) => status !== 'hit').map(({ cell }) => cell);
  const pending = new Set(cells.map(({ id }) => id));
  const known = new Map(cells.map((cell) => [cell.id, estimate(cell)]));
  const tasks = parentsFirst(cells.map((cell) => taskOf(cell, pending, known.get(cell.id) ?? 0, capacity)));
  const paths = criticalPaths(tasks);
  return {
    seconds: makespan(tasks, paths, capacity),
    path: Math.max(0, ...paths.values()),
    work: tasks.reduce((sum, { seconds }) => sum + seconds, 0),
    unknown: cells.filter(({ id }) => known.get(id) === undefined).length,
  };
}

function taskOf(cell: Cell, pending: ReadonlySet<CellId>, seconds: number, capacity: Demand): Task {
  const demand = demandOf(cell.resources);
  const needs = cell.needs.filter((id) => pending.has(id));
  // What fits no machine is refused by a run; here it takes the whole machine.
  return { cell: cell.id, needs, seconds, demand: excess(demand, capacity).length > 0 ? capacity : demand };
}

function makespan(tasks: readonly Task[], paths: ReadonlyMap<CellId, number>, capacity: Demand): number {
  const children = childrenOf(tasks);
  const missing = new Map(tasks.map(({ cell, needs }) => [cell, needs.length]));
  const ready = new PriorityQueue<Task>(({ cell }) => paths.get(cell) ?? 0);
  // The soonest end is the heaviest.
  const running = new PriorityQueue<{ readonly task: Task; readonly end: number }>(({ end }) => -end);
  const budget = new Budget(capacity);
  for (const task of tasks) if (task.needs.length === 0) ready.add(task);
  let now = 0;
  for (;;) {
    for (const task of ready.takeWhere(({ demand }) => budget.take(demand)))
      running.add({ task, end: now + task.seconds });
    let taken = false;
    const [next] = running.takeWhere(() => !taken && (taken = true));
    if (!next) return now;
    now = next.end;
    budget.give(next.task.demand);
    for (const child of children.get(next.task.cell) ?? []) {
      const left = (missing.get(child.cell) ?? 0) - 1;
      missing.set(child.cell, left);
      if (left === 0) ready.add(child);
    }
  }
}
