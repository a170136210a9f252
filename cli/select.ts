/** `--only`, `--from`, `--until`: which cells of a pipeline a run is about. */
import type { Cell, CellId, Pipeline } from '../runner/pipeline.js';
import type { Plan } from '../runner/plan/index.js';
import { matchSome } from './cells.js';
import type { Options } from './command.js';
import { UsageError } from './exit.js';
import { texts } from './options.js';

export const selectionOptions = [
  ['--only <cells>', 'Run these cells only; their inputs must be in the store'],
  ['--from <cells>', 'Run these cells and those below; their other inputs must be in the store'],
  ['--until <cells>', 'Run these cells and those above'],
] as const;

export interface Selection {
  readonly pipeline: Pipeline;
  /** Cells that are only read: each must be a hit. */
  readonly support: ReadonlySet<CellId>;
}

const given = (options: Options): readonly string[] =>
  ['only', 'from', 'until'].filter((name) => texts(options, name).length > 0);

/** Whether the options ask for a part of a pipeline. */
export const isSelection = (options: Options): boolean => given(options).length > 0;

/** The part of a pipeline that the options ask for, with the cells that it reads. */
export async function select(pipeline: Pipeline, options: Options): Promise<Selection> {
  const [name, ...others] = given(options);
  if (name === undefined) return { pipeline, support: new Set() };
  if (others.length > 0)
    throw new UsageError(`--${[name, ...others].join(' and --')} exclude each other`, 'give one of them');
  const named = new Set<CellId>();
  for (const pattern of texts(options, name)) {
    for (const { id } of await matchSome(pipeline.cells, pattern)) named.add(id);
  }
  const chosen = name === 'from' ? descendants(pipeline, named) : named;
  const { pipeline: part, support } = restrict(pipeline, chosen);
  return { pipeline: part, support: name === 'until' ? new Set<CellId>() : support };
}

/** Some cells of a pipeline, and as support all that they read. */
export function restrict(pipeline: Pipeline, chosen: ReadonlySet<CellId>): Selection {
  const needed = ancestors(pipeline, chosen);
  const cells = pipeline.cells.filter(({ id }) => needed.has(id));
  return { pipeline: { ...pipeline, cells }, support: new Set([...needed].filter((id) => !chosen.has(id))) };
}

/** Cells that a run is about, without those that it only reads. */
export const outside = (support: ReadonlySet<CellId>, cells: readonly Cell[]): readonly Cell[] =>
  support.size === 0 ? cells : cells.filter(({ id }) => !support.has(id));

/** Refuses to run what a selection leaves out. */
export function requireHits(plan: Plan, support: ReadonlySet<CellId>): void {
  const missing = plan.cells.filter(({ cell, status }) => support.has(cell.id) && status !== 'hit');
  if (missing.length === 0) return;
  const names = missing.slice(0, 5).map(({ cell }) => cell.id);
  throw new UsageError(
    `the selected cells read ${names.join(', ')}${missing.length > names.length ? ', ...' : ''}, which the store doesn't have`,
    'use --until to run what is above too',
  );
}

function ancestors(pipeline: Pipeline, start: ReadonlySet<CellId>): Set<CellId> {
  const needs = new Map(pipeline.cells.map((cell) => [cell.id, cell.needs]));
  return closure(start, (id) => needs.get(id) ?? []);
}

function descendants(pipeline: Pipeline, start: ReadonlySet<CellId>): Set<CellId> {
  const children = new Map<CellId, CellId[]>();
  for (const { id, needs } of pipeline.cells) {
    for (const parent of needs) children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  return closure(start, (id) => children.get(id) ?? []);
}

function closure(start: ReadonlySet<CellId>, next: (id: CellId) => readonly CellId[]): Set<CellId> {
  const found = new Set(start);
  for (const id of found) for (const other of next(id)) found.add(other);
  return found;
}
