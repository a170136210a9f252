/** What a run has before it, kept beside its manifest, so that any terminal can tell how far it is and how long yet. */
import type { CellId } from '../pipeline.js';
import type { Plan } from '../plan/index.js';
import type { RunEvent } from '../track/events.js';
import type { Estimate } from './estimates.js';
import { makespan, type Waiting } from './forecast.js';
import { demandOf, type Capacity, type Demand } from './resources.js';

export interface Outlook {
  readonly v: 1;
  /** In the order of the file. */
  readonly stages: readonly { readonly stage: string; readonly cells: number }[];
  /** Those that were no hits when the run began. */
  readonly pending: readonly PendingCell[];
  readonly capacity: Capacity;
}

export interface PendingCell {
  readonly cell: CellId;
  readonly needs: readonly CellId[];
  readonly demand: Demand;
  readonly priority?: number;
  /** Expected seconds; absent where nothing like it was ever measured. */
  readonly seconds?: number;
}

export function outlookOf(plan: Plan, estimate: Estimate, capacity: Capacity): Outlook {
  const counts = new Map<string, number>();
  for (const { cell } of plan.cells) counts.set(cell.stage, (counts.get(cell.stage) ?? 0) + 1);
  const cells = plan.cells.flatMap(({ status, cell }) => (status === 'hit' ? [] : [cell]));
  const ids = new Set(cells.map(({ id }) => id));
  return {
    v: 1,
    stages: [...counts].map(([stage, count]) => ({ stage, cells: count })),
    pending: cells.map((cell) => {
      const seconds = estimate(cell);
      return {
        cell: cell.id,
        needs: cell.needs.filter((id) => ids.has(id)),
        demand: demandOf(cell.resources),
        ...(cell.priority === undefined ? {} : { priority: cell.priority }),
        ...(seconds === undefined ? {} : { seconds }),
      };
    }),
    capacity,
  };
}

export const outlookText = (outlook: Outlook): string => JSON.stringify(outlook);

/** Undefined where the text is no outlook of this version. */
export function parseOutlook(text: string | undefined): Outlook | undefined {
  try {
    const value = JSON.parse(text ?? '') as Partial<Outlook> | null;
    return value?.v === 1 ? (value as Outlook) : undefined;
  } catch {
    return undefined;
  }
}

export interface TimeLeft {
  readonly seconds: number;
  /** Cells of which nothing is known yet; they count as no time. */
  readonly unknown: number;
}

const stageOf = (cell: CellId): string => cell.split('/', 1)[0] ?? cell;

/** How long a run will go on yet, as its events come. What a run measures itself stands for the rest of a stage. */
export class Remaining {
  readonly #outlook: Outlook;
  readonly #ended = new Set<CellId>();
  /** When each running cell began, in ms since 1970. */
  readonly #begun = new Map<CellId, number>();
  readonly #measured = new Map<string, { readonly sum: number; readonly count: number }>();

  constructor(outlook: Outlook) {
    this.#outlook = outlook;
  }

  hear(event: RunEvent): void {
    if (event.type === 'cell-started') this.#begun.set(event.cell, event.time);
    if (event.type === 'cell-retried') this.#begun.delete(event.cell);
    if (event.type === 'cell-reopened') this.#ended.delete(event.cell);
    if (event.type !== 'cell-finished') return;
    this.#begun.delete(event.cell);
    this.#ended.add(event.cell);
    if (event.status === 'ran') this.#measure(stageOf(event.cell), event.seconds ?? 0);
  }

  /** @param now ms since 1970 */
  at(now: number): TimeLeft {
    let unknown = 0;
    const tasks = this.#outlook.pending.flatMap((pending): Waiting[] => {
      if (this.#ended.has(pending.cell)) return [];
      const seconds = pending.seconds ?? this.#mean(stageOf(pending.cell));
      if (seconds === undefined) unknown += 1;
      const needs = pending.needs.filter((id) => !this.#ended.has(id));
      const begun = this.#begun.get(pending.cell);
      if (begun === undefined) return [{ ...pending, needs, seconds: seconds ?? 0 }];
      // It holds already what it needs: it comes before all others.
      const left = Math.max(0, (seconds ?? 0) - (now - begun) / 1000);
      return [{ ...pending, needs, seconds: left, priority: Infinity }];
    });
    return { seconds: makespan(tasks, this.#outlook.capacity), unknown };
  }

  #measure(stage: string, seconds: number): void {
    const { sum, count } = this.#measured.get(stage) ?? { sum: 0, count: 0 };
    this.#measured.set(stage, { sum: sum + seconds, count: count + 1 });
  }

  #mean(stage: string): number | undefined {
    const found = this.#measured.get(stage);
    return found && found.sum / found.count;
  }
}
