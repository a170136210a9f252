import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type { JsonObject } from '../schemas/json.js';
import type { Failure } from '../schemas/protocol.js';
import type { Execution, RunSummary } from '../runner/execute/execution.js';
import type { Pipeline } from '../runner/pipeline.js';
import type { Plan } from '../runner/plan/index.js';
import type { JournalWriter, Store } from '../runner/store/index.js';
import type { RunEvent, RunStatus } from '../runner/track/events.js';
import { valueOptions, type CommandSpec, type Options } from './command.js';
import { exitCode, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { loadChecked, makePlan, open, printDiagnostics, printProblem, storeRoot } from './load.js';
import { flag, positiveInteger, text } from './options.js';
import { choosePresenter, type Presenter } from './progress/presenter.js';
import { requireHits, select, selectionOptions, type Selection } from './select.js';
import { printSummary } from './summary.js';

const spec: CommandSpec = {
  usage: 'run <file>',
  description: 'Run what is not known yet, and report',
  options: [
    ...valueOptions,
    ...selectionOptions,
    ['-j, --jobs <n>', 'Cells that run at once; default: the cores'],
    ['--backend <name>', 'Engine: wasm, tensorflow or cpu; default: the best that starts'],
    ['--json', 'Print events, one JSON a line (stable, for scripts)'],
  ],
  examples: [
    'run pipelines/quickstart.yaml',
    'run experiment.yaml -p alpha=0.1 --until front',
    'run experiment.yaml --json',
  ],
  async run([file], options, host) {
    const pipeline = await loadChecked(file, options, host);
    if (!pipeline) return exitCode.wrong;
    const selection = await select(pipeline, options);
    const store = await open(storeRoot(dirname(pipeline.file), host), 'write', host);
    if (!store) return exitCode.environment;
    const code = await runIn(store, selection, { options, host });
    const closed = await store.close();
    if (closed.ok || code !== exitCode.done) return code;
    printProblem(closed.error, host);
    return exitCode.environment;
  },
};
export default spec;

interface Context {
  readonly options: Options;
  readonly host: CliHost;
}

async function runIn(store: Store, { pipeline, support }: Selection, context: Context): Promise<ExitCode> {
  const { options, host } = context;
  const planned = await makePlan(pipeline, store, host);
  if (!planned.ok) return planned.exit;
  requireHits(planned.plan, support);
  const tooLarge = await neverFitting(pipeline, jobs(options));
  if (tooLarge.length > 0) {
    await printDiagnostics(tooLarge, { file: '', text: '' }, host);
    return exitCode.wrong;
  }
  const run = runId(host.clock.wall());
  const journal = store.journal(run);
  if (!journal.ok) {
    printProblem(journal.error, host);
    return exitCode.environment;
  }
  const summary = await execute(planned.plan, store, { ...context, run, journal: journal.value });
  journal.value.close();
  if (!flag(options, 'json')) await printSummary(summary, { pipeline, store, host });
  else await printHalts(summary, host);
  return exitOf(summary.status);
}

const jobs = (options: Options): number | undefined => positiveInteger(options, 'jobs');

async function neverFitting(
  pipeline: Pipeline,
  cpu: number | undefined,
): Promise<readonly import('../runner/pipeline.js').Diagnostic[]> {
  const [{ unfitting }, { machineCapacity }] = await Promise.all([
    import('../runner/execute/resources.js'),
    import('../runner/execute/environment.js'),
  ]);
  return unfitting(pipeline, { ...machineCapacity(), ...(cpu === undefined ? {} : { cpu }) });
}

/** Sorts by time; letters and digits only. */
function runId(now: number): string {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+Z$/g, '');
  return `${time}-${randomBytes(4).toString('hex')}`;
}

interface Running extends Context {
  readonly run: string;
  readonly journal: JournalWriter;
}

async function execute(plan: Plan, store: Store, running: Running): Promise<RunSummary> {
  const { host, options } = running;
  const presenter = await choosePresenter(plan, flag(options, 'json'), host);
  const { WorkerPool } = await import('../runner/execute/pool.js');
  const workers = new WorkerPool({
    command: host.workerCommand,
    cwd: store.root,
    ...(host.grace === undefined ? {} : { grace: host.grace }),
    onRetire: (text) => tell({ type: 'run-note', text }),
  });
  const tell = teller(presenter, running);
  const execution = await newExecution(plan, store, { ...running, workers, tell });
  const unlisten = listenForInterrupts(execution, host);
  try {
    return await execution.run();
  } finally {
    unlisten();
    await workers.close();
    await presenter.close();
  }
}

type Tell = (event: DistributiveOmit<RunEvent, 'time' | 'run'>) => void;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function teller(presenter: Presenter, { host, run }: Running): Tell {
  return (event) => presenter.show({ time: host.clock.wall(), run, ...event } as RunEvent);
}

async function newExecution(
  plan: Plan,
  store: Store,
  {
    host,
    options,
    run,
    journal,
    workers,
    tell,
  }: Running & { workers: InstanceType<typeof import('../runner/execute/pool.js').WorkerPool>; tell: Tell },
): Promise<Execution> {
  const [{ Execution }, environment, { estimateSeconds }, { exponentialBackoff }, { inertValues }] =
    await Promise.all([
      import('../runner/execute/execution.js'),
      import('../runner/execute/environment.js'),
      import('../runner/execute/estimates.js'),
      import('../runner/execute/failures.js'),
      import('../runner/plan/index.js'),
    ]);
  const [kinds, code] = await Promise.all([host.kinds(), host.code()]);
  const cpu = jobs(options);
  const allHits = plan.counts.hit === plan.cells.length;
  return new Execution({
    plan,
    store,
    workers,
    clock: host.clock,
    run,
    backend: text(options, 'backend'),
    variables: (cell) => environment.workerVariables(host.env, cell),
    inert: (cell) => {
      const kind = kinds.get(cell.kind);
      return kind ? inertValues(cell, kind) : {};
    },
    changedCode: () => (code.ok ? code.value.changed() : []),
    capacity: { ...environment.machineCapacity(), ...(cpu === undefined ? {} : { cpu }) },
    policy: { onFailure: plan.pipeline.onFailure, backoff: exponentialBackoff, leasePoll: 500 },
    estimate: allHits ? () => 0 : estimateSeconds(plan.pipeline, store),
    journal: (event) => journalled(journal, event as unknown as JsonObject, host),
    listener: tell,
  });
}

function journalled(journal: JournalWriter, event: JsonObject, host: CliHost): Failure | undefined {
  const written = journal.append({ time: host.clock.wall(), ...event });
  return written.ok ? undefined : written.error;
}

/** The first Ctrl-C stops with grace, the second at once. */
function listenForInterrupts(execution: Execution, host: CliHost): () => void {
  let count = 0;
  return host.onInterrupt(() => {
    count++;
    execution.interrupt(count === 1 ? 'grace' : 'now');
    if (count === 1)
      host.stderr.write('moft: stopping; finished cells are kept (Ctrl-C again stops at once)\n');
  });
}

async function printHalts({ failures }: RunSummary, host: CliHost): Promise<void> {
  for (const { failure, cells } of failures) if (cells.length === 0) printProblem(failure, host);
  return Promise.resolve();
}

function exitOf(status: RunStatus): ExitCode {
  switch (status) {
    case 'done':
      return exitCode.done;
    case 'failed':
      return exitCode.failed;
    case 'environment':
      return exitCode.environment;
    case 'interrupted':
      return exitCode.interrupted;
  }
}
