import { dirname, resolve } from 'node:path';
import type { CellId } from '../runner/pipeline.js';
import type { Change, DiffSide, Difference, ShowPlace } from '../runner/plan/index.js';
import type { Store } from '../runner/store/index.js';
import { jsonOption, valueOptions, type CommandSpec, type Options } from './command.js';
import { compareFigures, type FigureChange } from './diff/figures.js';
import { fileSide } from './diff/sides.js';
import { engineFlag } from './engine-option.js';
import { exitCode, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { open, printJson, relativeTo, storeRoot } from './load.js';
import { flag } from './options.js';
import { meantRun, meantRuns } from './run-name.js';
import { parseId } from './cells.js';
import { clean, columns, counted } from './text.js';

const spec: CommandSpec = {
  usage: 'diff <a> <b>',
  description:
    'Compare two runs, two pipeline files, or a run and a file: cells, what changed in them, and results',
  options: [
    ...valueOptions,
    ['--all', 'Show every cell, change and figure, not only the first and the greatest'],
    engineFlag,
    jsonOption,
  ],
  examples: [
    'diff 20260102T030405678-1a2b3c4d 20260103T030405678-5e6f7a8b',
    'diff 20260102T030405678-1a2b3c4d pipelines/quickstart.yaml -p steps=400',
    'diff before.yaml after.yaml --json',
  ],
  async run([a = '', b = ''], options, host) {
    refuseIdle([a, b], options);
    const left = await sideOf(a, options, host);
    const right = typeof left === 'number' ? left : await sideOf(b, options, host);
    if (typeof left === 'number' || typeof right === 'number')
      return typeof left === 'number' ? left : (right as ExitCode);
    const { diffSides } = await import('../runner/plan/index.js');
    const difference = diffSides(left.side, right.side, right.store);
    const figures = compareFigures(left, right);
    if (flag(options, 'json')) printJson(diffJson({ a: left, b: right, difference, figures }), host);
    else await printDiff({ a: left, b: right, difference, figures }, flag(options, 'all'), host);
    return exitCode.done;
  },
};
export default spec;

export interface Side {
  /** As the arguments name it. */
  readonly name: string;
  readonly what: 'run' | 'file';
  readonly side: DiffSide;
  readonly store: Store;
}

interface Compared {
  readonly a: Side;
  readonly b: Side;
  readonly difference: Difference;
  readonly figures: readonly FigureChange[];
}

const isFileName = (name: string): boolean => /[/\\]|\.ya?ml$/.test(name);

/** A run is as it was: what a file is given changes nothing of it. */
function refuseIdle(names: readonly string[], options: Options): void {
  const given = ['preset', 'param', 'set', 'backend'].find((name) => options[name] !== undefined);
  if (given !== undefined && !names.some(isFileName))
    throw new UsageError(`--${given} is for a file, and both sides are runs`, 'leave it out, or name a file');
}

/** A run of the store where there is one of that name, else a file. */
async function sideOf(name: string, options: Options, host: CliHost): Promise<Side | ExitCode> {
  const isFile = isFileName(name);
  const root = storeRoot(isFile ? dirname(resolve(host.cwd, name)) : host.cwd, host);
  const store = await open(root, 'read', host);
  if (!store) return exitCode.environment;
  if (!isFile) {
    if (meantRuns(store.runs.list(), name).length === 0)
      throw new UsageError(
        `${JSON.stringify(name)} is neither a run nor a pipeline file`,
        'see `moft ls` for the runs; the name of a file ends in .yaml',
      );
    const { runSide } = await import('../runner/plan/index.js');
    const run = meantRun(store, name);
    return { name: run.run, what: 'run', side: runSide(run, store.records), store };
  }
  const side = await fileSide(name, options, store, host);
  return typeof side === 'number' ? side : { name, what: 'file', side, store };
}

function diffJson({ a, b, difference, figures }: Compared): Record<string, unknown> {
  return {
    a: { [a.what]: a.name },
    b: { [b.what]: b.name },
    ...difference,
    results: figures.map(({ id, figure, before, after }) => ({ id, figure, before, after })),
  };
}

/** As many of each sort as fit on a screen together; figures by how much they changed. */
const few = 10;

async function printDiff(
  { a, b, difference, figures }: Compared,
  all: boolean,
  host: CliHost,
): Promise<void> {
  const { plainPlace } = await import('../runner/plan/index.js');
  const show: ShowPlace = (place) => plainPlace({ ...place, file: relativeTo(place.file, host) });
  const { added, removed, same, changed } = difference;
  const most = all ? Infinity : few;
  const counts = [
    `${changed.length} changed`,
    `${added.length} added`,
    `${removed.length} removed`,
    `${same.length} the same`,
  ];
  const groups = await changedGroups(changed, show);
  const lines = [
    `from ${a.what} ${a.name} to ${b.what} ${b.name}`,
    `cells: ${counts.join(', ')}`,
    ...firstOf(
      added.map((id) => [`added    ${id}`]),
      most,
    ),
    ...firstOf(
      removed.map((id) => [`removed  ${id}`]),
      most,
    ),
    ...firstOf(groups, most),
    ...figureLines(figures, most),
  ];
  host.stdout.write(clean(`${lines.join('\n')}\n`));
}

/** The first blocks of lines, and how many more there are. */
function firstOf(blocks: readonly (readonly string[])[], most: number): readonly string[] {
  const more = blocks.length - most;
  return [...blocks.slice(0, most).flat(), ...(more > 0 ? [`         and ${more} more: --all`] : [])];
}

/** Cells with the same changes stand together, so that one edit is one line. */
async function changedGroups(changed: Difference['changed'], show: ShowPlace): Promise<string[][]> {
  const { describeChange } = await import('../runner/plan/index.js');
  const describe = (change: Change): string =>
    `         ${describeChange(change)}${'place' in change ? ` (${show(change.place)})` : ''}`;
  const groups = new Map<string, { ids: CellId[]; told: string[] }>();
  for (const { id, changes, through } of changed) {
    const from = through.length === 0 ? [] : [`         through ${shown(through)}`];
    const told = [...changes.map(describe), ...from];
    const key = told.join('\n');
    const group = groups.get(key);
    if (group) group.ids.push(id);
    else groups.set(key, { ids: [id], told });
  }
  return [...groups.values()].map(({ ids, told }) => [`changed  ${named(ids)}`, ...told]);
}

/** A few cells by their ids, many by their stages. */
function named(ids: readonly CellId[]): string {
  if (ids.length <= 4) return ids.join(' ');
  const stages = new Map<string, CellId[]>();
  for (const id of ids) {
    const { stage } = parseId(id);
    stages.set(stage, [...(stages.get(stage) ?? []), id]);
  }
  return [...stages]
    .map(([stage, cells]) =>
      cells.length === 1 ? cells.join('') : `${stage} (${counted(cells.length, 'cell')})`,
    )
    .join(', ');
}

const shown = (ids: readonly CellId[]): string =>
  ids.slice(0, 4).join(', ') + (ids.length > 4 ? ` and ${ids.length - 4} more` : '');

function figureLines(all: readonly FigureChange[], most: number): string[] {
  if (all.length === 0) return [];
  const change = ({ before, after }: FigureChange): number =>
    Math.abs(after - before) / Math.max(Math.abs(before), Math.abs(after));
  const greatest = new Set([...all].sort((a, b) => change(b) - change(a)).slice(0, most));
  const figures = all.filter((one) => greatest.has(one));
  const left = all.length - figures.length;
  const number = (value: number): string => String(Number(value.toPrecision(5)));
  const rows = figures.map(({ id, figure, before, after }) => {
    const change = after - before;
    return [
      '  ',
      id,
      figure,
      `${number(before)} -> ${number(after)}`,
      `${change > 0 ? '+' : ''}${number(change)}`,
    ];
  });
  return [
    left > 0
      ? `results of cells that both have: the ${figures.length} that changed most, of ${all.length} (--all)`
      : 'results of cells that both have',
    ...columns(rows),
  ];
}
