/** Joins a plan to everything that executes it: workers, journal, presenter, interrupts. */
import { dirname } from 'node:path';
import { Execution, type RunPart, type RunSummary } from '../runner/execute/execution.js';
import { workerVariables } from '../runner/execute/environment.js';
import { estimateSeconds, type Estimate } from '../runner/execute/estimates.js';
import { exponentialBackoff } from '../runner/execute/failures.js';
import { outlookOf, outlookText, type Outlook } from '../runner/execute/outlook.js';
import { WorkerPool, type PoolOptions, type Workers } from '../runner/execute/pool.js';
import type { Capacity } from '../runner/execute/resources.js';
import { checkpointFamily, inertValues, type Plan } from '../runner/plan/index.js';
import { newRunId, toProblem, type JournalWriter, type Store } from '../runner/store/index.js';
import type { CellEvent, LifecycleEvent, RunSource } from '../runner/track/events.js';
import type { JsonObject } from '../schemas/json.js';
import { exitCode, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { printProblem } from './load.js';
import type { Presenter } from './progress/presenter.js';
import { sourceOf, type FoundSource } from './source.js';
import { uncommitted } from './uncommitted.js';
import type { Tracker } from './track/tracker.js';

/** Milliseconds until a lease that another runner holds is looked at again. */
const leasePoll = 500;
/** Milliseconds for which a key that is being found holds back what it would come before. */
const keyWait = 1000;
/** Milliseconds between looks for a request of `moft cancel`. */
const cancelPoll = 500;

export interface PlanToExecute {
  readonly plan: Plan;
  readonly store: Store;
  readonly capacity: Capacity;
  readonly backend: string | undefined;
  /** What the command line gave the file, so that the run can be planned again. */
  readonly given: JsonObject;
  /** Absent where the run is about the whole file. */
  readonly part?: RunPart;
  readonly presenter: (outlook: Outlook) => Promise<Presenter>;
  readonly onStopping?: () => void;
  /** Starts whoever sends the run to a server while it goes. */
  readonly track?: (run: string) => Tracker;
}

export interface Executed {
  readonly run: string;
  readonly summary: RunSummary;
  readonly tracker?: Tracker;
}

/** Executes a plan under a new run; where it can't even begin, the reason is printed and its exit code is the answer. */
export async function executePlan(todo: PlanToExecute, host: CliHost): Promise<Executed | ExitCode> {
  const { plan, store, capacity } = todo;
  const run = newRunId(host.clock.wall(), store.runs.list()[0]);
  const journal = store.journal(run);
  if (!journal.ok) {
    printProblem(journal.error, host);
    return exitCode.environment;
  }
  try {
    const allHits = plan.counts.hit === plan.cells.length;
    const estimate: Estimate = allHits ? () => undefined : estimateSeconds(plan, store, await host.kinds());
    const outlook = outlookOf(plan, estimate, capacity);
    // Only for who looks on: a disk that can't take it is found out by the run itself.
    if (!allHits) store.runs.keepBeside(run, 'outlook', outlookText(outlook));
    const presenter = await todo.presenter(outlook);
    const tracker = todo.track?.(run);
    const found = sourceOf(dirname(plan.pipeline.file), readsOf(plan), host);
    const kept = allHits ? undefined : keepUncommitted(found, { plan, store, run }, host);
    const source = found.then((one) => one.source);
    const all = { ...todo, run, journal: journal.value, presenter, estimate, source };
    const summary = await execute(all, host);
    await kept;
    return { run, summary, ...(tracker ? { tracker } : {}) };
  } finally {
    journal.value.close();
  }
}

/** The pipeline file, and what it names of the disk. */
function readsOf({ pipeline }: Plan): readonly string[] {
  const inputs = pipeline.cells.flatMap((cell) => Object.values(cell.inputs));
  return [pipeline.file, ...inputs.flatMap((input) => (input.kind === 'path' ? [input.path] : []))];
}

/** While the run goes on: what its code was when it began, beyond the commit. For who reads; losing it harms nothing. */
async function keepUncommitted(
  found: Promise<FoundSource>,
  { plan, store, run }: Pick<PlanToExecute, 'plan' | 'store'> & { readonly run: string },
  { env }: CliHost,
): Promise<void> {
  const { source, untracked } = await found;
  if (source.dirty !== true) return;
  const secrets = plan.cells.flatMap(({ cell }) => cell.secrets);
  const text = await uncommitted(dirname(plan.pipeline.file), { env, secrets, untracked });
  if (text !== undefined) store.runs.keepBeside(run, 'diff', text);
}

interface ExecuteOptions extends Omit<PlanToExecute, 'presenter' | 'track'> {
  readonly run: string;
  readonly journal: JournalWriter;
  readonly presenter: Presenter;
  readonly estimate: Estimate;
  readonly source: Promise<RunSource>;
}

/** Executes a plan to its end, whatever the end is. */
async function execute(options: ExecuteOptions, host: CliHost): Promise<RunSummary> {
  const { store, presenter, run } = options;
  const show = (event: LifecycleEvent | CellEvent): void => {
    // An event of a stage has a time of its own.
    presenter.show({ time: host.clock.wall(), run, ...event });
  };
  const workers = (host.workers ?? newPool)({
    command: host.workerCommand,
    cwd: store.root,
    ...(host.grace === undefined ? {} : { grace: host.grace }),
    onRetire: (text, cell) => execution.note(cell, text),
  });
  const execution: Execution = await newExecution(options, { workers, show }, host);
  const unlisten = listenForInterrupts(execution, host);
  const unwatch = watchForCancel(execution, options, host);
  const unlistenCheckpoints = host.onCheckpoint(() => workers.checkpoint());
  try {
    return await execution.run();
  } finally {
    unlisten();
    unwatch();
    unlistenCheckpoints();
    await workers.close();
    await presenter.close();
  }
}

const newPool = (options: PoolOptions): Workers => new WorkerPool(options);

async function newExecution(
  {
    plan,
    store,
    run,
    journal,
    capacity,
    backend,
    given,
    part,
    estimate,
    onStopping,
    ...options
  }: ExecuteOptions,
  { workers, show }: { workers: Workers; show: (event: LifecycleEvent | CellEvent) => void },
  host: CliHost,
): Promise<Execution> {
  const [kinds, code, source] = await Promise.all([host.kinds(), host.code(), options.source]);
  return new Execution({
    plan,
    store,
    workers,
    clock: host.clock,
    run,
    given,
    ...(part === undefined ? {} : { part }),
    ...(onStopping ? { onStopping } : {}),
    source,
    backend,
    variables: (cell, gpus) => workerVariables(host.env, cell, gpus),
    inert: (cell) => {
      const kind = kinds.get(cell.kind);
      return kind ? inertValues(cell, kind) : {};
    },
    checkpointFamily: (preimage) => {
      const kind = kinds.get(preimage.kind);
      return kind && checkpointFamily(preimage, kind);
    },
    changedCode: ({ listing }) => (code.ok ? code.value.changed(listing) : []),
    capacity,
    policy: { onFailure: plan.pipeline.onFailure, backoff: exponentialBackoff, leasePoll, keyWait },
    // Only the order of starting depends on it.
    estimate: (cell) => estimate(cell)?.seconds ?? 1,
    journal: (event) => {
      const line = { time: host.clock.wall(), ...event } as unknown as JsonObject;
      const written = journal.append(line);
      return written.ok ? undefined : written.error;
    },
    listener: show,
  });
}

/** The first Ctrl-C stops with grace, the second at once; the third meets nobody who listens, and ends this process. */
export function listenForInterrupts(
  execution: Pick<Execution, 'interrupt'>,
  { onInterrupt, stderr }: Pick<CliHost, 'onInterrupt' | 'stderr'>,
): () => void {
  let count = 0;
  return onInterrupt(() => {
    count++;
    execution.interrupt(count === 1 ? 'grace' : 'now');
    stderr.write(
      count === 1
        ? 'moft: stopping; finished cells are kept (Ctrl-C again stops at once)\n'
        : 'moft: stopping at once (Ctrl-C again waits for nothing more)\n',
    );
    return count === 1 ? undefined : 'enough';
  });
}

/** A disk that can't be read now is asked again in a moment. */
function readRequest(store: Store, run: string): string | undefined {
  try {
    return store.runs.readBeside(run, 'cancel');
  } catch (error) {
    toProblem(error);
    return undefined;
  }
}

/** A request lies beside the run, so that it reaches a runner on another machine too. */
export function watchForCancel(
  execution: Pick<Execution, 'interrupt'>,
  { store, run }: Pick<ExecuteOptions, 'store' | 'run'>,
  { clock, stderr }: CliHost,
): () => void {
  let obeyed: string | undefined;
  const look = (): void => {
    const asked = readRequest(store, run);
    if (asked !== undefined && asked !== obeyed) {
      obeyed = asked;
      stderr.write('moft: stopping, as `moft cancel` asked; finished cells are kept\n');
      execution.interrupt(asked === 'now' ? 'now' : 'grace');
    }
    cancel = clock.after(cancelPoll, look);
  };
  let cancel = clock.after(cancelPoll, look);
  return () => cancel();
}
