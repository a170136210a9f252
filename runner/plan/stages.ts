/** A plan collapsed by stage: what most readers want to know of a thousand cells. */
import type { ExpectedCalls } from '../contract.js';
import type { Cell } from '../pipeline.js';
import type { Plan, PlannedCell, PlanStatus, ReasonCode } from './types.js';

export interface AxisSummary {
  readonly name: string;
  /** In order of the file. */
  readonly values: readonly string[];
}

export interface StageSummary {
  readonly stage: string;
  readonly kind: string;
  readonly cells: readonly PlannedCell[];
  readonly counts: Readonly<Record<PlanStatus, number>>;
  readonly axes: readonly AxisSummary[];
}

/** In order of the file. */
export function stagesOf({ pipeline, cells }: Plan): readonly StageSummary[] {
  const byStage = new Map<string, PlannedCell[]>(pipeline.stages.map((stage) => [stage, []]));
  const planned = new Map(cells.map((item) => [item.cell.id, item]));
  for (const { id, stage } of pipeline.cells) {
    const item = planned.get(id);
    if (item) byStage.get(stage)?.push(item);
  }
  return [...byStage].flatMap(([stage, items]) => {
    const [first] = items;
    if (!first) return [];
    const axes = axesOf(items.map(({ cell }) => cell));
    return [{ stage, kind: first.cell.kind, cells: items, counts: countStatuses(items), axes }];
  });
}

/** Axes that any of the cells has, each with the values that they have on it; replicates last. */
export function axesOf(cells: readonly Cell[]): readonly AxisSummary[] {
  const axes = new Map<string, Set<string>>();
  for (const { coordinates } of cells) {
    for (const [name, value] of Object.entries(coordinates))
      axes.set(name, (axes.get(name) ?? new Set()).add(value));
  }
  const found = [...axes].map(([name, values]) => ({ name, values: [...values] }));
  return [...found.filter(({ name }) => name !== 'seed'), ...found.filter(({ name }) => name === 'seed')];
}

export function countStatuses(cells: readonly PlannedCell[]): Record<PlanStatus, number> {
  const counts = { hit: 0, run: 0, depends: 0 };
  for (const { status } of cells) counts[status] += 1;
  return counts;
}

/** Seconds that the hits took when they were run. */
export const savedSeconds = (cells: readonly PlannedCell[]): number =>
  cells.reduce((sum, { status, record }) => sum + (status === 'hit' ? (record?.record.seconds ?? 0) : 0), 0);

export const countReason = (cells: readonly PlannedCell[], code: ReasonCode): number =>
  cells.filter(({ reason }) => reason.code === code).length;

/** Calls to judges of all cells that may run; undefined where none calls any. */
export function expectedCalls(cells: readonly PlannedCell[]): ExpectedCalls | undefined {
  const calls = cells.flatMap(({ status, cell }) => (status !== 'hit' && cell.calls ? [cell.calls] : []));
  if (calls.length === 0) return undefined;
  const judgeCalls = calls.reduce((sum, call) => sum + call.judgeCalls, 0);
  const prices = calls.flatMap(({ price }) => price ?? []);
  return prices.length === 0 ? { judgeCalls } : { judgeCalls, price: prices.reduce((a, b) => a + b, 0) };
}
