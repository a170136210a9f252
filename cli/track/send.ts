/** Sends runs of the store to a server: what is owed, or what a run says while it goes. */
import { setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { createClient, MlflowClient, MlflowProblem } from '../../runner/track/mlflow/index.js';
import type { Status } from '../../runner/track/outbox/index.js';
import type { RunManifest, Store } from '../../runner/store/index.js';
import type { Result } from '../../schemas/result.js';
import { exitCode, UsageError, type ExitCode } from '../exit.js';
import type { CliHost } from '../host.js';
import { printJson, printProblem } from '../load.js';
import { signingKeyIfAny } from '../signing-key.js';
import { clean } from '../text.js';
import type { Target } from './target.js';

interface Context {
  readonly store: Store;
  readonly target: Target;
  readonly host: CliHost;
}

/** A busy trainer beside it comes first. */
const background = 10;
const drain = 60_000;
/** Between two tries to send a run that another process is sending. */
const turn = 200;

export async function follow([run]: readonly string[], context: Context): Promise<ExitCode> {
  if (run === undefined) throw new UsageError('--follow takes one run');
  setPriority(background);
  const { createClient } = await import('../../runner/track/mlflow/index.js');
  const patience = { tries: 2, first: 200, most: 1_000 };
  const isGone = await goneCheck(run, context.store);
  const { signal, stop } = lateSignal(isGone);
  const client = createClient(context.target.settings, { patience, signal });
  try {
    const status = await send(run, client, { ...context, isGone, follow: true, again: false, signal });
    return status === 'busy' || status.state === 'done' ? exitCode.done : exitCode.environment;
  } finally {
    stop();
    await client.close();
  }
}

/** Comes when the run has been over for as long as a server is tried then: a call that hangs is given up. */
function lateSignal(isGone: () => boolean): { readonly signal: AbortSignal; readonly stop: () => void } {
  const late = new AbortController();
  let over: number | undefined;
  const watch = setInterval(() => {
    if (over === undefined && isGone()) over = performance.now();
    if (over !== undefined && performance.now() - over > drain) late.abort();
  }, 1_000);
  return { signal: late.signal, stop: () => clearInterval(watch) };
}

export async function sync(
  runs: readonly string[],
  context: Context & { readonly again: boolean; readonly json: boolean },
): Promise<ExitCode> {
  const { target, host, json } = context;
  const { createClient: create } = await import('../../runner/track/mlflow/index.js');
  const there = await isThere(target, create);
  if (!there.ok) {
    printProblem(there.error, host);
    return exitCode.environment;
  }
  const client = create(target.settings);
  try {
    const rows: Record<string, unknown>[] = [];
    let exit: ExitCode = exitCode.done;
    for (const run of runs) {
      const status = await sendInTurn(run, client, context);
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

/** Somebody who waits at a terminal is told soon that nobody answers. */
async function isThere(
  { settings }: Target,
  create: typeof createClient,
): Promise<Result<void, MlflowProblem>> {
  const client = create(settings, { patience: { tries: 3, first: 200, most: 1_000 } });
  try {
    return await client.health();
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

/** What a run that is over left to its tracker is waited for: the tracker stays no longer than it drains. */
async function sendInTurn(
  run: string,
  client: MlflowClient,
  context: Context & { readonly again: boolean },
): Promise<Status | 'busy'> {
  const isGone = await goneCheck(run, context.store);
  const until = performance.now() + 2 * drain;
  for (let tries = 0; ; tries++) {
    const status = await send(run, client, { ...context, isGone, follow: false });
    if (status !== 'busy' || !isGone() || performance.now() > until) return status;
    if (tries === 0)
      context.host.stderr.write(clean(`moft: another process is sending ${run}: waiting for it\n`));
    await pause(turn);
  }
}

/** Sends one run, alone: `busy` where another process is at it. */
async function send(
  run: string,
  client: MlflowClient,
  {
    store,
    target,
    host,
    isGone,
    follow: stays,
    again,
    signal,
  }: Context & {
    readonly isGone: () => boolean;
    readonly follow: boolean;
    readonly again: boolean;
    readonly signal?: AbortSignal;
  },
): Promise<Status | 'busy'> {
  const { followRun, lockOf, Sender, writeStatus } = await import('../../runner/track/outbox/index.js');
  const lock = store.leases.acquire(lockOf(run, client.address));
  if (!lock.ok) {
    return { state: 'stopped', address: client.address, owed: 1, problem: lock.error.message };
  }
  if (lock.value.kind === 'held') return 'busy';
  try {
    const { experiment, parent, traces } = target;
    const signing = signingKeyIfAny(host);
    const { shown: shows } = await import('../shown.js');
    const sender = new Sender({
      store,
      run,
      client,
      shows,
      traces,
      isGone,
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
      ...(signal ? { signal } : {}),
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
async function goneCheck(run: string, store: Store): Promise<() => boolean> {
  const { isRunnerGone, toProblem } = await import('../../runner/store/index.js');
  const parent = process.ppid;
  const look = (): boolean => {
    const manifest: RunManifest | undefined = store.runs.read(run);
    if (!manifest) return process.ppid !== parent;
    const runner = manifest.extra?.runner;
    if (manifest.status !== 'running') return true;
    return typeof runner === 'string' && isRunnerGone(store.root, runner);
  };
  return () => {
    try {
      return look();
    } catch (error) {
      toProblem(error); // throws what is no fault of the disk
      return false; // it is asked again in a moment
    }
  };
}
