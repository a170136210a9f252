/**
 * What the rows on a terminal cost by themselves: a run of 1,000 cells in 10 stages, with 100 cells a second that end
 * and 8 that report their metrics 10 times a second, played to the display and to nobody, by turns in one process.
 * `node dist/bench/display.js [seconds]` prints a table and appends a line to bench/history.jsonl.
 */
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../runner/execute/clock.js';
import type { CliHost } from '../cli/host.js';
import type { Presenter } from '../cli/progress/presenter.js';
import { terminalPresenter } from '../cli/progress/terminal.js';
import type { CellId, Key } from '../runner/pipeline.js';
import type { Outlook } from '../runner/execute/outlook.js';
import type { CellEvent, LifecycleEvent } from '../runner/track/events.js';
import { remember, rounded } from './measure.js';
import { asked } from './options.js';

const cells = 1000;
const stages = 10;
const atOnce = 8;
const tickMs = 10;
const reportTicks = 10;
const turns = 3;

const idOf = (cell: number): CellId => `stage${cell % stages}/seed=${cell}` as CellId;

const outlook: Outlook = {
  v: 1,
  stages: Array.from({ length: stages }, (_, i) => ({ stage: `stage${i}`, cells: cells / stages })),
  pending: Array.from({ length: cells }, (_, cell) => ({
    cell: idOf(cell),
    needs: cell % stages === 0 ? [] : [idOf(cell - 1)],
    demand: { cpu: 1, memory: 0, gpu: 0, tokens: {} },
    seconds: 1,
  })),
  capacity: { cpu: atOnce, memory: 0, gpus: [], tokens: {} },
};

type Event = LifecycleEvent | CellEvent;

/** What happens in a tick of 10 ms: a cell ends and another begins; every tenth, all that run say how they do. */
function eventsOf(tick: number): Event[] {
  const cell = tick % cells;
  const events: Event[] = [
    { type: 'cell-started', cell: idOf(cell), key: '' as Key, attempt: 1 },
    {
      type: 'cell-finished',
      cell: idOf((cell + cells - atOnce) % cells),
      status: 'ran',
      seconds: atOnce * (tickMs / 1000),
    },
  ];
  if (tick % reportTicks === 0)
    for (let i = 0; i < atOnce; i++) {
      const running = idOf((cell + cells - i) % cells);
      events.push(
        { type: 'metric', cell: running, seq: tick, name: 'loss', value: 1 / (1 + tick), step: tick },
        { type: 'progress', cell: running, seq: tick, done: tick % 100, total: 100, unit: 'steps' },
      );
    }
  return events;
}

const nobody: Presenter = { show: () => undefined, close: () => Promise.resolve() };

/** Processor seconds of a second of the run. */
async function play(seconds: number, presenter: Presenter): Promise<number> {
  const before = process.cpuUsage();
  const began = performance.now();
  for (let tick = 0; performance.now() - began < seconds * 1000; tick++) {
    for (const event of eventsOf(tick)) presenter.show({ time: tick * tickMs, run: 'bench', ...event });
    await sleep(tickMs);
  }
  const took = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  await presenter.close();
  return (user + system) / 1e6 / took;
}

/** In the child, whose output is taken for a terminal: what is drawn goes through a pipe to the parent. */
async function measure(seconds: number): Promise<void> {
  for (const [name, value] of Object.entries({ isTTY: true, columns: 120, rows: 40 }))
    Object.defineProperty(process.stdout, name, { value });
  const host = { stdout: process.stdout, clock: systemClock } as unknown as CliHost;
  await play(1, terminalPresenter(outlook, host)); // compiles what is measured
  const figures: { display: number; nobody: number }[] = [];
  for (let turn = 0; turn < turns; turn++)
    figures.push({
      nobody: await play(seconds, nobody),
      display: await play(seconds, terminalPresenter(outlook, host)),
    });
  process.send?.(figures);
  process.disconnect();
}

const middle = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

async function main(seconds: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['child', String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, CI: '', NO_COLOR: '' },
  });
  let drawn = 0;
  child.stdout?.on('data', (chunk: Buffer) => (drawn += chunk.length));
  const figures = await new Promise<{ display: number; nobody: number }[]>((resolve, reject) => {
    child.on('message', (message) => resolve(message as { display: number; nobody: number }[]));
    child.on('exit', (code) => reject(new Error(`the display ended with ${String(code)}`)));
  });
  if (drawn === 0) throw new Error('nothing was drawn, so nothing was measured');
  const display = middle(figures.map((turn) => turn.display));
  const without = middle(figures.map((turn) => turn.nobody));
  const found = {
    'with the display': `${rounded(display * 100, 2)}% of a core`,
    'without it': `${rounded(without * 100, 2)}% of a core`,
    'the display': `${rounded((display - without) * 100, 2)}% of a core`,
    'bytes a second': Math.round(drawn / (turns * seconds + 1)),
  };
  console.table(found);
  remember('display', {
    ...{ cells, stages, seconds },
    ...{ display: rounded(display, 4), without: rounded(without, 4), bytes: drawn },
  });
}

if (process.argv[2] === 'child') await measure(Number(process.argv[3]));
else await main(asked({ usage: 'node dist/bench/display.js [seconds]', most: 1 }).numbers[0] ?? 5);
