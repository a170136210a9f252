import type { KindRegistry } from '../contract.js';
import { groupBy } from '../group-by.js';
import type { Cell, CellId } from '../pipeline.js';
import { runSide, type DiffSide, type Plan } from '../plan/index.js';
import type { Store, StoredRecord } from '../store/index.js';
import { paces, type Pace } from './pace.js';

/** How many runs back measured durations are looked for. */
const runsRead = 10;
/** Cells of runs after which no further run is read: a plan would wait for it. */
const cellsRead = 5000;

/** Expected seconds. */
export interface Expected {
  readonly seconds: number;
  /**
   * Where another amount of work was measured: part of the time may not grow with it, so that what was measured is one
   * end, and what is in proportion to it the other.
   */
  readonly least: number;
  readonly most: number;
  /** The settings that such a time was scaled by. */
  readonly scaledBy?: readonly string[];
}

/** Undefined where nothing of the cell's pace was ever measured. */
export type Estimate = (cell: Cell) => Expected | undefined;

/**
 * From what the newest runs of this store measured, of cells of the same pace, those of the same amount of work first:
 * the cell itself in this file, else its stage there, else any cell that reads the same. What was measured at another
 * pace (another model, longer responses) says nothing.
 */
export function estimateSeconds(plan: Plan, store: Store, registry: KindRegistry): Estimate {
  const planned = new Map(plan.cells.map((one) => [one.cell.id, one]));
  const paceOf = paces((id) => {
    const one = planned.get(id);
    return (
      one && {
        kind: one.cell.kind,
        with: one.cell.with,
        bindings: one.cell.inputs,
        digests: one.partial.inputs,
      }
    );
  }, registry);
  const { file } = plan.pipeline;
  const measured = measurements(store, registry);
  return ({ id }) => {
    const pace = paceOf(id);
    if (pace === undefined) return undefined;
    const times = measured(namesOf(id, file, pace), pace.amount);
    return times && expected(times, pace);
  };
}

/** By what a cell of a file is looked for, the likest first. */
const namesOf = (id: CellId, file: string, { name, apart }: Pace): readonly string[] => [
  JSON.stringify([file, id, apart]),
  JSON.stringify([file, stageOf(id), apart]),
  name,
];

const stageOf = (id: CellId): string => id.split('/')[0] ?? id;

/** What was measured by the amount of work. */
type Times = ReadonlyMap<number, Time>;

interface Time {
  /** Mean. */
  readonly seconds: number;
  readonly factors: Pace['factors'];
}

/** What the nearest amount took, and what would be in proportion to it. */
function expected(times: Times, { amount, factors }: Pace): Expected | undefined {
  const distance = (other: number): number => Math.abs(Math.log(other / amount));
  const [nearest] = [...times].sort(([a], [b]) => distance(a) - distance(b));
  if (nearest === undefined) return undefined;
  const [known, took] = nearest;
  const seconds = (took.seconds * amount) / known;
  const ends = { seconds, least: Math.min(took.seconds, seconds), most: Math.max(took.seconds, seconds) };
  if (known === amount) return ends;
  const others = Object.keys(factors).filter((name) => factors[name] !== took.factors[name]);
  return { ...ends, scaledBy: others };
}

/**
 * What was measured under the first name that has this amount of work, else under the first that has any. Runs are
 * read, newest first, until the first name has it or enough cells were seen.
 */
function measurements(
  store: Store,
  registry: KindRegistry,
): (names: readonly string[], amount: number) => Times | undefined {
  const all = new Map<string, Map<number, Time>>();
  const read = recordReader(store);
  const runs = store.runs.list();
  const own = new Set(runs);
  const ahead = runs.slice(0, runsRead);
  let seen = 0;
  const readOne = (run: string): void => {
    const manifest = store.runs.read(run);
    const side = manifest && runSide(manifest, { read });
    const found = side ? measuredIn(side, { file: manifest.file, own }, registry) : [];
    seen += side?.size ?? 0;
    for (const [name, same] of groupBy(found, (one) => one.name)) {
      const known = all.get(name) ?? new Map<number, Time>();
      for (const [amount, times] of groupBy(same, (one) => one.amount))
        if (!known.has(amount)) known.set(amount, meanOf(times));
      all.set(name, known);
    }
  };
  return (names, amount) => {
    const known = (): readonly Times[] => names.flatMap((name) => all.get(name) ?? []);
    const exact = (): Times | undefined => known().find((times) => times.has(amount));
    const isLikest = (): boolean => all.get(names[0] ?? '')?.has(amount) === true;
    while (!isLikest() && seen < cellsRead) {
      const run = ahead.shift();
      if (run === undefined) break;
      readOne(run);
    }
    return exact() ?? known()[0];
  };
}

const meanOf = (times: readonly Time[]): Time => ({
  seconds: times.reduce((sum, { seconds }) => sum + seconds, 0) / times.length,
  factors: times[0]?.factors ?? {},
});

interface Measured extends Time {
  readonly name: string;
  readonly amount: number;
}

/** What a run measured, or was served of what runs of this store did: pulled results took another machine's time. */
function measuredIn(
  side: DiffSide,
  { file, own }: { readonly file: string; readonly own: ReadonlySet<string> },
  registry: KindRegistry,
): readonly Measured[] {
  const paceOf = paces((id) => {
    const one = side.get(id);
    return (
      one && {
        kind: one.preimage.kind,
        with: one.preimage.with,
        bindings: one.cell.inputs,
        digests: one.preimage.inputs,
      }
    );
  }, registry);
  return [...side].flatMap(([id, { record }]): readonly Measured[] => {
    const { seconds, run = '' } = record?.record ?? {};
    const pace = paceOf(id);
    if (seconds === undefined || pace === undefined || !own.has(run)) return [];
    const { amount, factors } = pace;
    return namesOf(id, file, pace).map((name) => ({ name, amount, factors, seconds }));
  });
}

/** Reads each record once, however many runs were served from it. */
function recordReader({ records }: Store): Store['records']['read'] {
  const known = new Map<string, StoredRecord | undefined>();
  return (key, digest) => {
    if (!known.has(digest)) known.set(digest, records.read(key, digest));
    return known.get(digest);
  };
}
