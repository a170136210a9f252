/** The graph of a pipeline as it is drawn: stages with their axes collapsed into counts, or single cells. */
import { groupBy } from '../../runner/group-by.js';
import type { Cell, CellId, InputBinding, Pipeline } from '../../runner/pipeline.js';
import { axesOf, type AxisSummary } from '../../runner/plan/stages.js';
import type { Plan, PlanStatus } from '../../runner/plan/index.js';
import { counted } from '../text.js';

export interface GraphNode {
  readonly id: string;
  /** Lines of text: the name with what its axes multiply to, then the kind. */
  readonly title: string;
  readonly kind: string;
  readonly status?: NodeStatus;
  /** Such as `3 hit, 1 run`. */
  readonly counts?: string;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** The selector, where the edge gathers: `(reward=*)`. */
  readonly label?: string;
  /** The child waits for the parent and reads nothing of it. */
  readonly waits: boolean;
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** `mixed`: some cells of the stage are hits, and some are not. */
export type NodeStatus = PlanStatus | 'mixed';
export const nodeStatuses: readonly NodeStatus[] = ['hit', 'run', 'depends', 'mixed'];

/** One node a stage. */
export function stageGraph(pipeline: Pipeline, plan?: Plan): Graph {
  const cells = groupBy(pipeline.cells, ({ stage }) => stage);
  const statuses = statusesOf(plan);
  const nodes = [...cells].map(([stage, group]): GraphNode => {
    const [first] = group;
    const title = [stage, ...multiplied(group)].join(' ');
    return { id: stage, title, kind: first?.kind ?? '', ...statusOf(group, statuses) };
  });
  return { name: pipeline.name, nodes, edges: stageEdges(pipeline.cells) };
}

/** One node a cell. */
export function cellGraph(pipeline: Pipeline, plan?: Plan): Graph {
  const statuses = statusesOf(plan);
  const nodes = pipeline.cells.map((cell): GraphNode => {
    const status = statuses.get(cell.id);
    return { id: cell.id, title: cell.id, kind: cell.kind, ...(status ? { status } : {}) };
  });
  const edges = pipeline.cells.flatMap((cell) => {
    const read = new Set(Object.values(cell.inputs).flatMap(cellsIn));
    return cell.needs.map((from) => ({ from, to: cell.id, waits: !read.has(from) }));
  });
  return { name: pipeline.name, nodes, edges };
}

/** `x4 (conditioning) x3 (seed)`; the cells too, where they are not all combinations. */
function multiplied(cells: readonly Cell[]): readonly string[] {
  const axes = axesOf(cells);
  const ablation = axes.find(({ name }) => name === 'ablation');
  if (ablation) {
    const base = cells.filter(({ coordinates }) => coordinates.ablation === undefined);
    return [...multiplied(base), `+ ${counted(ablation.values.length, 'variant')}`];
  }
  const product = axes.reduce((size, { values }) => size * values.length, 1);
  const counts = axes.map(({ name, values }: AxisSummary) => `x${values.length} (${name})`);
  return product === cells.length ? counts : [...counts, `= ${cells.length} cells`];
}

const statusesOf = (plan: Plan | undefined): ReadonlyMap<CellId, PlanStatus> =>
  new Map(plan?.cells.map(({ cell, status }) => [cell.id, status]));

function statusOf(
  cells: readonly Cell[],
  statuses: ReadonlyMap<CellId, PlanStatus>,
): Pick<GraphNode, 'status' | 'counts'> {
  const found = groupBy(
    cells.flatMap(({ id }) => statuses.get(id) ?? []),
    (status) => status,
  );
  const [only] = found.keys();
  if (only === undefined) return {};
  const counts = (['hit', 'run', 'depends'] as const)
    .flatMap((status) => (found.has(status) ? [`${found.get(status)?.length ?? 0} ${status}`] : []))
    .join(', ');
  return { status: found.size === 1 ? (only as PlanStatus) : 'mixed', counts };
}

const cellsIn = (binding: InputBinding): readonly CellId[] => {
  if (binding.kind === 'artifact') return [binding.cell];
  return binding.kind === 'gathered' ? binding.items.map(({ cell }) => cell) : [];
};

/** One edge between two stages, with every selector that is used between them. */
function stageEdges(cells: readonly Cell[]): readonly GraphEdge[] {
  const byId = new Map(cells.map((cell) => [cell.id, cell]));
  const edges = new Map<string, { from: string; to: string; labels: Set<string>; reads: boolean }>();
  const edge = (from: string, to: string) => {
    const name = `${from} ${to}`;
    const known = edges.get(name) ?? { from, to, labels: new Set<string>(), reads: false };
    edges.set(name, known);
    return known;
  };
  for (const cell of cells) {
    for (const binding of Object.values(cell.inputs)) {
      for (const { from, label } of readsOf(binding, byId)) {
        const found = edge(from, cell.stage);
        found.reads = true;
        if (label !== '') found.labels.add(label);
      }
    }
    for (const id of cell.needs) edge(byId.get(id)?.stage ?? id, cell.stage);
  }
  return [...edges.values()].map(({ from, to, labels, reads }) => ({
    from,
    to,
    waits: !reads,
    ...(labels.size > 0 ? { label: [...labels].join(' ') } : {}),
  }));
}

function readsOf(
  binding: InputBinding,
  byId: ReadonlyMap<CellId, Cell>,
): readonly { readonly from: string; readonly label: string }[] {
  if (binding.kind === 'artifact')
    return [{ from: byId.get(binding.cell)?.stage ?? binding.cell, label: '' }];
  if (binding.kind === 'path') return [];
  return [...groupBy(binding.items, ({ stage }) => stage)].map(([from, items]) => {
    const gathered = new Set(items.flatMap(({ coordinates }) => Object.keys(coordinates)));
    const all = new Set(items.flatMap(({ cell }) => Object.keys(byId.get(cell)?.coordinates ?? {})));
    // A variant's cells are gathered as those of the base are.
    if (!gathered.has('ablation')) all.delete('ablation');
    const names = [...gathered].map((axis) => `${axis}=*`);
    return {
      from,
      label: names.length === 0 ? '' : gathered.size === all.size ? '(*)' : `(${names.join(' ')})`,
    };
  });
}
