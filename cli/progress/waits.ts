/** Which cells of a run wait, and for what: pure, fed with the events of the run. */
import type { Outlook } from '../../runner/execute/outlook.js';
import { Budget, lacks } from '../../runner/execute/resources.js';
import type { CellId } from '../../runner/pipeline.js';
import type { LeaseHolder } from '../../runner/store/index.js';
import type { RunEvent } from '../../runner/track/events.js';
import type { Failure } from '../../schemas/protocol.js';

export type Wait =
  /** Another run is at its key. */
  | { readonly cell: CellId; readonly for: 'lease'; readonly holder: LeaseHolder }
  /** It failed and is tried again, at a time in ms since 1970. */
  | { readonly cell: CellId; readonly for: 'retry'; readonly failure: Failure; readonly until: number }
  /** What it asks for, of what the machine has, others hold: `cpu`, `tokens.judge-rpm`. */
  | { readonly cell: CellId; readonly for: 'resources'; readonly lacks: readonly string[] };

export class Waits {
  readonly #outlook: Outlook | undefined;
  readonly #ended = new Set<CellId>();
  readonly #begun = new Set<CellId>();
  readonly #told = new Map<CellId, Wait>();

  constructor(outlook: Outlook | undefined) {
    this.#outlook = outlook;
  }

  hear(event: RunEvent): void {
    if (event.type === 'cell-waiting') {
      const { cell, holder } = event;
      this.#told.set(cell, { cell, for: 'lease', holder });
    }
    if (event.type === 'cell-retried') {
      const { cell, failure, backoff, time } = event;
      this.#begun.delete(cell);
      this.#told.set(cell, { cell, for: 'retry', failure, until: time + backoff * 1000 });
    }
    if (event.type === 'cell-reopened') this.#ended.delete(event.cell);
    if (event.type !== 'cell-started' && event.type !== 'cell-finished') return;
    const ended = event.type === 'cell-finished';
    this.#told.delete(event.cell);
    this.#begun.delete(event.cell);
    (ended ? this.#ended : this.#begun).add(event.cell);
  }

  /**
   * Those that nothing but this keeps from running: what waits for other cells of its run is not among them.
   *
   * @param now ms since 1970
   */
  list(now: number): readonly Wait[] {
    const told = [...this.#told.values()].filter((wait) => wait.for !== 'retry' || wait.until > now);
    return [...told, ...this.#forResources(new Set(told.map(({ cell }) => cell)))];
  }

  #forResources(told: ReadonlySet<CellId>): readonly Wait[] {
    const { pending, capacity } = this.#outlook ?? {};
    if (!pending || !capacity) return [];
    const budget = new Budget(capacity);
    for (const { cell, demand } of pending) if (this.#begun.has(cell)) budget.take(demand);
    return pending.flatMap(({ cell, needs, demand }): Wait[] => {
      if (this.#ended.has(cell) || this.#begun.has(cell) || told.has(cell)) return [];
      if (!needs.every((id) => this.#ended.has(id))) return [];
      const lacking = lacks(demand, budget.free).map(({ name }) => name);
      return lacking.length === 0 ? [] : [{ cell, for: 'resources', lacks: lacking }];
    });
  }
}
