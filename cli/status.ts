import { parseOutlook, Remaining, type TimeLeft } from '../runner/execute/outlook.js';
import type { CellId } from '../runner/pipeline.js';
import type { RunManifest, Store } from '../runner/store/index.js';
import { addCell, noCounts, removeCell, type Counts, type RunEvent } from '../runner/track/events.js';
import { RunFollower } from '../runner/track/follow.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode } from './exit.js';
import type { CliHost } from './host.js';
import { liveRun, liveRuns } from './live.js';
import { open, printJson, storeRoot } from './load.js';
import { flag } from './options.js';
import {
  advance,
  initialProgress,
  stageOf,
  waitingText,
  type Progress,
  type RunningCell,
} from './progress/state.js';
import { Waits, type Wait } from './progress/waits.js';
import { clean, columns, counted, duration, oneLine, timeLeft } from './text.js';

const spec: CommandSpec = {
  usage: 'status [run]',
  description:
    'Show the runs that go on in this store: how far they are, what they run, what waits for what, how long yet',
  options: [jsonOption],
  examples: ['status', 'status --json', 'status 1a2b3c4d'],
  async run([named], options, host) {
    const store = await open(storeRoot(host.cwd, host), 'read', host);
    if (!store) return exitCode.environment;
    const runs = named === undefined ? await liveRuns(store) : [await liveRun(store, named)];
    const seen = await Promise.all(runs.map((manifest) => look(manifest, store, host)));
    if (flag(options, 'json')) printJson({ runs: seen.map(seenJson) }, host);
    else print(seen, host);
    return exitCode.done;
  },
};
export default spec;

interface Running extends RunningCell {
  readonly attempt: number;
  readonly seconds: number;
  /** Of the cell's key: under which epoch, and whether this run still has it. */
  readonly lease?: { readonly epoch: number; readonly own: boolean } | undefined;
}

interface Seen {
  readonly manifest: RunManifest;
  readonly runner: { readonly host?: string; readonly pid?: number };
  readonly stopping: boolean;
  readonly total: number;
  readonly counts: Counts;
  readonly running: readonly Running[];
  readonly waiting: readonly Wait[];
  readonly left?: TimeLeft;
}

async function look(manifest: RunManifest, store: Store, host: CliHost): Promise<Seen> {
  const { run, extra } = manifest;
  const { runnerIdentity } = await import('../runner/store/index.js');
  const outlook = parseOutlook(store.runs.readBeside(run, 'outlook'));
  const remaining = outlook && new Remaining(outlook);
  const waits = new Waits(outlook);
  let progress: Progress = initialProgress(outlook?.stages ?? []);
  let counts = noCounts;
  let total = 0;
  const begun = new Map<CellId, Extract<RunEvent, { type: 'cell-started' }>>();
  for (const event of new RunFollower(store, run).next()) {
    remaining?.hear(event);
    waits.hear(event);
    progress = advance(progress, event);
    if (event.type === 'run-started') total = event.cells;
    if (event.type === 'cell-started') begun.set(event.cell, event);
    if (event.type === 'cell-retried') begun.delete(event.cell);
    if (event.type === 'cell-reopened') counts = removeCell(counts, { status: event.was });
    if (event.type !== 'cell-finished') continue;
    begun.delete(event.cell);
    counts = addCell(counts, event);
  }
  const now = host.clock.wall();
  const runner = typeof extra?.runner === 'string' ? extra.runner : '';
  return {
    manifest,
    runner: runnerIdentity(store.root, runner) ?? {},
    stopping: store.runs.readBeside(run, 'cancel') !== undefined,
    total,
    counts,
    running: [...begun.values()].map(({ cell, attempt, time, key }) => ({
      ...(progress.get(stageOf(cell))?.running.get(cell) ?? { cell }),
      attempt,
      seconds: Math.max(0, Math.round(now - time) / 1000),
      ...leaseOf(store.leases.standing(key), runner),
    })),
    waiting: waits.list(now),
    ...(remaining ? { left: remaining.at(now) } : {}),
  };
}

function leaseOf(
  standing: ReturnType<Store['leases']['standing']>,
  runner: string,
): { readonly lease?: Running['lease'] } {
  return standing ? { lease: { epoch: standing.epoch, own: standing.runner === runner } } : {};
}

function seenJson({ manifest, runner, stopping, total, counts, running, waiting, left }: Seen): unknown {
  const { run, pipeline, file, started } = manifest;
  return {
    run,
    pipeline,
    file,
    started,
    status: stopping ? 'stopping' : 'running',
    ...(runner.host === undefined ? {} : { host: runner.host, pid: runner.pid }),
    cells: total,
    counts,
    running,
    waiting,
    ...(left === undefined ? {} : { remaining_seconds: left.seconds, unknown_cells: left.unknown }),
  };
}

function print(seen: readonly Seen[], host: CliHost): void {
  const lines = seen.length === 0 ? ['no run goes on in this store'] : seen.flatMap(linesOf);
  for (const line of lines) host.stdout.write(`${clean(line)}\n`);
}

function linesOf({ manifest, runner, stopping, total, counts, running, waiting, left }: Seen): string[] {
  const settled = counts.ran + counts.hit + counts.failed + counts.skipped;
  const parts = (['hit', 'ran', 'failed', 'skipped'] as const).flatMap((status) =>
    counts[status] > 0 ? [`${counts[status]} ${status}`] : [],
  );
  const where = runner.host === undefined ? '' : `, process ${runner.pid ?? '?'} on ${runner.host}`;
  const head = `${manifest.run}  ${manifest.pipeline}${stopping ? ', stopping' : ''}${where}`;
  const state = [`${settled}/${counted(total, 'cell')}`, ...parts, ...(left ? [timeLeft(left)] : [])];
  return [head, `  ${state.join(', ')}`, ...columns(running.map(runningRow)), ...waitingLines(waiting)];
}

/** More would push what runs off the screen. */
const shownWaits = 10;

function waitingLines(waiting: readonly Wait[]): string[] {
  const more = waiting.length - shownWaits;
  const rows = waiting.slice(0, shownWaits).map((wait) => ['   ', wait.cell, waitText(wait)]);
  return [...columns(rows), ...(more > 0 ? [`    and ${counted(more, 'cell')} more that wait`] : [])];
}

function waitText(wait: Wait): string {
  switch (wait.for) {
    case 'lease':
      return waitingText(wait);
    case 'retry':
      return oneLine(`waits for its next try: ${wait.failure.message}`, 90);
    case 'resources':
      return `waits for ${wait.lacks.join(' and ')}`;
  }
}

function runningRow({ cell, seconds, attempt, progress, metric, lease }: Running): string[] {
  const told = [
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    ...[progress, metric].filter((text) => text !== undefined),
    ...(lease?.own === false ? ['another runner has taken it over'] : []),
  ];
  return ['   ', cell, duration(seconds), told.join('  ')];
}
