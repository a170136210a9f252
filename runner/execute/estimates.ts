import type { Cell, CellId, Pipeline } from '../pipeline.js';
import type { RunCell, Store } from '../store/index.js';

/** How many runs back measured durations are looked for. */
const runsRead = 10;

/** Expected seconds of a cell; undefined where nothing like it was ever measured. */
export type Estimate = (cell: Cell) => number | undefined;

/**
 * From what was measured in the newest runs: what the cell itself took in the newest run of this file that knew it,
 * else the mean of its stage there, else the mean of its kind in any run.
 */
export function estimateSeconds(pipeline: Pipeline, store: Store): Estimate {
  const cells = new Map<CellId, number>();
  const stages = new Means();
  const kinds = new Means();
  const measured = secondsReader(store);
  for (const run of store.runs.list().slice(0, runsRead)) {
    const manifest = store.runs.read(run);
    for (const [name, bound] of Object.entries(manifest?.cells ?? {})) {
      const id = name as CellId;
      const found = measured(bound);
      if (!found) continue;
      if (found.first) kinds.add(found.kind, found.seconds);
      if (manifest?.file !== pipeline.file || cells.has(id)) continue;
      cells.set(id, found.seconds);
      stages.add(stageOf(id), found.seconds);
    }
  }
  return ({ id, stage, kind }) => cells.get(id) ?? stages.of(stage) ?? kinds.of(kind);
}

const stageOf = (id: CellId): string => id.split('/')[0] ?? id;

class Means {
  readonly #sums = new Map<string, { sum: number; count: number }>();

  add(name: string, value: number): void {
    const { sum, count } = this.#sums.get(name) ?? { sum: 0, count: 0 };
    this.#sums.set(name, { sum: sum + value, count: count + 1 });
  }

  of(name: string): number | undefined {
    const found = this.#sums.get(name);
    return found && found.sum / found.count;
  }
}

interface Measured {
  readonly kind: string;
  readonly seconds: number;
  /** Whether the record was met for the first time: many runs share one. */
  readonly first: boolean;
}

/** Reads each record once, however many runs were served from it. */
function secondsReader(store: Store): (bound: RunCell) => Measured | undefined {
  const known = new Map<string, Omit<Measured, 'first'> | undefined>();
  return ({ key, record }) => {
    const first = !known.has(record);
    if (first) known.set(record, store.records.read(key, record)?.record);
    const found = known.get(record);
    return found && { kind: found.kind, seconds: found.seconds, first };
  };
}
