/** What each ablation adds to a plan, and what it shares with the base. */
import type { Plan, PlannedCell } from '../runner/plan/index.js';
import { columns, counted } from './text.js';

/** One line a variant: its own cells with their hits, those of the base that it keeps, and what it patches. */
export function variantLines({ pipeline, cells }: Pick<Plan, 'pipeline' | 'cells'>): readonly string[] {
  if (pipeline.variants.length === 0) return [];
  const base = cells.filter(({ cell }) => cell.coordinates.ablation === undefined);
  const rows = pipeline.variants.map(({ name, shared: kept, patches }) => {
    const own = cells.filter(({ cell }) => cell.coordinates.ablation === name);
    const ids = new Set(kept);
    const shared = base.filter(({ cell }) => ids.has(cell.id));
    return [
      `  ${name}`,
      `adds ${counted(own.length, 'cell')}${hits(own)}`,
      `shares ${String(shared.length)} of ${String(base.length)} with the base${hits(shared)}`,
      [...new Set(patches.map(({ stage, path }) => `${stage}.${path}`))].join(', '),
    ];
  });
  return ['variants', ...columns(rows)];
}

function hits(cells: readonly PlannedCell[]): string {
  const count = cells.filter(({ status }) => status === 'hit').length;
  return cells.length === 0 ? '' : ` (${count === 1 ? '1 hit' : `${String(count)} hits`})`;
}
