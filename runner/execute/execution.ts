/** Executes a plan: does what the schedule says, tells it what happened, and reports every step as an event. */
import { unreachable } from '../../schemas/result.js';
import type { JsonObject } from '../../schemas/json.js';
import type { Failure } from '../../schemas/protocol.js';
import type { Cell, CellId } from '../pipeline.js';
import type { Plan, PlannedCell, PlanProblem } from '../plan/index.js';
import type { LeaseHolder, RunCell, StoredRecord } from '../store/index.js';
import type { CellEvent, Counts, LifecycleEvent, RunSource, RunStatus } from '../track/events.js';
import { CellAttempt, type AttemptResult, type AttemptWorld, type EventRange } from './attempt.js';
import { Bell } from './bell.js';
import { groupFailures, type FailureGroup } from './failures.js';
import { isKept, Ledger, manifestStatus } from './ledger.js';
import { demandOf, type Capacity } from './resources.js';
import type { Action, Outcome, Policy, Settlement, StopManner } from './actions.js';
import { Schedule } from './schedule.js';

export interface ExecutionOptions extends AttemptWorld {
  readonly plan: Plan;
  readonly capacity: Capacity;
  /** Who started the run, from which state of the project. */
  readonly source?: RunSource;
  readonly policy: Policy;
  /** Expected seconds of a cell. */
  readonly estimate: (cell: Cell) => number;
  /** What the file was given when the run began, kept in its manifest: the run can be planned again. */
  readonly given?: JsonObject;
  /** It is about a part of its file: what the command line selects, or what is audited. */
  readonly part?: RunPart;
  /** Takes lifecycle events; a failure stops the run as a fault of the environment. */
  readonly journal: (event: LifecycleEvent) => Failure | undefined;
  /** Told, perhaps often, that nothing new starts any more: what is fetched from elsewhere is not waited for. */
  readonly onStopping?: () => void;
  /** Sees everything that the journal gets, and the events of the stages. */
  readonly listener: (event: LifecycleEvent | CellEvent) => void;
}

export type RunPart = 'selection' | 'audit';

export interface RunSummary {
  readonly status: RunStatus;
  readonly counts: Counts;
  readonly seconds: number;
  readonly savedSeconds: number;
  readonly failures: readonly FailureGroup[];
}

export class Execution {
  readonly #options: ExecutionOptions;
  readonly #schedule: Schedule;
  readonly #bell: Bell;
  readonly #ledger: Ledger;
  readonly #planned: Map<CellId, PlannedCell>;
  /** Cells whose first planning has been used: from then on their key is looked up again. */
  readonly #resolvedOnce = new Set<CellId>();
  readonly #attempts = new Map<CellId, CellAttempt>();
  readonly #events = new Map<CellId, EventRange>();
  /** How often a cell found inputs gone. */
  readonly #losses = new Map<CellId, number>();
  readonly #forced = new Map<CellId, NonNullable<RunCell['forced']>>();
  /** Who was last seen to be at the key of a cell. */
  readonly #holders = new Map<CellId, string>();
  readonly #halts: Failure[] = [];
  readonly #began: number;
  /** Monotonic: not before is the manifest saved again. */
  #saveAgain = -Infinity;

  constructor(options: ExecutionOptions) {
    const { plan, clock } = options;
    this.#options = options;
    this.#bell = new Bell(clock);
    this.#began = clock.monotonic();
    this.#planned = new Map(plan.cells.map((planned) => [planned.cell.id, planned]));
    this.#schedule = new Schedule(
      plan.cells.map(({ cell }) => taskOf(cell, options.estimate(cell))),
      options.capacity,
      options.policy,
    );
    this.#ledger = new Ledger({
      run: options.run,
      pipeline: plan.pipeline,
      runs: options.store.runs,
      started: new Date(clock.wall()).toISOString(),
      extra: {
        params: plan.pipeline.params,
        runner: options.store.runner,
        ...(options.given ? { given: options.given } : {}),
        ...(plan.pipeline.digest === undefined ? {} : { text: plan.pipeline.digest }),
        ...(options.part === undefined ? {} : { part: options.part }),
        ...(options.source ? { source: { ...options.source } } : {}),
      },
    });
  }

  /** Runs to the end: all cells are settled, all workers idle. */
  async run(): Promise<RunSummary> {
    const { pipeline, cells } = this.#options.plan;
    const { name, file, experiment, params } = pipeline;
    const { source = {} } = this.#options;
    const known = { pipeline: name, file, experiment, params, source };
    this.#tell({ type: 'run-started', ...known, cells: cells.length });
    for (;;) {
      this.#performAll();
      if (this.#schedule.stopping) this.#options.onStopping?.();
      const saveAt = this.#save();
      if (this.#schedule.finished) break;
      await this.#bell.sleep(Math.min(this.#schedule.wakeAt(), saveAt));
    }
    return this.#finish();
  }

  /** Ctrl-C: nothing new starts; running cells are stopped with grace or at once. */
  interrupt(manner: StopManner): void {
    this.#schedule.interrupt(manner);
    this.#bell.ring();
  }

  /**
   * Saves the manifest, which grows with the run: as often as it takes at most a twentieth of the time.
   *
   * @returns when it is due; Infinity where it isn't
   */
  #save(): number {
    if (!this.#ledger.isDirty) return Infinity;
    const { clock } = this.#options;
    const began = clock.monotonic();
    if (began < this.#saveAgain) return this.#saveAgain;
    this.#haltOn(this.#ledger.save());
    const ended = clock.monotonic();
    this.#saveAgain = ended + 20 * (ended - began);
    return Infinity;
  }

  /** Something that a reader of the run should know: shown and kept in its journal. */
  note(cell: CellId, text: string): void {
    this.#tell({ type: 'run-note', cell, text });
  }

  #performAll(): void {
    for (;;) {
      const actions = this.#schedule.next(this.#options.clock.monotonic());
      if (actions.length === 0) return;
      for (const action of actions) this.#perform(action);
    }
  }

  #perform(action: Action): void {
    switch (action.kind) {
      case 'resolve':
        this.#resolve(action.cell);
        return;
      case 'start':
        this.#start(action);
        return;
      case 'stop':
        this.#attempts.get(action.cell)?.stop(action.manner);
        return;
      case 'retry': {
        const { cell, attempt, failure, backoff } = action;
        this.#tell({ type: 'cell-retried', cell, attempt, failure, backoff: backoff / 1000 });
        return;
      }
      case 'reopen':
        this.#reopened(action);
        return;
      case 'settle':
        this.#settle(action.cell, action.settlement);
        return;
      default:
        unreachable(action);
    }
  }

  #reopened({ cell, reader }: Extract<Action, { kind: 'reopen' }>): void {
    this.#tell({ type: 'cell-reopened', cell, reader, was: this.#ledger.forget(cell) });
  }

  /** The plan's own answer where it has one; else the key is computed now, from what the parents ended with. */
  #resolve(cell: CellId): void {
    const planned = this.#planned.get(cell);
    if (
      planned &&
      planned.status !== 'depends' &&
      planned.key !== undefined &&
      !this.#resolvedOnce.has(cell)
    ) {
      this.#resolvedOnce.add(cell);
      this.#resolved(cell, planned);
      return;
    }
    this.#later(cell, async () => {
      const resolved = await this.#options.plan.resolve(cell, this.#ledger.records);
      if (resolved.ok) this.#resolved(cell, resolved.value);
      else this.#schedule.resolved(cell, { kind: 'failed', failure: planFailure(resolved.error) });
    });
  }

  #resolved(cell: CellId, planned: PlannedCell): void {
    this.#planned.set(cell, planned);
    const { key, record } = planned;
    if (key === undefined)
      throw new Error(`internal error: ${cell} was resolved without a key; please report it`);
    // A record that this run has met already stands for the key, whatever was chosen since.
    const known = this.#ledger.recordOf(key) ?? (planned.status === 'hit' ? record : undefined);
    const frozen = isForced(planned) ? undefined : known;
    if (frozen) this.#ledger.keep(frozen);
    this.#schedule.resolved(cell, { kind: frozen ? 'hit' : 'run', key });
  }

  #start({ cell, key, attempt, gpus }: Extract<Action, { kind: 'start' }>): void {
    const planned = this.#planned.get(cell);
    if (!planned?.preimage) throw new Error(`internal error: ${cell} has no preimage; please report it`);
    const { preimage, code, record, uncacheable, watched = [], copied = [], mixed } = planned;
    const standing = isForced(planned) && record ? { standing: record } : {};
    const lost = uncacheable === undefined ? {} : { uncacheable };
    const subject = { cell: planned.cell, key, preimage, code, gpus, watched, copied, ...standing, ...lost };
    const running = new CellAttempt(this.#options, subject, {
      onStart: () => {
        const family = this.#options.checkpointFamily(preimage)?.name;
        this.#ledger.tried(cell, { key, how: 'started', ...(family === undefined ? {} : { family }) });
        this.#tell({ type: 'cell-started', cell, key, attempt });
        if (mixed !== undefined && attempt === 1) this.note(cell, mixed);
        // The manifest says so even where the runner is killed before anything else happens.
        this.#bell.ring();
      },
      onEvent: (event) => this.#options.listener({ ...event, cell }),
      onNote: (text) => this.note(cell, text),
    });
    this.#attempts.set(cell, running);
    this.#later(cell, async () => this.#ended(cell, await running.run()));
  }

  #ended(cell: CellId, result: AttemptResult): void {
    this.#attempts.delete(cell);
    if (result.kind === 'done' || result.kind === 'served') this.#ledger.keep(result.record);
    if (result.kind === 'held') this.#waits(cell, result.holder);
    if (result.kind === 'done' && result.forced) this.#forced.set(cell, result.forced);
    if ('events' in result) this.#events.set(cell, result.events);
    const outcome = result.kind === 'lost' ? this.#lost(cell, result) : result;
    this.#schedule.ended(cell, outcome, this.#options.clock.monotonic());
  }

  /** The lease is asked for twice a second; who has it is said once. */
  #waits(cell: CellId, holder: LeaseHolder): void {
    if (this.#holders.get(cell) === holder.runner) return;
    this.#holders.set(cell, holder.runner);
    this.#tell({ type: 'cell-waiting', cell, holder });
  }

  /** Whoever made the lost inputs does so again; a key that loses them time and again is a fault of the disk. */
  #lost(cell: CellId, { digests, failure }: Extract<AttemptResult, { kind: 'lost' }>): Outcome {
    const losses = (this.#losses.get(cell) ?? 0) + 1;
    this.#losses.set(cell, losses);
    if (losses > 2) return { kind: 'failed', failure };
    const producers = (this.#planned.get(cell)?.cell.needs ?? []).filter((parent) =>
      this.#ledger.records.get(parent)?.record.artifacts.some(({ digest }) => digests.includes(digest)),
    );
    return { kind: 'lost', producers };
  }

  /** Work that ends later; the loop is woken when it does. What it throws is a bug of ours and ends the run. */
  #later(cell: CellId, work: () => Promise<void>): void {
    work().then(
      () => this.#bell.ring(),
      (error: unknown) => {
        process.nextTick(() => {
          throw new Error(`internal error at cell ${cell}; please report it`, { cause: error });
        });
      },
    );
  }

  #settle(cell: CellId, settlement: Settlement): void {
    const { status, key, failure, reason } = settlement;
    const record = status === 'ran' || status === 'hit' ? this.#ledger.recordOf(key) : undefined;
    const outcome = { status, ...this.#unkept(cell, record) };
    this.#ledger.count(cell, outcome);
    const forced = this.#forced.get(cell);
    if (record)
      this.#ledger.bind(cell, record, {
        how: status === 'ran' ? 'ran' : 'hit',
        ...(forced ? { forced } : {}),
      });
    if (failure) this.#ledger.failures.push({ cell, failure });
    if (failure?.class === 'environment') this.#keepWhatRuns();
    this.#noteTry(cell, settlement, outcome);
    const events = this.#events.get(cell);
    this.#tell({
      type: 'cell-finished',
      cell,
      ...outcome,
      ...(key ? { key } : {}),
      ...(record && isKept(record) ? { record: record.digest } : {}),
      ...(record ? { seconds: record.record.seconds } : {}),
      ...(failure ? { failure } : {}),
      ...(reason ? { reason } : {}),
      ...(events ? { events } : {}),
    });
  }

  /** Why a result is used in this run only. */
  #unkept(cell: CellId, record: StoredRecord | undefined): { uncacheable?: true; tainted?: true } {
    if (!record || isKept(record)) return {};
    return this.#planned.get(cell)?.uncacheable === undefined ? { tainted: true } : { uncacheable: true };
  }

  /** What left no record is kept by name, so that the next plan can say why it is tried again. */
  #noteTry(
    cell: CellId,
    { key, status, failure }: Settlement,
    { tainted, uncacheable }: { readonly tainted?: true; readonly uncacheable?: true },
  ): void {
    if (status === 'skipped') this.#ledger.stopped(cell);
    if (!key) return;
    if (failure) this.#ledger.tried(cell, { key, how: 'failed', failure: plainFailure(failure) });
    if (tainted) this.#ledger.tried(cell, { key, how: 'tainted' });
    if (uncacheable) this.#ledger.tried(cell, { key, how: 'uncacheable' });
  }

  #tell(event: LifecycleEvent): void {
    const failure = this.#options.journal(event);
    if (failure) this.#halt(failure);
    this.#options.listener(event);
  }

  #haltOn(result: { readonly ok: true } | { readonly ok: false; readonly error: Failure }): void {
    if (!result.ok) this.#halt(result.error);
  }

  /** The run's own files can't be written: the same as a cell that met a full disk, reported once. */
  #halt(failure: Failure): void {
    if (this.#schedule.stopping === 'environment') return;
    this.#halts.push(failure);
    this.#schedule.halt();
    this.#keepWhatRuns();
  }

  /** A disk that had no room for one cell may have none at the end of the others: they go on, with a checkpoint behind them. */
  #keepWhatRuns(): void {
    if (this.#attempts.size > 0) this.#options.workers.checkpoint();
  }

  #finish(): RunSummary {
    const { clock } = this.#options;
    const seconds = Math.round(clock.monotonic() - this.#began) / 1000;
    const { counts, savedSeconds } = this.#ledger;
    const status = this.#status();
    this.#tell({ type: 'run-finished', status, counts, seconds, saved_seconds: savedSeconds });
    this.#haltOn(this.#ledger.save(manifestStatus(status), new Date(clock.wall()).toISOString()));
    const halts = this.#halts.map((failure) => ({ failure, cells: [] }));
    const failures = [...groupFailures(this.#ledger.failures), ...halts];
    return { status: this.#status(), counts, seconds, savedSeconds, failures };
  }

  #status(): RunStatus {
    const { stopping } = this.#schedule;
    if (stopping === 'environment') return 'environment';
    if (stopping === 'interrupt') return 'interrupted';
    return this.#ledger.counts.failed > 0 ? 'failed' : 'done';
  }
}

const isForced = (planned: PlannedCell): boolean => planned.reason.code === 'forced';

const plainFailure = ({ class: failureClass, code, message }: Failure): Failure => ({
  class: failureClass,
  code,
  message,
});

function taskOf(cell: Cell, seconds: number): ConstructorParameters<typeof Schedule>[0][number] {
  return {
    cell: cell.id,
    needs: cell.needs,
    demand: demandOf(cell.resources),
    seconds,
    ...(cell.priority === undefined ? {} : { priority: cell.priority }),
    ...(cell.timeout === undefined ? {} : { timeout: cell.timeout }),
    retries: cell.retries,
  };
}

function planFailure(problem: PlanProblem): Failure {
  switch (problem.kind) {
    case 'store':
      return problem.problem;
    case 'code':
      return { class: 'internal', code: problem.problem.code, message: problem.problem.message };
    case 'file': {
      const places = problem.diagnostics.map(
        ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
      );
      return { class: 'user', code: problem.diagnostics[0]?.code ?? 'file', message: places.join('\n') };
    }
    default:
      return unreachable(problem);
  }
}
