/** Runs hits again and compares what comes of it with what stands. */
import { compareResults, type Comparison } from '../../runner/audit/compare.js';
import type { KindRegistry } from '../../runner/contract.js';
import type { CellId, Pipeline } from '../../runner/pipeline.js';
import type { Outlook } from '../../runner/execute/outlook.js';
import type { Capacity } from '../../runner/execute/resources.js';
import type { JsonObject } from '../../schemas/json.js';
import type { Plan, PlannedCell } from '../../runner/plan/index.js';
import type { RunManifest, Store, StoredRecord } from '../../runner/store/index.js';
import { exitCode, PipelineError, type ExitCode } from '../exit.js';
import type { CliHost } from '../host.js';
import { makePlan, printProblem } from '../load.js';
import type { Presenter } from '../progress/presenter.js';
import { missingSecrets } from '../secrets.js';
import { requireHits, restrict } from '../select.js';

export interface AuditContext {
  readonly store: Store;
  readonly host: CliHost;
  readonly backend: string | undefined;
  /** What there is for the cells of a plan. */
  readonly capacity: (plan: Plan) => Promise<Capacity>;
  readonly json: boolean;
  /** What the command line gave the file. */
  readonly given: JsonObject;
}

export interface Audited extends Pick<Comparison, 'largest' | 'differences'> {
  readonly pipeline: string;
  readonly cell: CellId;
  /** The result that stands. */
  readonly record: StoredRecord;
  /** What was made now, kept beside it; absent where nothing came of it. */
  readonly again?: StoredRecord;
  /** `tainted`: its code, or what it reads in place, changed while it ran. */
  readonly verdict: Comparison['verdict'] | 'failed' | 'tainted';
  /** Why nothing came of it. */
  readonly message?: string;
}

/** Runs some cells of a pipeline again. A problem that ends the audit is printed, and its exit code is the answer. */
export async function auditPart(
  whole: Pipeline,
  cells: ReadonlySet<CellId>,
  context: AuditContext,
): Promise<readonly Audited[] | ExitCode> {
  const { store, host, backend, given } = context;
  const { pipeline, support } = restrict({ ...whole, onFailure: 'keep-going' }, cells);
  const planned = await makePlan(pipeline, store, host, { forced: cells, backend });
  if (!planned.ok) return planned.exit;
  const { plan } = planned;
  requireHits(plan, support);
  const secrets = missingSecrets(plan, host.env);
  if (secrets.length > 0) throw new PipelineError(secrets, { file: '', text: '' });
  const { executePlan } = await import('../execute.js');
  const capacity = await context.capacity(plan);
  const executed = await executePlan(
    {
      ...{ plan, store, capacity, backend, given, part: 'audit' },
      presenter: (outlook) => presenterOf(outlook, context),
    },
    host,
  );
  if (typeof executed === 'number') return executed;
  const { summary, run } = executed;
  if (summary.status === 'interrupted') return exitCode.interrupted;
  if (summary.status === 'environment') {
    for (const { failure } of summary.failures) printProblem(failure, host);
    return exitCode.environment;
  }
  const manifest = store.runs.read(run);
  const kinds = await host.kinds();
  return plan.cells
    .filter(({ cell }) => cells.has(cell.id))
    .flatMap((one) => auditedCell(one, { manifest, store, kinds, pipeline: pipeline.name }));
}

async function presenterOf(outlook: Outlook, { json, host }: AuditContext): Promise<Presenter> {
  const { choosePresenter } = await import('../progress/presenter.js');
  return json
    ? { show: () => undefined, close: () => Promise.resolve() }
    : choosePresenter(outlook, false, host);
}

export interface Judging {
  readonly manifest: RunManifest | undefined;
  readonly store: Store;
  readonly kinds: KindRegistry;
  readonly pipeline: string;
}

export function auditedCell({ cell, record }: PlannedCell, judging: Judging): readonly Audited[] {
  // Another run chose, or a collection took, what stood a moment ago.
  if (!record) return [];
  const { manifest, store, kinds, pipeline } = judging;
  const head = { pipeline, cell: cell.id, record, differences: [] };
  const forced = manifest?.cells[cell.id]?.forced;
  if (forced === undefined) {
    const message = manifest?.tries?.[cell.id]?.failure?.message ?? 'it was not finished';
    return [{ ...head, verdict: 'failed', message }];
  }
  const again = store.records
    .all(record.key)
    .find((other) => other.digest !== record.digest && other.record.run === manifest?.run);
  const made = again ? { again } : {};
  if (forced === 'different' && !again) {
    const message = 'other bytes came of it, in a result that is no longer in the store';
    return [{ ...head, verdict: 'different', message }];
  }
  if (forced !== 'different' || !again)
    return [{ ...head, ...made, verdict: forced === 'tainted' ? 'tainted' : 'same' }];
  const results = { before: record.record, after: again.record };
  const compared = compareResults(store.cas, results, kinds.get(cell.kind)?.tolerance);
  return [
    compared.ok
      ? { ...head, again, ...compared.value }
      : { ...head, again, verdict: 'failed', message: compared.error.message },
  ];
}
