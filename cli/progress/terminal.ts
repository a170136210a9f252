/** Rows on a terminal. listr2 draws; what is drawn and when is decided here. */
import { DefaultRenderer, Listr, type ListrTaskWrapper } from 'listr2';
import { Remaining, type Outlook, type TimeLeft } from '../../runner/execute/outlook.js';
import type { RunEvent } from '../../runner/track/events.js';
import type { CliHost } from '../host.js';
import { clean, clip, duration, timeLeft } from '../text.js';
import { plainLine, type Presenter } from './presenter.js';
import { advance, initialProgress, screen, settled, type Progress } from './state.js';

/** Milliseconds between two drawings: two a second can be read, and four cost twice as much. */
const interval = 500;
/** Milliseconds between two estimates of the time left, at least. */
const estimateEvery = 2000;
/** An estimate of many cells takes long: it may take this part of the time. */
const estimateShare = 0.002;
/** Notes and warnings that are kept to be shown at the end. */
const mostRemarks = 500;
/** Lines of the screen that stay free. */
const margin = 4;

/** Draws when told to, not at every change of a title. */
class CalmRenderer extends DefaultRenderer {
  /** The renderer that is drawing: listr2 makes it and keeps it to itself. */
  static drawing: CalmRenderer | undefined;

  override async render(): Promise<void> {
    await super.render();
    CalmRenderer.drawing = this;
  }

  override update(): void {
    // Every change of a title asks for this; `draw` is called by the clock below.
  }

  draw(): void {
    super.update();
  }
}

type Wrapper = ListrTaskWrapper<unknown, typeof CalmRenderer, typeof CalmRenderer>;

/** One line of the screen, as a task of listr2's that ends when it is told to. */
class Row {
  readonly #title: string;
  #wrapper: Wrapper | undefined;
  #end: ((failed: boolean) => void) | undefined;

  constructor(title: string) {
    this.#title = title;
  }

  get task(): { title: string; task: (context: unknown, wrapper: Wrapper) => Promise<void> } {
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (failed) => {
        if (failed) reject(new Error('failed'));
        else resolve();
      };
    });
    return {
      title: this.#title,
      task: (_, wrapper) => {
        this.#wrapper = wrapper;
        return ended;
      },
    };
  }

  show(title: string): void {
    if (this.#wrapper) this.#wrapper.title = title;
  }

  end(failed: boolean): void {
    this.#end?.(failed);
  }
}

export function terminalPresenter(outlook: Outlook, host: CliHost): Presenter {
  let progress: Progress = initialProgress(outlook.stages);
  const time = new TimeLine(outlook, host);
  const remarks: string[] = [];
  let unsaid = 0;
  const height = Math.max(1, Math.min(progress.size, (host.stdout.rows ?? 24) - margin));
  const width = (host.stdout.columns ?? 80) - 4;
  const rows = screen(progress, height).map((title) => new Row(clip(title, width)));
  const last = new Row(time.text());
  const drawn = new Listr(
    [...rows, last].map((row) => row.task),
    {
      concurrent: true,
      exitOnError: false,
      renderer: CalmRenderer,
      rendererOptions: { lazy: true, showErrorMessage: false, formatOutput: 'truncate' },
      registerSignalListeners: false,
    },
  ).run();
  const draw = (): void => {
    screen(progress, height).forEach((title, i) => rows[i]?.show(clip(title, width)));
    last.show(clip(time.text(), width));
    if (rows.length === progress.size) endSettled(progress, rows);
    CalmRenderer.drawing?.draw();
  };
  const timer = setInterval(draw, interval);
  return {
    show: (event) => {
      progress = advance(progress, event);
      time.hear(event);
      const remark = remarkOf(event);
      if (remark !== undefined && remarks.length === mostRemarks) unsaid += 1;
      else if (remark !== undefined) remarks.push(clean(remark));
    },
    close: async () => {
      clearInterval(timer);
      draw();
      for (const row of [...rows, last]) row.end(false);
      await drawn;
      for (const remark of remarks) host.stdout.write(`${remark}\n`);
      if (unsaid > 0) host.stdout.write(`and ${unsaid} notes and warnings more; see \`moft logs\`\n`);
    },
  };
}

/** The last line: how long the run will go on, and what the store has saved. */
class TimeLine {
  readonly #host: CliHost;
  readonly #remaining: Remaining;
  #left: TimeLeft | undefined;
  #estimated = -Infinity;
  #again = -Infinity;
  #saved = 0;
  #ended: string | undefined;

  constructor(outlook: Outlook, host: CliHost) {
    this.#remaining = new Remaining(outlook);
    this.#host = host;
  }

  hear(event: RunEvent): void {
    this.#remaining.hear(event);
    if (event.type === 'cell-finished' && event.status === 'hit') this.#saved += event.seconds ?? 0;
    if (event.type === 'run-finished') this.#ended = `${duration(event.seconds)} in all`;
  }

  text(): string {
    const saved = this.#saved > 0 ? `; the store saved ${duration(this.#saved)}` : '';
    return `${this.#ended ?? this.#estimate()}${saved}`;
  }

  /** Between two estimates the last one runs down with the clock. */
  #estimate(): string {
    const { clock } = this.#host;
    const now = clock.monotonic();
    if (this.#left === undefined || now >= this.#again) {
      this.#left = this.#remaining.at(clock.wall());
      this.#estimated = now;
      this.#again = now + Math.max(estimateEvery, (clock.monotonic() - now) / estimateShare);
    }
    const { seconds, unknown } = this.#left;
    return timeLeft({ seconds: Math.max(0, seconds - (now - this.#estimated) / 1000), unknown });
  }
}

/** Where every stage has a row, a row gets its mark as soon as its stage is through. */
function endSettled(progress: Progress, rows: readonly Row[]): void {
  [...progress.values()].forEach((stage, i) => {
    if (settled(stage) === stage.total) rows[i]?.end(stage.counts.failed + stage.counts.skipped > 0);
  });
}

/** Warnings and notes would be drawn over: they follow the rows. */
function remarkOf(event: RunEvent): string | undefined {
  return event.type === 'log' || event.type === 'note' || event.type === 'run-note'
    ? plainLine(event)
    : undefined;
}
