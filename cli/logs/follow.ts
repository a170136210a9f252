/** Goes on with what a cell says and prints, attempt after attempt, until it has ended. */
import { Tail, TextTail, type Attempt, type Store } from '../../runner/store/index.js';
import { stageEvent } from '../../runner/track/follow.js';
import { exitCode, type ExitCode } from '../exit.js';
import type { CliHost } from '../host.js';
import { stateOf } from '../live.js';
import type { Logged } from '../logs.js';
import { pauses } from '../pauses.js';
import { clean } from '../text.js';
import { eventLines } from './event-line.js';

interface Context {
  readonly store: Store;
  readonly host: CliHost;
}

/** The exit code says how the cell ended: 0 with a result, 1 without. */
export async function followLogs(logged: Logged, json: boolean, context: Context): Promise<ExitCode> {
  const { store, host } = context;
  const { manifest, cell } = logged;
  const journal = store.followJournal(manifest.run);
  const logs = new CellLogs(logged, json, context);
  for await (const interrupted of pauses(host)) {
    if (interrupted) break;
    // Looked at first: what the cell said before its end is there by then.
    const over = (await stateOf(store.runs.read(manifest.run) ?? manifest, store)) !== 'running';
    const news = journal.read();
    const end = (news.ok ? news.value : []).findLast(
      (event) => event.type === 'cell-finished' && event.cell === cell,
    );
    logs.show();
    if (end) return end.status === 'ran' || end.status === 'hit' ? exitCode.done : exitCode.failed;
    if (over) return exitCode.failed;
  }
  return exitCode.interrupted;
}

class CellLogs {
  readonly #logged: Logged;
  readonly #json: boolean;
  readonly #context: Context;
  readonly #readers: { readonly number: number; readonly read: () => string }[] = [];

  constructor(logged: Logged, json: boolean, context: Context) {
    this.#logged = logged;
    this.#json = json;
    this.#context = context;
  }

  /** Shows what has come since the last time. A failed attempt may still be talking when the next one is there. */
  show(): void {
    const { store, host } = this.#context;
    const { manifest, cell } = this.#logged;
    const all = store.attempts.list(manifest.run, cell);
    // Whoever comes late is told of the newest attempt, and of all that follow it.
    const fresh = this.#readers.length === 0 ? all.slice(-1) : all.slice(this.#readers[0]?.number);
    for (const attempt of fresh)
      if (!this.#readers.some(({ number }) => number === attempt.number))
        this.#readers.push(this.#reader(attempt));
    for (const { read } of this.#readers) host.stdout.write(read());
  }

  #reader(attempt: Attempt): { readonly number: number; readonly read: () => string } {
    const events = new Tail(attempt.events);
    const printed = new TextTail(attempt.log);
    const eventLine = eventLines();
    let head = attempt.number > 1 && !this.#json ? `--- attempt ${attempt.number} ---\n` : '';
    const read = (): string => {
      const shown = events.readAll().flatMap((line) => {
        const event = stageEvent(line);
        if (!event) return [];
        return [this.#json ? JSON.stringify(event) : eventLine(event)];
      });
      const text =
        head + shown.map((line) => `${line}\n`).join('') + (this.#json ? '' : clean(printed.read()));
      head = '';
      return text;
    };
    return { number: attempt.number, read };
  }
}
