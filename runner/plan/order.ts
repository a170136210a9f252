/** Cells in the order in which they could run one by one. */
import type { Cell, CellId, Pipeline } from '../pipeline.js';

/** Parents before children; otherwise in order of the file. The language has refused cycles. */
export function inOrder(pipeline: Pipeline): readonly Cell[] {
  const byId = new Map(pipeline.cells.map((cell) => [cell.id, cell]));
  const done = new Set<CellId>();
  const order: Cell[] = [];
  const visit = (cell: Cell): void => {
    if (done.has(cell.id)) return;
    done.add(cell.id);
    for (const id of cell.needs) {
      const parent = byId.get(id);
      if (parent) visit(parent);
    }
    order.push(cell);
  };
  pipeline.cells.forEach(visit);
  return order;
}

/** Ids of the cells whose outputs a cell reads, each once. */
export function parentsOf(cell: Cell): readonly CellId[] {
  const ids = Object.values(cell.inputs).flatMap((binding) => {
    switch (binding.kind) {
      case 'artifact':
        return [binding.cell];
      case 'gathered':
        return binding.items.map((item) => item.cell);
      case 'path':
        return [];
    }
  });
  return [...new Set(ids)];
}
