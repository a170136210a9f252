import type { Outlook } from '../../runner/execute/outlook.js';
import type { CellId } from '../../runner/pipeline.js';
import type { CellEvent, LifecycleEvent, RunEvent } from '../../runner/track/events.js';
import type { CliHost } from '../host.js';
import { clean, duration, oneLine } from '../text.js';
import { waitingText } from './state.js';

/** Shows a run while it goes. */
export interface Presenter {
  show(event: RunEvent): void;
  /** The last event was shown; resolves when everything is drawn. */
  close(): Promise<void>;
}

export function jsonPresenter(host: CliHost): Presenter {
  return {
    show: (event) => void host.stdout.write(`${JSON.stringify(event)}\n`),
    close: () => Promise.resolve(),
  };
}

/** A line for what begins and ends, and for how far a long cell is; hits are only counted, at the end. */
export function plainPresenter(host: CliHost): Presenter {
  const ways = new Ways();
  return {
    show: (event) => {
      const line = ways.line(event) ?? plainLine(event);
      if (line !== undefined) host.stdout.write(`${clean(line)}\n`);
    },
    close: () => Promise.resolve(),
  };
}

/** Milliseconds between two lines on one cell, at least. */
const wayEvery = 60_000;

/** How far long cells are, by the times of their events. */
class Ways {
  readonly #told = new Map<CellId, number>();

  line(event: RunEvent): string | undefined {
    if (event.type === 'cell-started') this.#told.set(event.cell, event.time);
    if (event.type === 'cell-finished' || event.type === 'cell-retried') this.#told.delete(event.cell);
    if (event.type !== 'progress') return undefined;
    const { cell, time, done, total, unit } = event;
    if (time - (this.#told.get(cell) ?? time) < wayEvery) return undefined;
    this.#told.set(cell, time);
    return `going    ${cell}  ${done}/${total} ${oneLine(unit)}`;
  }
}

/** A line, whole however long (its point may come last), for an event that a reader of plain text should see. */
export function plainLine(event: LifecycleEvent | CellEvent): string | undefined {
  switch (event.type) {
    case 'cell-started':
      return `start    ${event.cell}${event.attempt > 1 ? ` (attempt ${event.attempt})` : ''}`;
    case 'cell-retried':
      return `retry    ${event.cell} in ${duration(event.backoff)}: ${oneLine(event.failure.message)}`;
    case 'cell-waiting':
      return `waiting  ${event.cell}: ${waitingText(event)}`;
    case 'cell-finished': {
      if (event.status === 'hit' || event.status === 'skipped') return undefined;
      // The message, with what to do, stands once, in the summary.
      const detail = event.failure
        ? `(${event.failure.class}, ${event.failure.code})`
        : duration(event.seconds ?? 0);
      return `${event.status.padEnd(8)} ${event.cell}  ${detail}${event.tainted ? ' (tainted)' : ''}`;
    }
    case 'cell-reopened':
      return `again    ${event.cell}  (its result is gone from the store, and ${event.reader} reads it)`;
    case 'run-note':
      return `note     ${event.cell === undefined ? '' : `${event.cell}: `}${event.text}`;
    case 'log':
      return event.level === 'warning' || event.level === 'error'
        ? `${event.level.padEnd(8)} ${event.cell}  ${oneLine(event.text, Infinity)}`
        : undefined;
    case 'note':
      return `note     ${event.cell}: ${oneLine(event.markdown, Infinity)}`;
    case 'run-started':
    case 'run-finished':
    case 'metric':
    case 'progress':
    case 'sample':
    case 'judgment':
    case 'artifact':
      return undefined;
  }
}

/** JSON where asked for, rows on a terminal, lines elsewhere; a run of hits only needs no rows. */
export async function choosePresenter(outlook: Outlook, json: boolean, host: CliHost): Promise<Presenter> {
  if (json) return jsonPresenter(host);
  if (host.stdout.isTTY !== true || outlook.pending.length === 0) return plainPresenter(host);
  const { terminalPresenter } = await import('./terminal.js');
  return terminalPresenter(outlook, host);
}
