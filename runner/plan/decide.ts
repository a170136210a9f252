/** Hit, run or depends, and why: one cell at a time. */
import path from 'node:path';
import { err, ok, type Result } from '../../schemas/result.js';
import type { StageKind } from '../contract.js';
import type { Cell, CellId, Key } from '../pipeline.js';
import type { Records, StoredRecord, StoreProblem } from '../store/index.js';
import { preimageIn, type History } from './history.js';
import { knownInputs } from './inputs.js';
import { foreignNote, mixedNote } from './numeric.js';
import { parentsOf } from './order.js';
import { writePreimage, type WrittenPreimage } from './preimage.js';
import { missReason, ranBefore, waitReason } from './reasons.js';
import type { ProgramFinder, Programs } from './programs.js';
import { snapshotOf, type Snapshot, type Taken } from './snapshot.js';
import type { CodeDigest, PlanOptions, PlanProblem, PlannedCell, Preimage, Reason } from './types.js';

export interface Planning extends PlanOptions {
  readonly snapshot: Snapshot;
  readonly history: History;
  readonly programs: ProgramFinder;
  readonly chosen: Records['chosen'];
  /** Files a code listing once, so that `explain` can name the modules that changed. */
  readonly keepListing: (code: CodeDigest) => Result<void, PlanProblem>;
}

interface Draft {
  readonly cell: Cell;
  readonly key: Key;
  readonly preimage: Preimage;
  readonly code: CodeDigest;
}

/** The preimage is read where it is asked for: a plan of hits never does. */
const draftOf = (cell: Cell, { key, read }: WrittenPreimage, code: CodeDigest): Draft => ({
  ...{ cell, key, code },
  get preimage() {
    return read();
  },
});

function kindOf(planning: Planning, cell: Cell): StageKind {
  const kind = planning.registry.get(cell.kind);
  if (!kind) throw new Error(`internal error: the kind ${cell.kind} is not registered; please report it`);
  return kind;
}

function hit(planning: Planning, draft: Draft, record: StoredRecord): PlannedCell {
  const { cell, code } = draft;
  // The record's own preimage hashes to the key, too: it is the same text.
  const preimage = planning.forced?.has(cell.id) ? draft.preimage : preimageIn(record);
  const message = `recorded ${record.record.finished} by run ${record.record.run}`;
  const reason: Reason = { code: 'hit', message, changes: [] };
  const foreign = planning.environment && foreignNote(record, planning.environment);
  const known = { cell, key: record.key, preimage, partial: preimage, code, record, reason };
  return { ...known, status: 'hit', ...(foreign === undefined ? {} : { foreign }) };
}

/** What is asked for with force runs although it could be served. Its result stays on it: its children read that. */
function force(planned: PlannedCell, planning: Planning): PlannedCell {
  if (planned.status === 'run' || planning.forced?.has(planned.cell.id) !== true) return planned;
  const message = planned.status === 'hit' ? `forced, although ${planned.reason.message}` : 'forced';
  return { ...planned, status: 'run', reason: { code: 'forced', message, changes: [] } };
}

async function withKnownInputs(planning: Planning, draft: Draft): Promise<PlannedCell> {
  const { cell, key, code } = draft;
  const chosen = await planning.chosen(key);
  if (chosen.kind === 'chosen') return hit(planning, draft, chosen.record);
  const { preimage } = draft;
  const reason = missReason(planning, draft, { key, chosen });
  return { cell, status: 'run', key, preimage, partial: preimage, code, reason };
}

/** Without the parents' content only what can't be hit by any content is known to run. */
function withUnknownInputs(planning: Planning, draft: Draft, unknown: readonly CellId[]): PlannedCell {
  const { cell, code, preimage: partial } = draft;
  const { history } = planning;
  // Nothing is unchanged that never was: not the cell, and none of the parents that run first.
  const known = [cell.id, ...unknown].some((id) => ranBefore(history, id));
  if (known && history.mayHit(draft.preimage))
    return { cell, status: 'depends', partial, code, reason: waitReason(history, cell.id, unknown) };
  return { cell, status: 'run', partial, code, reason: missReason(planning, draft, { waitsFor: unknown }) };
}

function neverServed(draft: Draft, uncacheable: string, known: boolean): PlannedCell {
  const { cell, key, preimage, code } = draft;
  const message = `never served from the store: ${uncacheable}`;
  const reason: Reason = { code: 'uncacheable', message, changes: [] };
  return {
    cell,
    status: 'run',
    partial: preimage,
    code,
    uncacheable,
    reason,
    ...(known ? { key, preimage } : {}),
  };
}

async function programsOf(
  { programs, pipeline }: Planning,
  cell: Cell,
  kind: StageKind,
): Promise<Result<Programs | undefined, StoreProblem>> {
  const names = kind.programs?.(cell.with as Record<PropertyKey, unknown>);
  return names ? programs.find(names, path.dirname(pipeline.file)) : ok(undefined);
}

/** What was read of the paths of a cell. */
const takenBy = ({ snapshot, pipeline }: Planning, cell: Cell): readonly Taken[] =>
  Object.values(cell.inputs).flatMap((binding) =>
    binding.kind === 'path' ? (snapshotOf(snapshot, binding, pipeline) ?? []) : [],
  );

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
  const started = await programsOf(planning, cell, kind);
  if (!started.ok) return err({ kind: 'store', problem: started.error });
  const programs = started.value?.digests;
  const written = writePreimage(cell, {
    ...{ kind, inputs, code: code.value.digest, programs, env },
    environment: planning.strict?.(kind),
  });
  const draft = draftOf(cell, written, code.value);
  const uncacheable = kind.uncacheable?.(cell.with as Record<PropertyKey, unknown>);
  if (uncacheable !== undefined) return ok(neverServed(draft, uncacheable, unknown.length === 0));
  const planned =
    unknown.length === 0
      ? await withKnownInputs(planning, draft)
      : withUnknownInputs(planning, draft, unknown);
  const taken = takenBy(planning, cell);
  const watched = [...(started.value?.watched ?? []), ...taken.flatMap((one) => one.watched ?? [])];
  const copied = taken.flatMap((one) => one.copied ?? []);
  const mixed = mixedNote(cell, records);
  return ok({
    ...force(planned, planning),
    ...(watched.length === 0 ? {} : { watched }),
    ...(copied.length === 0 ? {} : { copied }),
    ...(mixed === undefined ? {} : { mixed }),
  });
}
