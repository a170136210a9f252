import type { Cell, CellId, Pipeline } from '../pipeline.js';
import type { RunManifest, Store } from '../store/index.js';

/** How far back measured durations are looked for. */
const runsRead = 5;

/**
 * Expected seconds of each cell: what it took in the newest run of this file that ran it, else the mean of its
 * kind there, else a second. Only the order of starting depends on it.
 */
export function estimateSeconds(pipeline: Pipeline, store: Store): (cell: Cell) => number {
  const measured = new Map<CellId, number>();
  const kinds = new Map<string, { sum: number; count: number }>();
  for (const manifest of earlierRuns(pipeline, store)) {
    for (const [id, { key, record }] of Object.entries(manifest.cells)) {
      const cell = id as CellId;
      if (measured.has(cell)) continue;
      const found = store.records.read(key, record)?.record;
      if (!found) continue;
      measured.set(cell, found.seconds);
      const { sum, count } = kinds.get(found.kind) ?? { sum: 0, count: 0 };
      kinds.set(found.kind, { sum: sum + found.seconds, count: count + 1 });
    }
  }
  return (cell) => {
    const kind = kinds.get(cell.kind);
    return measured.get(cell.id) ?? (kind ? kind.sum / kind.count : 1);
  };
}

function earlierRuns(pipeline: Pipeline, store: Store): RunManifest[] {
  return store.runs
    .list()
    .slice(0, runsRead)
    .flatMap((run) => store.runs.read(run) ?? [])
    .filter((manifest) => manifest.file === pipeline.file);
}
