/** Hit, run or depends, and why: one cell at a time. */
import { canonicalJson, type Json, type JsonObject } from '../../schemas/json.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { StageKind } from '../contract.js';
import type { Cell, CellId } from '../pipeline.js';
import type { Chosen, StoredRecord } from '../store/index.js';
import { compare, describeChange } from './compare.js';
import { preimageIn, type History } from './history.js';
import { knownInputs } from './inputs.js';
import { parentsOf } from './order.js';
import { keyOf, preimageOf } from './preimage.js';
import type { Snapshot } from './snapshot.js';
import type { CodeDigest, PlanOptions, PlanProblem, PlannedCell, Preimage, Reason } from './types.js';

export interface Planning extends PlanOptions {
  readonly snapshot: Snapshot;
  readonly history: History;
  /** Files a code listing once, so that `explain` can name the modules that changed. */
  readonly keepListing: (code: CodeDigest) => Result<void, PlanProblem>;
}

interface Draft {
  readonly cell: Cell;
  readonly preimage: Preimage;
  readonly code: CodeDigest;
}

function kindOf(planning: Planning, cell: Cell): StageKind {
  const kind = planning.registry.get(cell.kind);
  if (!kind) throw new Error(`internal error: the kind ${cell.kind} is not registered; please report it`);
  return kind;
}

const names = (ids: readonly CellId[]): string =>
  ids.slice(0, 3).join(', ') + (ids.length > 3 ? ` and ${ids.length - 3} more` : '');

const plural = (ids: readonly unknown[], one: string, many: string): string =>
  ids.length === 1 ? one : many;

/** Why there is no hit, as far as it is known: what differs from the last time, before anything else. */
function missReason(planning: Planning, draft: Draft, otherwise: Omit<Reason, 'changes'>): Reason {
  const past = planning.history.last(draft.cell.id);
  if (!past) {
    return { code: 'first', message: 'it never ran to its end', changes: [] };
  }
  const context = { cell: draft.cell, store: planning.store, code: draft.code.listing };
  const changes = compare(preimageIn(past.record), draft.preimage, context);
  if (changes.length === 0) return { ...otherwise, changes };
  return { code: 'changed', message: changes.map(describeChange).join('; '), changes };
}

const environmentFields = (record: JsonObject, here: JsonObject): string[] =>
  Object.keys(here).filter(
    (name) => record[name] !== undefined && canonicalJson(record[name]) !== canonicalJson(here[name] as Json),
  );

/** A hit from another numeric environment stays a hit, and is said. */
function foreignNote(record: StoredRecord, here: JsonObject | undefined): { foreign?: string } {
  const there = record.record.environment as JsonObject;
  const fields = here ? environmentFields(there, here) : [];
  if (!here || fields.length === 0) return {};
  const parts = fields.map(
    (name) => `${name} ${JSON.stringify(there[name])}, here ${JSON.stringify(here[name])}`,
  );
  return { foreign: `computed elsewhere: ${parts.join('; ')}` };
}

function hit(planning: Planning, draft: Draft, record: StoredRecord): PlannedCell {
  const { cell, preimage, code } = draft;
  const message = `recorded ${record.record.finished} by run ${record.record.run}`;
  const reason: Reason = { code: 'hit', message, changes: [] };
  const note = foreignNote(record, planning.environment);
  return { cell, status: 'hit', key: record.key, preimage, code, record, reason, ...note };
}

function missed(planning: Planning, draft: Draft, chosen: Exclude<Chosen, { kind: 'chosen' }>): Reason {
  if (chosen.kind === 'incomplete') {
    const message = `its result is damaged: ${chosen.missing} is missing or corrupt`;
    return { code: 'incomplete', message, changes: [] };
  }
  const message = 'nothing changed, but its result is no longer in the store';
  return missReason(planning, draft, { code: 'unrecorded', message });
}

async function withKnownInputs(planning: Planning, draft: Draft): Promise<PlannedCell> {
  const { cell, preimage, code } = draft;
  const key = keyOf(preimage);
  const chosen = await planning.store.records.chosen(key);
  if (chosen.kind === 'chosen') return hit(planning, draft, chosen.record);
  return { cell, status: 'run', key, preimage, code, reason: missed(planning, draft, chosen) };
}

/** Without the parents' content only what can't be hit by any content is known to run. */
function withUnknownInputs(planning: Planning, draft: Draft, unknown: readonly CellId[]): PlannedCell {
  const { cell, preimage, code } = draft;
  if (planning.history.mayHit(preimage)) {
    const message = `hit if ${names(unknown)} ${plural(unknown, 'is', 'are')} unchanged`;
    return { cell, status: 'depends', code, reason: { code: 'upstream', message, changes: [] } };
  }
  const message = `${names(unknown)} ${plural(unknown, 'runs', 'run')} first`;
  return { cell, status: 'run', code, reason: missReason(planning, draft, { code: 'upstream', message }) };
}

/** Plans one cell from the records that its parents have or will have had. */
export async function decide(
  planning: Planning,
  cell: Cell,
  records: ReadonlyMap<CellId, StoredRecord>,
): Promise<Result<PlannedCell, PlanProblem>> {
  const kind = kindOf(planning, cell);
  const code = planning.code.of(kind, cell.with);
  if (!code.ok) return err({ kind: 'code', problem: code.error });
  const kept = planning.keepListing(code.value);
  if (!kept.ok) return kept;
  const { pipeline, snapshot, env } = planning;
  const { inputs, unknown } = knownInputs(cell, parentsOf(cell), { pipeline, snapshot, records });
  const preimage = preimageOf(cell, { kind, inputs, code: code.value.digest, env });
  const draft: Draft = { cell, preimage, code: code.value };
  return ok(
    unknown.length === 0
      ? await withKnownInputs(planning, draft)
      : withUnknownInputs(planning, draft, unknown),
  );
}
