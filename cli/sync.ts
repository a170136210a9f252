import { setPriority } from 'node:os';
import type { MlflowClient } from '../runner/track/mlflow/index.js';
import type { Status } from '../runner/track/outbox/index.js';
import { isRunName } from '../runner/store/layout.js';
import type { RunManifest, Store } from '../runner/store/index.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { open, printJson, printProblem, storeRoot } from './load.js';
import { flag } from './options.js';
import { signingKeyIfAny } from './signing-key.js';
import { clean } from './text.js';
import { requiredTarget, trackOption, type Target } from './track/target.js';

const spec: CommandSpec = {
  usage: 'sync [...runs]',
  description: 'Send runs to an MLflow server, or what of them is still owed; all runs by default',
  options: [
    trackOption,
    ['--again', 'Forget what was sent and compare all of it with the server; nothing is doubled'],
    ['--follow', 'Stay with one run until it ends (what `moft run` starts in the background)'],
    jsonOption,
  ],
  examples: [
    'sync',
    'sync 20260102T030405678-1a2b3c4d --track http://127.0.0.1:5000',
    'sync --again --track https://mlflow.example',
  ],
  async run(runs, options, host) {
    const root = storeRoot(host.cwd, host);
    const target = await requiredTarget(options, { folder: host.cwd, root }, host);
    const store = await open(root, 'write', host);
    if (!store) return exitCode.environment;
    try {
      const names = chosenRuns(
        store,
        runs.flat().filter((name) => name !== undefined),
      );
      return flag(options, 'follow')
        ? await follow(names, { store, target, host })
        : await sync(names, {
            store,
            target,
            host,
            again: flag(options, 'again'),
            json: flag(options, 'json'),
          });
    } finally {
      const closed = await store.close();
      if (!closed.ok) printProblem(closed.error, host);
    }
  },
};
export default spec;

interface Context {
  readonly store: Store;
  readonly target: Target;
  readonly host: CliHost;
}

/** Oldest first, so that links lead to what is there. */
function chosenRuns(store: Store, given: readonly string[]): readonly string[] {
  const all = store.runs.list();
  for (const run of given)
    if (!all.includes(run) && !hasJournal(store, run))
      throw new UsageError(
        `there is no run ${JSON.stringify(run)}`,
        `the newest are ${all.slice(0, 5).join(' ')}`,
      );
  return given.length > 0 ? given : [...all].reverse();
}

function hasJournal(store: Store, run: string): boolean {
  const journal = isRunName(run) ? store.readJournal(run) : undefined;
  return journal?.ok === true && journal.value.events.length > 0;
}

/** A busy trainer beside it comes first. */
const background = 10;
const drain = 60_000;

async function follow([run]: readonly string[], context: Context): Promise<ExitCode> {
  if (run === undefined) throw new UsageError('--follow takes one run');
  setPriority(background);
  const { createClient } = await import('../runner/track/mlflow/index.js');
  const patience = { tries: 2, first: 200, most: 1_000 };
  const client = createClient(context.target.settings, { patience });
  try {
    const status = await send(run, client, { ...context, follow: true, again: false });
    return status === 'busy' || status.state === 'done' ? exitCode.done : exitCode.environment;
  } finally {
    await client.close();
  }
}

async function sync(
  runs: readonly string[],
  context: Context & { readonly again: boolean; readonly json: boolean },
): Promise<ExitCode> {
  const { target, host, json } = context;
  const { createClient } = await import('../runner/track/mlflow/index.js');
  const client = createClient(target.settings);
  try {
    const there = await client.health();
    if (!there.ok) {
      printProblem(there.error, host);
      return exitCode.environment;
    }
    const rows: Record<string, unknown>[] = [];
    let exit: ExitCode = exitCode.done;
    for (const run of runs) {
      const status = await send(run, client, { ...context, follow: false });
      if (status !== 'busy' && status.problem !== undefined) exit = exitCode.environment;
      rows.push({ run, ...(status === 'busy' ? { state: status } : status) });
      if (!json) printRow(run, status, host);
      if (exit !== exitCode.done) break;
    }
    if (json) printJson(rows, host);
    return exit;
  } finally {
    await client.close();
  }
}

function printRow(run: string, status: Status | 'busy', host: CliHost): void {
  if (status === 'busy') {
    host.stdout.write(`${run}  is being sent by another process\n`);
    return;
  }
  const { problem, page = '', refused = [] } = status;
  if (problem !== undefined) host.stderr.write(clean(`moft: ${run} is not all sent: ${problem}\n`));
  else host.stdout.write(clean(`${run}  ${page}\n`));
  for (const one of refused) host.stderr.write(clean(`moft: warning: the server refused ${one}\n`));
}

/** Sends one run, alone: `busy` where another process is at it. */
async function send(
  run: string,
  client: MlflowClient,
  {
    store,
    target,
    host,
    follow: stays,
    again,
  }: Context & { readonly follow: boolean; readonly again: boolean },
): Promise<Status | 'busy'> {
  const { followRun, lockOf, Sender, writeStatus } = await import('../runner/track/outbox/index.js');
  const { isRunnerGone } = await import('../runner/store/index.js');
  const lock = store.leases.acquire(lockOf(run, client.address));
  if (!lock.ok) {
    return { state: 'stopped', address: client.address, owed: 1, problem: lock.error.message };
  }
  if (lock.value.kind === 'held') return 'busy';
  try {
    const { experiment, parent } = target;
    const signing = signingKeyIfAny(host);
    const sender = new Sender({
      store,
      run,
      client,
      isGone: goneCheck(store, run, isRunnerGone),
      ...(experiment === undefined ? {} : { experiment }),
      ...(parent === undefined ? {} : { parent }),
      ...(signing === undefined ? {} : { signing }),
    });
    if (again || (!stays && (await isLost(sender.sent.run?.id, client)))) sender.sent.note({ kind: 'anew' });
    return await followRun({
      sender,
      address: client.address,
      follow: stays,
      drain: stays ? drain : 0,
      onStatus: (status) => writeStatus(store.root, run, status),
    });
  } finally {
    lock.value.lease.release();
  }
}

/** The server has another database than the one that the run was sent to. */
async function isLost(id: string | undefined, client: MlflowClient): Promise<boolean> {
  if (id === undefined) return false;
  const found = await client.runOf(id);
  return found.ok && found.value === undefined;
}

/**
 * Whether the process of a run is gone. One that was killed before it wrote its manifest is known by its child, the
 * tracker, which gets another parent then.
 */
function goneCheck(
  store: Store,
  run: string,
  isRunnerGone: (root: string, runner: string) => boolean,
): () => boolean {
  const parent = process.ppid;
  return () => {
    const manifest: RunManifest | undefined = store.runs.read(run);
    if (!manifest) return process.ppid !== parent;
    const runner = manifest.extra?.runner;
    if (manifest.status !== 'running') return true;
    return typeof runner === 'string' && isRunnerGone(store.root, runner);
  };
}
