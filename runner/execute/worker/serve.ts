/** The body of `moft worker`: one job given by path, or warm, cell after cell, commanded through stdin. */
import { Worker } from 'node:worker_threads';
import { writeAll } from '../../store/disk.js';
import type { WorkerHost } from './host.js';
import { signalGroup } from './workshop/group.js';
import { runJob, type JobControl, type JobOrder } from './job.js';
import { reportDescriptor, stoppedWorker, type WorkerCommand, type WorkerReport } from './protocol.js';

/** Runs one job and answers with the exit code: 0 done, 1 failed, 130 stopped. */
export async function runOneJob(order: JobOrder, host: WorkerHost): Promise<number> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once('SIGTERM', stop).once('SIGINT', stop);
  const groups = watchGroup(new Int32Array(1));
  const { status, error } = await runJob(order, host, {
    controller,
    checkpointAsked: checkpointSignal(),
    stopRequested: () => false,
    onEvent: (event) => console.log(JSON.stringify(event)),
    grace: () => standardGrace,
    onGroup: groups,
    onActivity: () => undefined,
  });
  if (error) console.error(error.message);
  return status === 'done' ? 0 : status === 'failed' ? 1 : 130;
}

/** A command has this share of a worker's time to stop, so that the worker can still say how it ended. */
const commandShare = 0.8;
const standardGrace = 10_000;
const aliveEvery = 1000;

/** Keeps the group of the running command where the lifeline sees it, and ends it when this process exits. */
function watchGroup(shared: Int32Array): (group: number | undefined) => void {
  process.on('exit', () => {
    const group = Atomics.load(shared, 0);
    if (group !== 0) signalGroup(group, 'SIGKILL');
  });
  return (group) => void Atomics.store(shared, 0, group ?? 0);
}

/**
 * Serves cells until the runner closes stdin, which kills this process and its group. Never returns.
 *
 * @param report where reports go; descriptor 3 unless told otherwise
 */
export function serveWarm(
  host: WorkerHost,
  report: (report: WorkerReport) => void = reportOnDescriptor,
): void {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const group = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(new URL('./lifeline-thread.js', import.meta.url), {
    workerData: { stop, group },
  });
  const watch = watchGroup(group);
  let grace = standardGrace;
  let lastAlive = -Infinity;
  let controller: AbortController | undefined;
  const abort = (): void => {
    Atomics.store(stop, 0, 1);
    controller?.abort();
  };
  process.on('SIGTERM', abort);
  const checkpointAsked = checkpointSignal();
  process.on('SIGINT', () => undefined); // Ctrl-C is the runner's business
  thread.on('message', (command: WorkerCommand) => {
    if (command.type === 'stop') {
      grace = command.grace * commandShare;
      abort();
      return;
    }
    controller = new AbortController();
    const control: JobControl = {
      controller,
      checkpointAsked,
      stopRequested: () => Atomics.load(stop, 0) === 1,
      onEvent: (event, attempt) => report({ type: 'event', attempt, event }),
      grace: () => grace,
      onGroup: (of) => {
        watch(of);
        report({ type: 'group', group: of ?? null });
      },
      onActivity: () => {
        if (performance.now() - lastAlive < aliveEvery) return;
        lastAlive = performance.now();
        report({ type: 'alive' });
      },
    };
    void serveOne({ path: command.job, ...command }, host, control).then((finished) => {
      thread.postMessage('ended');
      report(finished);
    });
  });
  report({ type: 'ready' });
}

/** SIGUSR1 asks for a checkpoint, as a cluster does before it takes the machine away. */
function checkpointSignal(): () => boolean {
  let asked = false;
  process.on('SIGUSR1', () => (asked = true));
  return () => {
    const was = asked;
    asked = false;
    return was;
  };
}

async function serveOne(order: JobOrder, host: WorkerHost, control: JobControl): Promise<WorkerReport> {
  const began = performance.now();
  const outcome = await runJob(order, host, control);
  const seconds = outcome.secondsBefore + Math.round(performance.now() - began) / 1000;
  const retire =
    outcome.status === 'done'
      ? outcome.leftover
      : outcome.status === 'failed'
        ? 'a worker was replaced after the cell failed'
        : stoppedWorker;
  return {
    type: 'finished',
    seconds,
    rss: process.memoryUsage.rss(),
    environment: outcome.environment,
    ...(retire === undefined ? {} : { retire }),
    ...(outcome.error ? { failure: outcome.error } : {}),
  };
}

/** Synchronous, so that the runner sees the progress of a loop that never returns to the event loop. */
function reportOnDescriptor(report: WorkerReport): void {
  writeAll(reportDescriptor, Buffer.from(`${JSON.stringify(report)}\n`));
}
