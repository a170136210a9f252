/** What a run looks like at a moment: pure, fed with events, drawn by anyone. */
import type { CellId } from '../../runner/pipeline.js';
import type { CellWaiting, Counts, RunEvent } from '../../runner/track/events.js';
import { addCell, noCounts, removeCell } from '../../runner/track/events.js';
import { oneLine } from '../text.js';

export interface RunningCell {
  readonly cell: CellId;
  /** Such as `120/300 steps`. */
  readonly progress?: string;
  /** Such as `loss 2.31`: the newest metric. */
  readonly metric?: string;
}

export interface StageProgress {
  readonly stage: string;
  readonly total: number;
  readonly counts: Counts;
  readonly running: ReadonlyMap<CellId, RunningCell>;
}

export type Progress = ReadonlyMap<string, StageProgress>;

export function initialProgress(
  all: readonly { readonly stage: string; readonly cells: number }[],
): Progress {
  return new Map(
    all.map(({ stage, cells }) => [stage, { stage, total: cells, counts: noCounts, running: new Map() }]),
  );
}

/** The progress after an event. */
export function advance(progress: Progress, event: RunEvent): Progress {
  if (!('cell' in event)) return progress;
  const stage = progress.get(stageOf(event.cell));
  return stage ? new Map(progress).set(stage.stage, advanceStage(stage, event, event.cell)) : progress;
}

function advanceStage(stage: StageProgress, event: RunEvent, cell: CellId): StageProgress {
  switch (event.type) {
    case 'cell-started':
      return withRunning(stage, cell, { cell });
    case 'cell-waiting':
      return withRunning(stage, cell, { cell, progress: waitingText(event) });
    case 'cell-retried':
      return withoutRunning(stage, cell);
    case 'cell-finished':
      return withoutRunning({ ...stage, counts: addCell(stage.counts, event) }, cell);
    case 'cell-reopened':
      return { ...stage, counts: removeCell(stage.counts, { status: event.was }) };
    case 'progress':
      return change(stage, cell, { progress: oneLine(`${event.done}/${event.total} ${event.unit}`, 40) });
    case 'metric':
      return changeMetric(stage, cell, event);
    case 'run-started':
    case 'run-note':
    case 'run-finished':
    case 'log':
    case 'note':
    case 'sample':
    case 'judgment':
    case 'artifact':
      return stage;
  }
}

/** `waits for HOST pid 123, which runs it`. */
export function waitingText({ holder: { host, pid, runner } }: Pick<CellWaiting, 'holder'>): string {
  const who = host === undefined || pid === undefined ? `another run (${runner})` : `${host} pid ${pid}`;
  return `waits for ${who}, which runs it`;
}

function change(stage: StageProgress, cell: CellId, news: Omit<RunningCell, 'cell'>): StageProgress {
  const running = stage.running.get(cell);
  return running ? withRunning(stage, cell, { ...running, ...news }) : stage;
}

/** Of many metrics a step, the one that a reader waits for stays on the screen. */
const telling = [/reward(?!s\/excluded)|value/, /regret/, /loss/];

/** How far from what is waited for: 0 is best. */
function remoteness(metric: string): number {
  const rank = telling.findIndex((pattern) => pattern.test(metric));
  return rank < 0 ? telling.length : rank;
}

function changeMetric(
  stage: StageProgress,
  cell: CellId,
  { name, value }: { readonly name: string; readonly value: number },
): StageProgress {
  const shown = stage.running.get(cell)?.metric;
  if (shown !== undefined && remoteness(shown) < remoteness(name)) return stage;
  return change(stage, cell, { metric: oneLine(`${name} ${Number(value.toPrecision(4))}`, 40) });
}

function withRunning(stage: StageProgress, cell: CellId, running: RunningCell): StageProgress {
  return { ...stage, running: new Map(stage.running).set(cell, running) };
}

function withoutRunning(stage: StageProgress, cell: CellId): StageProgress {
  const running = new Map(stage.running);
  running.delete(cell);
  return { ...stage, running };
}

export function stageOf(cell: CellId): string {
  return cell.split('/', 1)[0] ?? cell;
}

export function settled({ counts }: StageProgress): number {
  return counts.ran + counts.hit + counts.failed + counts.skipped;
}

/** `reference  1/2  ran 1  [reference/seed=1  120/300 steps  loss 2.31]` */
export function stageLine(stage: StageProgress): string {
  const counts = (['hit', 'ran', 'failed', 'skipped', 'tainted', 'uncacheable'] as const)
    .map((status) => [status, stage.counts[status] ?? 0] as const)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${status}`);
  const [current] = stage.running.values();
  const others = stage.running.size > 1 ? ` and ${stage.running.size - 1} more` : '';
  const news =
    current && [current.cell, current.progress, current.metric].filter(Boolean).join('  ') + others;
  const parts = [stage.stage, `${settled(stage)}/${stage.total}`, counts.join(', '), news];
  return parts.filter((part) => part !== undefined && part !== '').join('  ');
}

/**
 * At most `height` lines: all stages in the order of the file where they fit; else those that run or failed come
 * first, and the last line counts the rest.
 */
export function screen(progress: Progress, height: number): string[] {
  const stages = [...progress.values()];
  if (stages.length <= height) return stages.map(stageLine);
  const urgent = (stage: StageProgress): number =>
    stage.running.size > 0 ? 0 : stage.counts.failed > 0 ? 1 : settled(stage) < stage.total ? 2 : 3;
  const chosen = new Set([...stages].sort((a, b) => urgent(a) - urgent(b)).slice(0, Math.max(0, height - 1)));
  const rest = stages.filter((stage) => !chosen.has(stage));
  const done = rest.filter((stage) => settled(stage) === stage.total).length;
  const lines = stages.filter((stage) => chosen.has(stage)).map(stageLine);
  return [...lines, `and ${rest.length} more stages, ${done} of them finished`];
}
