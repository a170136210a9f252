import { dirname } from 'node:path';
import type { Store } from '../runner/store/index.js';
import type { RunStatus } from '../runner/track/events.js';
import { capacityFor, capacityOptions } from './capacity.js';
import { valueOptions, type CommandSpec, type Options } from './command.js';
import { engineFlag, engineOption } from './engine-option.js';
import { exitCode, PipelineError, UsageError, type ExitCode } from './exit.js';
import { forcedCells, forceOption } from './force.js';
import type { CliHost } from './host.js';
import { givenValues, loadChecked, makePlan, printWarnings, storeRoot } from './load.js';
import { flag, text } from './options.js';
import { missingSecrets } from './secrets.js';
import { clean } from './text.js';
import { targetOf, trackOption, type Target } from './track/target.js';
import { isSelection, outside, requireHits, select, selectionOptions, type Selection } from './select.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'run <file>',
  description: 'Run what is not known yet, and report',
  options: [
    ...valueOptions,
    ...selectionOptions,
    forceOption,
    ...capacityOptions,
    engineFlag,
    trackOption,
    ['--json', 'Print events, one JSON a line (stable, for scripts)'],
  ],
  examples: [
    'run pipelines/quickstart.yaml',
    'run experiment.yaml -p alpha=0.1 --until front',
    'run experiment.yaml --track http://127.0.0.1:5000',
    'run experiment.yaml --json',
  ],
  async run([file], options, host) {
    const backend = engineOption(options);
    if (backend === 'cpu') warnOfCpu(host);
    const pipeline = await loadChecked(file, options, host);
    await printWarnings(pipeline.warnings, pipeline.file, host);
    const selection = await select(pipeline, options);
    const { cachesIn, machineOf, withCaches } = await import('./machine.js');
    const machine = await machineOf(dirname(pipeline.file));
    const caches = await cachesIn(machine, host);
    const wish = { root: storeRoot(dirname(pipeline.file), host), shared: machine.shared };
    const stop = new AbortController();
    return withStore(wish, host, async (store) =>
      runIn(await withCaches(store, caches, host, { signal: stop.signal }), selection, {
        ...{ options, backend, host },
        onStopping: () => stop.abort(),
      }),
    );
  },
};
export default spec;

function warnOfCpu(host: CliHost): void {
  host.stderr.write(
    'moft: warning: the engine cpu is plain JavaScript, the last resort; `moft backend list` measures how slow\n',
  );
}

interface Context {
  readonly options: Options;
  readonly backend: string | undefined;
  readonly host: CliHost;
  readonly onStopping: () => void;
}

async function runIn(store: Store, { pipeline, support }: Selection, context: Context): Promise<ExitCode> {
  const { host } = context;
  const json = flag(context.options, 'json');
  const selected = outside(support, pipeline.cells);
  const planned = await makePlan(pipeline, store, host, {
    forced: await forcedCells(selected, context.options),
    backend: context.backend,
  });
  if (!planned.ok) return planned.exit;
  requireHits(planned.plan, support);
  const secrets = missingSecrets(planned.plan, host.env);
  if (secrets.length > 0) throw new PipelineError(secrets, { file: '', text: '' });
  const target = await trackingTarget(dirname(pipeline.file), store, context);
  const { startTracker } = await import('./track/tracker.js');
  const { executePlan } = await import('./execute.js');
  const executed = await executePlan(
    {
      plan: planned.plan,
      store,
      capacity: await capacityFor(planned.plan, context.options, host),
      backend: context.backend,
      onStopping: context.onStopping,
      given: givenValues(context.options),
      ...(isSelection(context.options) ? { part: 'selection' } : {}),
      presenter: async (outlook) =>
        (await import('./progress/presenter.js')).choosePresenter(outlook, json, host),
      ...(target ? { track: (run) => startTracker(target, { run, root: store.root }, host) } : {}),
    },
    host,
  );
  if (typeof executed === 'number') return executed;
  const { summary, run } = executed;
  const { printSummary, printHalts } = await import('./summary.js');
  if (json) printHalts(summary, host);
  else await printSummary(summary, { run, pipeline, store, host });
  const { ran, failed } = summary.counts;
  await executed.tracker?.end(ran + failed > 0 ? 'work' : 'hits');
  return exitOf(summary.status);
}

/** An address in the environment that is no server's is another tool's business, and stops no run. */
async function trackingTarget(folder: string, store: Store, context: Context): Promise<Target | undefined> {
  try {
    return await targetOf(context.options, { folder, root: store.root }, context.host);
  } catch (error) {
    if (!(error instanceof UsageError) || text(context.options, 'track') !== undefined) throw error;
    context.host.stderr.write(clean(`moft: warning: the run is not tracked: ${error.message}\n`));
    return undefined;
  }
}

export function exitOf(status: RunStatus): ExitCode {
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
