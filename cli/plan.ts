import { dirname } from 'node:path';
import type { Estimate, Expected } from '../runner/execute/estimates.js';
import type { Forecast } from '../runner/execute/forecast.js';
import type { Capacity } from '../runner/execute/resources.js';
import type * as planningModule from '../runner/plan/index.js';
import type { KindRegistry } from '../runner/contract.js';
import type { CellId } from '../runner/pipeline.js';
import type { KeptSteps, Plan, PlannedCell, StageSummary } from '../runner/plan/index.js';
import type { Store } from '../runner/store/index.js';
import { capacityFor, capacityOptions } from './capacity.js';
import { engineFlag, engineOption } from './engine-option.js';
import { jsonOption, valueOptions, type CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import { forcedCells, forceOption } from './force.js';
import type { CliHost } from './host.js';
import { loadChecked, makePlan, open, printJson, printWarnings, storeRoot } from './load.js';
import { flag, positiveInteger, text } from './options.js';
import { variantLines } from './plan-variants.js';
import { missingSecrets } from './secrets.js';
import { outside, requireHits, select, selectionOptions } from './select.js';
import { clean, columns, counted, dollars, duration, oneLine } from './text.js';

type Planning = typeof planningModule;

const spec: CommandSpec = {
  usage: 'plan <file>',
  description: 'Show what a run would do, by stage: hits, runs and why, expected time; runs nothing',
  options: [
    ...valueOptions,
    ...selectionOptions,
    ['--cells', 'Show each cell, and why it would run'],
    ['--preview <cell>', 'Show instead the first rows of a data cell, or the tokens that an sft cell learns'],
    ['--rows <n>', 'Rows of a preview (default: 3)'],
    forceOption,
    ...capacityOptions,
    engineFlag,
    jsonOption,
  ],
  examples: [
    'plan pipelines/quickstart.yaml',
    'plan experiment.yaml --cells --until front',
    'plan experiment.yaml -j 64 --gpu 0,1,2,3',
    'plan pipelines/quickstart.yaml --preview news --rows 2',
  ],
  async run([file], options, host) {
    const backend = engineOption(options);
    if (text(options, 'rows') !== undefined && text(options, 'preview') === undefined)
      throw new UsageError('--rows is for --preview', 'name a cell: --preview CELL');
    const { pipeline, support } = await select(await loadChecked(file, options, host), options);
    const { cachesOf, withCaches } = await import('./machine.js');
    const caches = await cachesOf(dirname(pipeline.file), host);
    const local = await open(storeRoot(dirname(pipeline.file), host), 'read', host);
    if (!local) return exitCode.environment;
    const store = await withCaches(local, caches, host, { how: 'glimpse' });
    const planned = await makePlan(pipeline, store, host, {
      forced: await forcedCells(outside(support, pipeline.cells), options),
      backend,
    });
    if (!planned.ok) return planned.exit;
    requireHits(planned.plan, support);
    const preview = text(options, 'preview');
    if (preview !== undefined) {
      const { printPreview } = await import('./preview.js');
      const shown = { rows: positiveInteger(options, 'rows') ?? 3, json: flag(options, 'json') };
      return printPreview(planned.plan, preview, { store, host, ...shown });
    }
    const capacity = await capacityFor(planned.plan, options, host);
    const outlook = await lookAhead(planned.plan, { store, capacity, kinds: await host.kinds() });
    await printWarnings(pipeline.warnings, pipeline.file, host);
    if (flag(options, 'json')) printJson(planJson(outlook), host);
    else printPlan(outlook, flag(options, 'cells'), host);
    return exitCode.done;
  },
};
export default spec;

/** A plan with what is expected of it. */
interface Outlook {
  readonly plan: Plan;
  readonly stages: readonly StageSummary[];
  readonly cores: number;
  readonly forecast: Forecast;
  /** The same by the ends between which each cell is expected. */
  readonly least: Forecast;
  readonly most: Forecast;
  readonly estimate: Estimate;
  /** How far cells had come that never finished. */
  readonly kept: ReadonlyMap<CellId, KeptSteps>;
  readonly planning: Planning;
}

interface Basis {
  readonly store: Store;
  readonly capacity: Capacity;
  readonly kinds: KindRegistry;
}

async function lookAhead(plan: Plan, { store, capacity, kinds }: Basis): Promise<Outlook> {
  const [planning, { estimateSeconds }, { forecast }] = await Promise.all([
    import('../runner/plan/index.js'),
    import('../runner/execute/estimates.js'),
    import('../runner/execute/forecast.js'),
  ]);
  // History is read only where something may run.
  const allHits = plan.counts.hit === plan.cells.length;
  const estimate = allHits ? () => undefined : estimateSeconds(plan, store, kinds);
  const by = (end: 'seconds' | 'least' | 'most'): Forecast =>
    forecast(plan, (cell) => estimate(cell)?.[end], capacity);
  return {
    plan,
    stages: planning.stagesOf(plan),
    cores: capacity.cpu,
    forecast: by('seconds'),
    least: by('least'),
    most: by('most'),
    estimate,
    kept: allHits ? new Map<CellId, KeptSteps>() : planning.keptSteps(plan, store, kinds),
    planning,
  };
}

function planJson(outlook: Outlook): Record<string, unknown> {
  const { plan, stages, cores, forecast, least, most, planning } = outlook;
  const { savedSeconds, countReason, expectedCalls } = planning;
  return {
    pipeline: plan.pipeline.name,
    cells: plan.cells.map((planned) => ({ ...plannedJson(planned), ...cellOutlook(planned, outlook) })),
    counts: plan.counts,
    stages: stages.map((stage) => ({
      stage: stage.stage,
      kind: stage.kind,
      cells: stage.cells.length,
      counts: stage.counts,
      axes: Object.fromEntries(stage.axes.map(({ name, values }) => [name, values])),
      expected_seconds: workOf(stage, outlook.estimate)?.seconds ?? null,
      saved_seconds: savedSeconds(stage.cells),
    })),
    expected: {
      cores,
      seconds: forecast.seconds,
      least_seconds: least.seconds,
      most_seconds: most.seconds,
      critical_path_seconds: forecast.path,
      work_seconds: forecast.work,
      unknown_cells: forecast.unknown,
    },
    saved_seconds: savedSeconds(plan.cells),
    uncacheable: countReason(plan.cells, 'uncacheable'),
    tainted: countReason(plan.cells, 'tainted'),
    ...callsJson(expectedCalls(plan.cells)),
  };
}

const callsJson = (calls: ReturnType<Planning['expectedCalls']>): Record<string, unknown> =>
  calls
    ? { judge_calls: calls.judgeCalls, ...(calls.price === undefined ? {} : { judge_price: calls.price }) }
    : {};

/** What is expected of a cell that may run; what a hit saves. */
function cellOutlook(
  { cell, status, record }: PlannedCell,
  { estimate, kept }: Outlook,
): {
  expected_seconds?: number;
  least_seconds?: number;
  most_seconds?: number;
  saved_seconds?: number;
  scaled_by?: string;
  checkpoint?: KeptSteps;
} {
  if (status === 'hit') return record ? { saved_seconds: record.record.seconds } : {};
  const { seconds, least, most, scaledBy } = estimate(cell) ?? {};
  const checkpoint = kept.get(cell.id);
  return {
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(seconds === undefined ? {} : { expected_seconds: seconds }),
    ...(scaledBy === undefined || least === undefined || most === undefined
      ? {}
      : { least_seconds: least, most_seconds: most, scaled_by: scaledBy.join(', ') }),
  };
}

/** A planned cell as `plan --json` and `explain --json` show it. */
export function plannedJson(planned: PlannedCell): Record<string, unknown> {
  const { cell, status, key, reason, record, foreign, mixed } = planned;
  return {
    id: cell.id,
    stage: cell.stage,
    coordinates: cell.coordinates,
    kind: cell.kind,
    status,
    ...(key === undefined ? {} : { key }),
    ...(record?.from === undefined ? {} : { shared: record.from }),
    ...(foreign === undefined ? {} : { foreign }),
    ...(mixed === undefined ? {} : { mixed }),
    reason: { code: reason.code, message: reason.message, changes: reason.changes },
    needs: cell.needs,
  };
}

function printPlan(outlook: Outlook, byCell: boolean, host: CliHost): void {
  const { plan } = outlook;
  const lines = [
    ...plan.pipeline.remarks.map((remark) => `note: ${remark}`),
    ...missingSecrets(plan, host.env).map(({ message, hint }) => `note: ${message}; ${hint ?? ''}`),
    ...columns(byCell ? plan.cells.map(cellRow) : stageRows(outlook)),
    ...variantLines(plan),
    ...outlookLines(outlook),
    countsLine(plan),
  ];
  for (const line of lines) host.stdout.write(`${clean(line)}\n`);
}

function cellRow(planned: PlannedCell): string[] {
  return [planned.status, planned.cell.id, why(planned)];
}

function why({ status, reason, foreign, record }: PlannedCell): string {
  if (status !== 'hit') return oneLine(reason.message);
  const shared = record?.from === undefined ? [] : [`from the shared cache ${record.from}`];
  return oneLine([...shared, ...(foreign === undefined ? [] : [foreign])].join('; '));
}

function stageRows({ stages, estimate, planning }: Outlook): string[][] {
  const head = ['stage', 'cells', 'plan', 'axes', 'expected', 'saved', 'why'];
  const rows = stages.map((stage) => {
    const { counts, cells } = stage;
    const saved = planning.savedSeconds(cells);
    return [
      stage.stage,
      String(cells.length),
      statusText(counts),
      axesText(stage),
      counts.hit === cells.length ? '' : maybeSpan(workOf(stage, estimate)),
      counts.hit === 0 ? '' : duration(saved),
      stageWhy(stage),
    ];
  });
  return [head, ...rows];
}

/** The axes of the base, and how many variants ablations add. */
const axesText = ({ axes }: StageSummary): string =>
  axes
    .map(({ name, values }) =>
      name === 'ablation' ? `base + ${counted(values.length, 'variant')}` : `${name} x${values.length}`,
    )
    .join(', ');

const statusText = (counts: StageSummary['counts']): string =>
  (['hit', 'run', 'depends'] as const)
    .flatMap((status) => (counts[status] > 0 ? [`${counts[status]} ${status}`] : []))
    .join(', ');

const maybeSpan = (work: Expected | undefined): string =>
  work === undefined ? '?' : span(work.least, work.most);

/** `40 s`, or `40 s to 2 min 0 s` where the ends differ. */
function span(least: number, most: number): string {
  const [from, to] = [duration(least), duration(most)];
  return from === to ? from : `${from} to ${to}`;
}

/** Seconds of work of a stage's cells that may run; undefined where nothing is known of one of them. */
function workOf({ cells }: StageSummary, estimate: Estimate): Expected | undefined {
  const all = cells.flatMap(({ status, cell }) => (status === 'hit' ? [] : [estimate(cell)]));
  const known = all.filter((one) => one !== undefined);
  if (known.length < all.length) return undefined;
  const sum = (end: 'seconds' | 'least' | 'most'): number =>
    known.reduce((total, one) => total + one[end], 0);
  return { seconds: sum('seconds'), least: sum('least'), most: sum('most') };
}

/** The first reason of a stage, and how many others there are. */
function stageWhy({ cells }: StageSummary): string {
  const reasons = [...new Set(cells.map(why).filter((text) => text !== ''))];
  const [first = '', ...rest] = reasons;
  const more = rest.length === 0 ? '' : ` (and ${counted(rest.length, 'other reason')})`;
  return `${oneLine(first, 90)}${more}`;
}

/** Of trainings that were killed or stopped on their way. */
function checkpointLines(kept: Outlook['kept']): string[] {
  const line = (fate: KeptSteps['fate'], head: string, tail: (steps: string) => string): string[] => {
    const found = [...kept].filter(([, one]) => one.fate === fate);
    if (found.length === 0) return [];
    const steps = found.reduce((sum, [, one]) => sum + one.steps, 0);
    const [first = ''] = found.map(([cell]) => cell);
    const more = found.length === 1 ? '' : ` and ${found.length - 1} more`;
    return [`${head}: ${first}${more}, ${tail(counted(steps, 'step'))}`];
  };
  return [
    ...line(
      'kept',
      'gone on with',
      (steps) => `from checkpoints of ${steps}, where engine and processor are the same`,
    ),
    ...line(
      'lost',
      'starts over',
      (steps) => `since what counts of it changed: ${steps} of its checkpoint lost`,
    ),
    ...line(
      'open',
      'may start over',
      (steps) => `if what it reads comes out otherwise: ${steps} of its checkpoint`,
    ),
  ];
}

function outlookLines(outlook: Outlook): string[] {
  const { plan, estimate, kept, planning } = outlook;
  const { savedSeconds, countReason, expectedCalls } = planning;
  const calls = expectedCalls(plan.cells);
  const count = (code: 'uncacheable' | 'tainted', text: string): string[] => {
    const found = countReason(plan.cells, code);
    return found === 0 ? [] : [`${code}: ${counted(found, 'cell')}, ${text}`];
  };
  return [
    ...expectedLine(outlook),
    ...scaledLine(plan, estimate),
    ...checkpointLines(kept),
    ...(plan.counts.hit > 0 ? [`saved by the store: ${duration(savedSeconds(plan.cells))} of work`] : []),
    ...(calls ? [callsLine(calls)] : []),
    ...count('uncacheable', 'which run each time'),
    ...count('tainted', 'whose last results were not kept'),
    ...mixedLine(plan),
  ];
}

function mixedLine({ cells }: Plan): string[] {
  const notes = cells.flatMap(({ cell, mixed }) => (mixed === undefined ? [] : [`${cell.id}: ${mixed}`]));
  const [first] = notes;
  const more = notes.length > 1 ? ` (and ${counted(notes.length - 1, 'other cell')})` : '';
  return first === undefined ? [] : [`warning: ${first}${more}`];
}

function expectedLine({ plan: { counts }, cores, least, most }: Outlook): string[] {
  const open = counts.run + counts.depends;
  if (open === 0) return [];
  const { unknown } = most;
  if (unknown === open) return ['expected: nothing of this size has run yet, so no time is known'];
  const all = counts.depends > 0 ? ', where all that depends on it has to run' : '';
  const rest =
    unknown > 0
      ? `; ${counted(unknown, 'cell')} without a measured time ${unknown === 1 ? 'is' : 'are'} not in it`
      : '';
  const of = (what: 'seconds' | 'work' | 'path'): string => span(least[what], most[what]);
  const where = `on ${counted(cores, 'core')} (${of('work')} of work, longest chain ${of('path')})`;
  return [`expected: ${unknown > 0 ? 'more than ' : ''}${of('seconds')} ${where}${all}${rest}`];
}

/** Cells that go further, or less far, than what was measured. */
function scaledLine({ cells }: Plan, estimate: Estimate): string[] {
  const scaled = cells.flatMap(({ cell, status }) => {
    const by = status === 'hit' ? undefined : estimate(cell)?.scaledBy;
    return by === undefined ? [] : [by];
  });
  if (scaled.length === 0) return [];
  const settings = [...new Set(scaled.flat())].sort().join(', ');
  return [`scaled: ${counted(scaled.length, 'cell')}, by ${settings}, from what took another number of them`];
}

function callsLine({ judgeCalls, price }: NonNullable<ReturnType<Planning['expectedCalls']>>): string {
  const cost = price === undefined ? '' : `, ${dollars(price)}`;
  return `judge: ${counted(judgeCalls, 'call')}${cost}`;
}

function countsLine({ pipeline, cells, counts }: Plan): string {
  const parts = [`${counts.hit} hit`, `${counts.run} run`, `${counts.depends} depend on what runs`];
  return `${pipeline.name}: ${counted(cells.length, 'cell')}: ${parts.join(', ')}`;
}
