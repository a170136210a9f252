/** Follows a run from outside: its journal, and what its running cells say, as the run's own terminal hears it. */
import type { JsonObject } from '../../schemas/json.js';
import type { StageEvent } from '../../schemas/protocol.js';
import { openLine, Tail, type JournalFollower, type Store } from '../store/index.js';
import type { CellId } from '../pipeline.js';
import type { LifecycleEvent, RunEvent } from './events.js';

/** What the cells of a run said before they ended isn't told again to who comes later: their logs have it. */
export class RunFollower {
  readonly #store: Store;
  readonly #run: string;
  readonly #journal: JournalFollower;
  readonly #stages = new Map<CellId, Tail>();

  constructor(store: Store, run: string) {
    this.#store = store;
    this.#run = run;
    this.#journal = store.followJournal(run);
  }

  /** All that happened since the last look, in its order. */
  next(): readonly RunEvent[] {
    const lines = this.#journal.read();
    const events = (lines.ok ? lines.value : []).map((line) => this.#lifecycle(line));
    const begun = new Set<CellId>();
    for (const event of events) if (event.type === 'cell-started') begun.add(event.cell);
    const told = events.flatMap((event) => this.#withLastWords(event, begun));
    return [...told, ...[...this.#stages.keys()].flatMap((cell) => this.#heard(cell))];
  }

  /** A cell's own words come before its end; those of an attempt that is over already are not looked for. */
  #withLastWords(event: RunEvent, begun: Set<CellId>): readonly RunEvent[] {
    if (event.type === 'cell-started') {
      const [attempt] = this.#store.attempts.list(this.#run, event.cell).slice(-1);
      if (attempt) this.#stages.set(event.cell, new Tail(attempt.events));
    }
    if (event.type !== 'cell-retried' && event.type !== 'cell-finished') return [event];
    const words = begun.has(event.cell) ? [] : this.#heard(event.cell);
    this.#stages.delete(event.cell);
    return [...words, event];
  }

  #lifecycle(line: JsonObject): RunEvent {
    const event = { ...line, run: this.#run } as unknown as LifecycleEvent & { time: number; run: string };
    delete (event as { seq?: unknown }).seq;
    return event;
  }

  #heard(cell: CellId): readonly RunEvent[] {
    return (this.#stages.get(cell)?.readAll() ?? []).flatMap((line) => {
      const event = stageEvent(line);
      return event ? [{ ...event, run: this.#run, cell }] : [];
    });
  }
}

/** Undefined for a line that a kill tore, or that is not as it was written. */
export function stageEvent(line: string): StageEvent | undefined {
  try {
    // Earlier versions wrote no checksums.
    const body = line.includes('"sum":"') ? openLine(line) : line;
    const event = JSON.parse(body ?? '') as StageEvent & { attempt?: string };
    delete event.attempt;
    return Number.isSafeInteger(event.seq) && Number.isSafeInteger(event.time) ? event : undefined;
  } catch {
    return undefined;
  }
}
