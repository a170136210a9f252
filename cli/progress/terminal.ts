/** Rows on a terminal. listr2 draws; what is drawn and when is decided here. */
import { DefaultRenderer, Listr, type ListrTaskWrapper } from 'listr2';
import type { Plan } from '../../runner/plan/index.js';
import type { CliHost } from '../host.js';
import { oneLine } from '../text.js';
import type { Presenter } from './presenter.js';
import { advance, initialProgress, screen, type Progress } from './state.js';

/** Milliseconds between two drawings: at most four a second. */
const interval = 250;
/** Lines kept free below and above the rows. */
const margin = 3;

/** Draws when told to, not at every change of a title. */
class CalmRenderer extends DefaultRenderer {
  static current: CalmRenderer | undefined;

  override async render(): Promise<void> {
    CalmRenderer.current = this;
    await super.render();
  }

  override update(): void {
    // Every change of a title asks for this; `draw` is called by the clock below.
  }

  draw(): void {
    super.update();
  }
}

type Row = ListrTaskWrapper<unknown, typeof CalmRenderer, typeof CalmRenderer>;

export function terminalPresenter(plan: Plan, host: CliHost): Presenter {
  let progress: Progress = initialProgress(plan.cells.map(({ cell }) => cell));
  const height = Math.max(1, Math.min(progress.size, (host.stdout.rows ?? 24) - margin));
  const rows: Row[] = [];
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const titles = (): string[] =>
    screen(progress, height).map((line) => oneLine(line, (host.stdout.columns ?? 80) - 4));
  const drawn = new Listr(
    titles().map((title) => ({
      title,
      task: (_: unknown, row: Row) => {
        rows.push(row);
        return finished;
      },
    })),
    {
      concurrent: true,
      renderer: CalmRenderer,
      rendererOptions: { lazy: true },
      registerSignalListeners: false,
    },
  ).run();
  const draw = (): void => {
    titles().forEach((title, i) => {
      const row = rows[i];
      if (row) row.title = title;
    });
    CalmRenderer.current?.draw();
  };
  const timer = setInterval(draw, interval);
  return {
    show: (event) => (progress = advance(progress, event)),
    close: async () => {
      clearInterval(timer);
      draw();
      finish();
      await drawn;
    },
  };
}
