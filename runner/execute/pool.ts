/** Warm worker processes: started when needed, used for one cell at a time, thrown away when in doubt. */
import { appendFileSync } from 'node:fs';
import type { Failure, StageEvent } from '../../schemas/protocol.js';
import type { JsonObject } from '../../schemas/json.js';
import type { CellId } from '../pipeline.js';
import {
  readReport,
  reportDescriptor,
  stoppedWorker,
  type WorkerCommand,
  type WorkerReport,
} from './worker/protocol.js';
import { signalGroup } from './worker/workshop/group.js';
import type { StopManner } from './actions.js';
import { startProcess, type ProcessEnd, type WorkerProcess } from './worker-process.js';

export interface WorkOrder {
  readonly cell: CellId;
  /** Nonce of the attempt, which its events carry. */
  readonly attempt: string;
  /** Absolute path of job.json. */
  readonly job: string;
  readonly epoch: number;
  readonly restarts: number;
  /** All variables of the worker, and no others. */
  readonly env: Readonly<Record<string, string>>;
  /** File that takes what the stage prints. */
  readonly log: string;
  readonly onEvent: (event: StageEvent) => void;
  /** Told of every sign of life: events, output, and what a worker reports of a command. */
  readonly onActivity?: () => void;
}

export type WorkResult =
  /** The worker says that it ended; exit.json has the rest. */
  | {
      readonly kind: 'ended';
      readonly environment: JsonObject;
      readonly seconds: number;
      readonly failure?: Failure;
    }
  /** The process is gone. */
  | { readonly kind: 'died'; readonly failure: Failure }
  /** It was stopped by us and left no word. */
  | { readonly kind: 'killed' };

export interface Work {
  readonly result: Promise<WorkResult>;
  stop(manner: StopManner): void;
}

export interface Workers {
  run(order: WorkOrder): Work;
  /** The code has changed: ends idle workers, and the others after their cell. What runs next is loaded afresh. */
  retire(): void;
  /** Asks all workers to keep a checkpoint at their next step. */
  checkpoint(): void;
  /** Ends all idle workers; resolves when their processes are gone. */
  close(): Promise<void>;
}

export interface PoolOptions {
  /** Starts a worker: a program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** Milliseconds between TERM and KILL. Default 10,000. */
  readonly grace?: number;
  /** Cells after which a worker is replaced. Default 200. */
  readonly maxCells?: number;
  /** Resident bytes above which a worker is replaced. Default 1.5 GiB. */
  readonly maxBytes?: number;
  /** Told when a worker is thrown away for a reason that a reader should know. */
  readonly onRetire?: (reason: string, cell: CellId) => void;
}

export class WorkerPool implements Workers {
  readonly #options: Required<PoolOptions>;
  readonly #idle = new Map<string, WarmWorker[]>();
  readonly #all = new Set<WarmWorker>();

  constructor(options: PoolOptions) {
    this.#options = {
      grace: 10_000,
      maxCells: 200,
      maxBytes: 1.5 * 2 ** 30,
      onRetire: () => undefined,
      ...options,
    };
  }

  run(order: WorkOrder): Work {
    const kind = JSON.stringify(Object.entries(order.env).sort(([a], [b]) => (a < b ? -1 : 1)));
    const worker = this.#idle.get(kind)?.pop() ?? this.#start(order.env);
    const work = worker.run(order);
    const result = work.result.then((result) => {
      this.#putBack(worker, { kind, cell: order.cell }, result);
      return result;
    });
    return { result, stop: (manner) => work.stop(manner) };
  }

  retire(): void {
    this.#endIdle();
    for (const worker of this.#all) worker.doom('a worker was replaced because its code changed');
  }

  checkpoint(): void {
    for (const worker of this.#all) worker.checkpoint();
  }

  async close(): Promise<void> {
    this.#idle.clear();
    const workers = [...this.#all];
    for (const worker of workers) worker.end();
    await Promise.all(workers.map((worker) => worker.gone));
  }

  #start(env: Readonly<Record<string, string>>): WarmWorker {
    this.#endIdle();
    const worker = new WarmWorker(this.#options, env);
    this.#all.add(worker);
    void worker.gone.then(() => this.#forget(worker));
    return worker;
  }

  /** One that died while it was idle must not be given a cell: nothing would ever come of it. */
  #forget(gone: WarmWorker): void {
    this.#all.delete(gone);
    for (const [kind, workers] of this.#idle)
      this.#idle.set(
        kind,
        workers.filter((worker) => worker !== gone),
      );
  }

  /** A new worker is only started where no idle one fits: those that don't give their memory back. */
  #endIdle(): void {
    for (const workers of this.#idle.values()) for (const worker of workers) worker.end();
    this.#idle.clear();
  }

  #putBack(
    worker: WarmWorker,
    { kind, cell }: { readonly kind: string; readonly cell: CellId },
    result: WorkResult,
  ): void {
    if (result.kind !== 'ended') return;
    const reason = worker.retireReason();
    if (reason === undefined) {
      this.#idle.set(kind, [...(this.#idle.get(kind) ?? []), worker]);
      return;
    }
    worker.end();
    if (result.failure === undefined && reason !== stoppedWorker) this.#options.onRetire(reason, cell);
  }
}

interface Current {
  readonly order: WorkOrder;
  readonly settle: (result: WorkResult) => void;
  stopped: boolean;
}

class WarmWorker {
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  readonly #options: Required<PoolOptions>;
  readonly #process: WorkerProcess;
  #current: Current | undefined;
  #lastLog: string | undefined;
  #tail = '';
  #cells = 0;
  #rss = 0;
  /** Process group of the command that its cell runs. */
  #group: number | undefined;
  #retire: string | undefined;
  /** Why it must not take another cell, whatever it reports of itself. */
  #doom: string | undefined;
  /** What it said that is no report: its cell may wait for ever for the one that this was. */
  #garbled: string | undefined;

  constructor(options: Required<PoolOptions>, env: Readonly<Record<string, string>>) {
    this.#options = options;
    this.#process = startProcess({
      command: options.command,
      cwd: options.cwd,
      env,
      onLine: (line) => this.#read(line),
      onOutput: (text) => this.#keep(text),
    });
    this.gone = this.#process.gone.then((end) => this.#ended(end));
  }

  run(order: WorkOrder): Work {
    this.#cells++;
    this.#lastLog = order.log;
    this.#tail = '';
    const result = new Promise<WorkResult>((settle) => {
      this.#current = { order, settle, stopped: false };
    });
    const { job, epoch, restarts } = order;
    this.#send({ type: 'run', job, epoch, restarts });
    return { result, stop: (manner) => this.#stop(manner) };
  }

  end(): void {
    this.#process.stdin?.end();
  }

  /** To the process alone: what it started need not know the signal, and would die of it. */
  checkpoint(): void {
    this.#process.checkpoint();
  }

  doom(reason: string): void {
    this.#doom ??= reason;
  }

  retireReason(): string | undefined {
    const reason = this.#retire ?? this.#doom;
    if (reason !== undefined) return reason;
    if (this.#cells >= this.#options.maxCells) return `a worker was replaced after ${this.#cells} cells`;
    if (this.#rss <= this.#options.maxBytes) return undefined;
    return `a worker was replaced because it held ${Math.round(this.#rss / 2 ** 20)} MiB`;
  }

  #send(command: WorkerCommand): void {
    const { stdin } = this.#process;
    if (stdin?.writable) stdin.write(JSON.stringify(command) + '\n');
  }

  /** TERM and the word `stop`, a grace period, then KILL; always to the whole process group. */
  #stop(manner: StopManner): void {
    const current = this.#current;
    if (!current) return;
    current.stopped = true;
    // Its cell may end well all the same; the signal, which comes when it comes, must not meet the next one.
    this.doom(stoppedWorker);
    if (manner === 'now') {
      this.#kill();
      return;
    }
    const { grace } = this.#options;
    this.#send({ type: 'stop', grace });
    this.#process.signal('SIGTERM');
    const timer = setTimeout(() => {
      if (this.#current === current) this.#kill();
    }, grace);
    timer.unref();
  }

  #kill(): void {
    this.#killCommand();
    this.#process.signal('SIGKILL');
  }

  /** Its command is in a group of its own, which a killed worker can't end any more. */
  #killCommand(): void {
    signalGroup(this.#group, 'SIGKILL');
    this.#group = undefined;
  }

  #read(line: string): void {
    const report = readReport(line);
    if (report) {
      this.#hear(report);
      return;
    }
    this.#garbled ??= line;
    this.#kill();
  }

  #hear(report: WorkerReport): void {
    this.#current?.order.onActivity?.();
    if (report.type === 'group') this.#group = report.group ?? undefined;
    if (report.type === 'event' && report.attempt === this.#current?.order.attempt)
      this.#current.order.onEvent(report.event);
    if (report.type !== 'finished') return;
    this.#rss = report.rss;
    this.#retire = report.retire;
    const { environment, seconds, failure } = report;
    this.#finish({ kind: 'ended', environment, seconds, ...(failure ? { failure } : {}) });
  }

  #finish(result: WorkResult): void {
    const current = this.#current;
    this.#current = undefined;
    current?.settle(result);
  }

  #keep(text: string): void {
    this.#current?.order.onActivity?.();
    this.#tail = (this.#tail + text).slice(-2000);
    if (this.#lastLog !== undefined) appendLog(this.#lastLog, text);
  }

  #ended(end: ProcessEnd): void {
    this.#killCommand();
    if (!this.#current) return;
    const { stopped } = this.#current;
    const garbled = this.#garbled;
    const failure = garbled === undefined ? deathFailure(end, this.#tail) : garbledFailure(garbled);
    this.#finish(stopped ? { kind: 'killed' } : { kind: 'died', failure });
  }
}

/** What a stage prints is a courtesy: a full disk must not take the runner down with it. */
function appendLog(path: string, text: string): void {
  try {
    appendFileSync(path, text);
  } catch {
    // the cell's own writes will fail with the same reason, and say so
  }
}

const garbledFailure = (line: string): Failure => ({
  class: 'infrastructure',
  code: 'worker-garbled',
  message: `the worker was ended: it or its stage wrote ${JSON.stringify(line.slice(0, 80))} to descriptor ${reportDescriptor}, which is for reports`,
});

function deathFailure({ code, signal, message }: ProcessEnd, tail: string): Failure {
  if (/heap out of memory|Cannot allocate memory/i.test(tail)) {
    const text = 'the worker ran out of memory; make the stage smaller or give the machine more';
    return { class: 'resource', code: 'out-of-memory', message: text };
  }
  if (signal !== undefined) {
    const text = `the worker was killed by ${signal}${signal === 'SIGKILL' ? ' (by hand, or for want of memory)' : ''}`;
    return { class: 'infrastructure', code: 'worker-killed', message: text };
  }
  const last = tail.trim().split('\n').slice(-8).join('\n');
  const cause = code === undefined ? (message ?? 'it did not start') : `it exited with code ${code}`;
  return {
    class: code === undefined ? 'infrastructure' : 'internal',
    code: 'worker-died',
    message: `the worker ended without finishing its cell: ${cause}${last === '' ? '' : `\n${last}`}`,
  };
}
