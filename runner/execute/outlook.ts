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
  /** They are scaled from another amount of work: what the run itself measures of the stage is surer. */
  readonly scaled?: true;
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
      const { seconds, scaledBy } = estimate(cell) ?? {};
      return {
        cell: cell.id,
        needs: cell.needs.filter((id) => ids.has(id)),
        demand: demandOf(cell.resources),
        ...(cell.priority === undefined ? {} : { priority: cell.priority }),
        ...(seconds === undefined ? {} : { seconds }),
        ...(scaledBy === undefined ? {} : { scaled: true as const }),
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

/** How far a running cell has come, since it first said so. */
interface Way {
  readonly from: { readonly time: number; readonly done: number };
  readonly at: { readonly time: number; readonly done: number };
  readonly total: number;
}

const stageOf = (cell: CellId): string => cell.split('/', 1)[0] ?? cell;

/** How long a run will go on yet, as its events come. What a run measures itself stands for the rest of a stage. */
export class Remaining {
  readonly #outlook: Outlook;
  readonly #ended = new Set<CellId>();
  /** When each running cell began, in ms since 1970. */
  readonly #begun = new Map<CellId, number>();
  readonly #ways = new Map<CellId, Way>();
  readonly #measured = new Map<string, { readonly sum: number; readonly count: number }>();

  constructor(outlook: Outlook) {
    this.#outlook = outlook;
  }

  hear(event: RunEvent): void {
    if (event.type === 'cell-started') this.#begun.set(event.cell, event.time);
    if (event.type === 'progress') this.#advance(event);
    if (event.type === 'cell-retried') this.#forget(event.cell);
    if (event.type === 'cell-reopened') this.#ended.delete(event.cell);
    if (event.type !== 'cell-finished') return;
    this.#forget(event.cell);
    this.#ended.add(event.cell);
    if (event.status === 'ran') this.#measure(stageOf(event.cell), event.seconds ?? 0);
  }

  /** @param now ms since 1970 */
  at(now: number): TimeLeft {
    let unknown = 0;
    const tasks = this.#outlook.pending.flatMap((pending): Waiting[] => {
      if (this.#ended.has(pending.cell)) return [];
      const seconds = this.#expected(pending);
      const needs = pending.needs.filter((id) => !this.#ended.has(id));
      const begun = this.#begun.get(pending.cell);
      const ahead = begun === undefined ? undefined : this.#ahead(pending.cell, now);
      if (seconds === undefined && ahead === undefined) unknown += 1;
      if (begun === undefined) return [{ ...pending, needs, seconds: seconds ?? 0 }];
      // It holds already what it needs: it comes before all others.
      const left = ahead ?? Math.max(0, (seconds ?? 0) - (now - begun) / 1000);
      return [{ ...pending, needs, seconds: left, priority: Infinity }];
    });
    return { seconds: makespan(tasks, this.#outlook.capacity), unknown };
  }

  /** What was measured of just this, else what this run has measured, else what is in proportion to something else. */
  #expected({ cell, seconds, scaled }: PendingCell): number | undefined {
    const measured = this.#mean(stageOf(cell));
    return scaled === true ? (measured ?? seconds) : (seconds ?? measured);
  }

  #forget(cell: CellId): void {
    this.#begun.delete(cell);
    this.#ways.delete(cell);
  }

  /** From the first news on: before it lies the start of a worker, or a checkpoint that is gone on from. */
  #advance({ cell, time, done, total }: Extract<RunEvent, { type: 'progress' }>): void {
    const at = { time, done };
    const before = this.#ways.get(cell);
    const goesOn = before?.total === total && before.at.done <= done;
    this.#ways.set(cell, { from: goesOn ? before.from : at, at, total });
  }

  /** Seconds that a running cell has before it by its own pace, once a tenth of the way shows that. */
  #ahead(cell: CellId, now: number): number | undefined {
    const way = this.#ways.get(cell);
    if (way === undefined) return undefined;
    const { from, at, total } = way;
    const gone = at.done - from.done;
    if (gone <= 0 || gone < (total - from.done) / 10) return undefined;
    const each = (at.time - from.time) / gone;
    return Math.max(0, (total - at.done) * each - (now - at.time)) / 1000;
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
