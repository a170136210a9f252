/** Pipeline -> Plan. A plan is a function of the file, outside bytes, code, environment and the chosen records. */
import { canonicalJson, type Json } from '../../schemas/json.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { CellId, Key } from '../pipeline.js';
import { toProblem, type Store, type StoredRecord } from '../store/index.js';
import { decide, type Planning } from './decide.js';
import { createHistory } from './history.js';
import { inOrder } from './order.js';
import { createProgramFinder } from './programs.js';
import { takeSnapshot } from './snapshot.js';
import { countStatuses } from './stages.js';
import type { CodeDigest, Plan, PlanOptions, PlanProblem, PlannedCell } from './types.js';

/** In a store opened for reading nothing is filed, and `putBytes` only hashes. */
function listingKeeper(store: Store): (code: CodeDigest) => Result<void, PlanProblem> {
  const kept = new Set<string>();
  return ({ digest, listing }) => {
    if (kept.has(digest) || store.cas.read(digest).ok) {
      kept.add(digest);
      return ok(undefined);
    }
    const put = store.cas.putBytes(canonicalJson(listing as unknown as Json));
    kept.add(digest);
    return put.ok ? ok(undefined) : err({ kind: 'store', problem: put.error });
  };
}

/** Reads what is chosen once a key, so that cells with equal keys read one record, whatever is pinned meanwhile. */
function once(chosen: Planning['chosen']): Planning['chosen'] {
  const known = new Map<Key, ReturnType<Planning['chosen']>>();
  return (key) => {
    const found = known.get(key) ?? chosen(key);
    known.set(key, found);
    return found;
  };
}

async function planCells(planning: Planning): Promise<Result<PlannedCell[], PlanProblem>> {
  const frozen = new Map<CellId, StoredRecord>();
  const cells: PlannedCell[] = [];
  for (const cell of inOrder(planning.pipeline)) {
    const planned = await decide(planning, cell, frozen);
    if (!planned.ok) return planned;
    if (planned.value.record) frozen.set(cell.id, planned.value.record);
    cells.push(planned.value);
  }
  return ok(cells);
}

/** What the disk refuses while the store is read is a problem of the store. */
async function guarded<T>(work: () => Promise<Result<T, PlanProblem>>): Promise<Result<T, PlanProblem>> {
  try {
    return await work();
  } catch (error) {
    return err({ kind: 'store', problem: toProblem(error) });
  }
}

/**
 * Plans a whole pipeline; outside files are read now, and nothing is executed.
 * Errors: paths that can't be read (with their places), the store, the code.
 */
export const planPipeline = (options: PlanOptions): Promise<Result<Plan, PlanProblem>> =>
  guarded(() => readAndPlan(options));

async function readAndPlan(options: PlanOptions): Promise<Result<Plan, PlanProblem>> {
  const { pipeline, store } = options;
  const snapshot = await takeSnapshot(pipeline, store);
  if (!snapshot.ok) return snapshot;
  const history = createHistory(pipeline, store);
  const planning: Planning = {
    ...options,
    snapshot: snapshot.value,
    history,
    keepListing: listingKeeper(store),
    programs: createProgramFinder(store, options.env.PATH ?? ''),
    chosen: (key) => store.records.chosen(key),
  };
  const cells = await planCells({ ...planning, chosen: once(planning.chosen) });
  if (!cells.ok) return cells;
  const byId = new Map(pipeline.cells.map((cell) => [cell.id, cell]));
  return ok({
    pipeline,
    cells: cells.value,
    counts: countStatuses(cells.value),
    resolve: (id, records) => {
      const cell = byId.get(id);
      if (!cell) throw new Error(`internal error: the plan has no cell ${id}; please report it`);
      return guarded(() => decide(planning, cell, records));
    },
  });
}
