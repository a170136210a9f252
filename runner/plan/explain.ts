/** Why a cell runs: its own changes, then those of the cells that changed its inputs, up to the root causes. */
import type { CellId } from '../pipeline.js';
import type { Store, StoredRecord } from '../store/index.js';
import { compare } from './compare.js';
import { headlineOf, plainPlace, type ShowPlace } from './headline.js';
import { createHistory, preimageIn, type Past } from './history.js';
import { parentsOf } from './order.js';
import type { Cause, Change, Explanation, Plan, PlannedCell } from './types.js';

interface Explaining {
  readonly plan: Plan;
  readonly store: Store;
  readonly cells: ReadonlyMap<CellId, PlannedCell>;
  /** The run that the explained cell is compared with; its ancestors are compared with the same one. */
  readonly past: Past | undefined;
}

function before({ past, store }: Explaining, id: CellId): StoredRecord | undefined {
  const bound = past?.run.cells[id];
  return bound && store.records.read(bound.key, bound.record);
}

/**
 * A cell that is a hit by now may still be why its child runs: it ran in between, for a reason of its own. So the
 * changes of every cell are taken against the child's last run.
 */
function changesOf(explaining: Explaining, planned: PlannedCell): readonly Change[] {
  const old = before(explaining, planned.cell.id);
  if (!old || !planned.preimage) return planned.reason.changes;
  const context = { cell: planned.cell, store: explaining.store, code: planned.code.listing };
  return compare(preimageIn(old), planned.preimage, context);
}

/** Where to look next: makers of changed inputs, and parents that aren't known yet. */
function suspects(
  explaining: Explaining,
  planned: PlannedCell,
  changes: readonly Change[],
): readonly CellId[] {
  const changed = changes.flatMap((change) => (change.what === 'input' ? change.cells : []));
  const pending = parentsOf(planned.cell).filter((id) => explaining.cells.get(id)?.status !== 'hit');
  return [...new Set([...changed, ...pending])];
}

function causesOf(explaining: Explaining, start: PlannedCell): readonly Cause[] {
  const causes: Cause[] = [];
  const seen = new Set([start.cell.id]);
  const queue: { planned: PlannedCell; depth: number; of?: CellId }[] = [{ planned: start, depth: 0 }];
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { planned, depth, of } = next;
    const changes = changesOf(explaining, planned);
    const { cell, status, reason } = planned;
    const link = of === undefined ? {} : { of };
    causes.push({ cell: cell.id, depth, ...link, kind: cell.kind, status, reason: { ...reason, changes } });
    for (const id of suspects(explaining, planned, changes)) {
      const parent = explaining.cells.get(id);
      if (!parent || seen.has(id)) continue;
      seen.add(id);
      queue.push({ planned: parent, depth: depth + 1, of: cell.id });
    }
  }
  return causes;
}

/** Runs that an explanation looks back to. */
const mentionsShown = 5;

/** Explains one cell of a plan; `show` writes places as the reader knows them. */
export function explainCell(plan: Plan, store: Store, id: CellId, show: ShowPlace = plainPlace): Explanation {
  const cells = new Map(plan.cells.map((planned) => [planned.cell.id, planned]));
  const cell = cells.get(id);
  if (!cell) throw new Error(`internal error: the plan has no cell ${id}; please report it`);
  const history = createHistory(plan.pipeline, store);
  const past = history.last(id);
  const explaining: Explaining = { plan, store, cells, past };
  const against = past ? { against: { run: past.run.run, record: past.record } } : {};
  const causes = causesOf(explaining, cell);
  const headline = headlineOf(causes, { ranBefore: past !== undefined, show });
  return { cell, headline, ...against, causes, mentions: [...history.mentions(id)].slice(0, mentionsShown) };
}
