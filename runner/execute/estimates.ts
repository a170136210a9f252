import type { JsonObject } from '../../schemas/json.js';
import type { KindRegistry } from '../contract.js';
import type { Cell, CellId, Pipeline } from '../pipeline.js';
import type { RunCell, Store, StoredRecord } from '../store/index.js';

/** How many runs back measured durations are looked for. */
const runsRead = 10;

/** Expected seconds of a cell; undefined where nothing like it was ever measured. */
export interface Estimate {
  (cell: Cell): number | undefined;
  /** The setting that measured times were scaled by, where the cell goes further or less far than what was measured. */
  readonly scaledBy?: (cell: Cell) => string | undefined;
}

/**
 * From what was measured in the newest runs: what the cell itself took in the newest run of this file that knew it,
 * else the mean of its stage there, else the mean of its kind in any run. Times of a kind that declares its extent
 * (steps of a training) are times of a unit of it.
 */
export function estimateSeconds(pipeline: Pipeline, store: Store, registry: KindRegistry): Estimate {
  const extentOf = extents(registry);
  const cells = new Means();
  const stages = new Means();
  const kinds = new Means();
  const measured = secondsReader(store, extentOf);
  for (const run of store.runs.list().slice(0, runsRead)) {
    const manifest = store.runs.read(run);
    for (const [name, bound] of Object.entries(manifest?.cells ?? {})) {
      const id = name as CellId;
      const found = measured(bound);
      if (!found) continue;
      if (found.first) kinds.add(found.kind, found);
      if (manifest?.file !== pipeline.file || cells.has(id)) continue;
      cells.add(id, found);
      stages.add(stageOf(id), found);
    }
  }
  const meanOf = ({ id, stage, kind }: Cell): Mean | undefined =>
    cells.of(id) ?? stages.of(stage) ?? kinds.of(kind);
  const scaled = (cell: Cell): { readonly seconds: number; readonly by?: string } | undefined => {
    const mean = meanOf(cell);
    const extent = extentOf(cell.kind, cell.with);
    if (mean?.extent === undefined || extent === undefined || mean.extent === extent.amount) return mean;
    return { seconds: (mean.seconds * extent.amount) / mean.extent, by: extent.name };
  };
  return Object.assign((cell: Cell) => scaled(cell)?.seconds, { scaledBy: (cell: Cell) => scaled(cell)?.by });
}

const stageOf = (id: CellId): string => id.split('/')[0] ?? id;

interface Extent {
  readonly name: string;
  readonly amount: number;
}

/** How far settings of a kind go, where the kind declares which of them says so. */
function extents(registry: KindRegistry): (kind: string, settings: JsonObject) => Extent | undefined {
  return (kind, settings) => {
    const name = registry.get(kind)?.extent?.({ ...settings });
    const amount = name === undefined ? undefined : settings[name];
    return name !== undefined && typeof amount === 'number' && amount > 0 ? { name, amount } : undefined;
  };
}

interface Mean {
  readonly seconds: number;
  /** Mean of how far they went, where that is known of all. */
  readonly extent?: number;
}

class Means {
  readonly #sums = new Map<string, { seconds: number; extent: number | undefined; count: number }>();

  has(name: string): boolean {
    return this.#sums.has(name);
  }

  add(name: string, { seconds, extent }: Measured): void {
    const sum = this.#sums.get(name) ?? { seconds: 0, extent: 0, count: 0 };
    const known = sum.extent !== undefined && extent !== undefined;
    this.#sums.set(name, {
      seconds: sum.seconds + seconds,
      extent: known ? (sum.extent ?? 0) + extent.amount : undefined,
      count: sum.count + 1,
    });
  }

  of(name: string): Mean | undefined {
    const sum = this.#sums.get(name);
    if (!sum) return undefined;
    const { seconds, extent, count } = sum;
    return { seconds: seconds / count, ...(extent === undefined ? {} : { extent: extent / count }) };
  }
}

interface Measured {
  readonly kind: string;
  readonly seconds: number;
  readonly extent: Extent | undefined;
  /** Whether the record was met for the first time: many runs share one. */
  readonly first: boolean;
}

/** Reads each record once, however many runs were served from it. */
function secondsReader(
  store: Store,
  extentOf: ReturnType<typeof extents>,
): (bound: RunCell) => Measured | undefined {
  const known = new Map<string, Omit<Measured, 'first'> | undefined>();
  return ({ key, record }) => {
    const first = !known.has(record);
    if (first) known.set(record, measuredIn(store.records.read(key, record)?.record, extentOf));
    const found = known.get(record);
    return found && { ...found, first };
  };
}

function measuredIn(
  record: StoredRecord['record'] | undefined,
  extentOf: ReturnType<typeof extents>,
): Omit<Measured, 'first'> | undefined {
  if (!record) return undefined;
  const { kind, seconds, preimage } = record;
  return { kind, seconds, extent: extentOf(kind, (preimage as { with?: JsonObject }).with ?? {}) };
}
