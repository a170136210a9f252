/** Runs one job: job.json in, events.jsonl, the outputs and exit.json out. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import {
  protocolVersion,
  type Exit,
  type Failure,
  type Job,
  type StageEvent,
} from '../../../schemas/protocol.js';
import type { JsonObject } from '../../../schemas/json.js';
import { StageFailure, type Emit, type OpenWorkshop, type StageKind } from '../../contract.js';
import { errorCode } from '../../store/problem.js';
import { failureFromSystem } from '../failures.js';
import { noCheckpoints, openCheckpoints, sparing, type KeptCheckpoints } from './checkpoints.js';
import { EventLog } from './event-log.js';
import { forbidMathRandom, leftovers, surroundings, type Surroundings } from './guard.js';
import type { WorkerHost } from './host.js';
import { watchLoads } from './loads.js';

export interface JobOrder {
  /** Absolute path of job.json. */
  readonly path: string;
  readonly epoch: number;
  readonly restarts: number;
}

export interface JobControl {
  readonly onEvent: (event: StageEvent, attempt: string) => void;
  /** Polled at every event, so that a loop that never returns to the event loop can be stopped. */
  readonly stopRequested: () => boolean;
  readonly controller: AbortController;
  /** Milliseconds that a command has between TERM and KILL. */
  readonly grace: () => number;
  /** The process group of a command that begins, or undefined when all of it has ended. */
  readonly onGroup: (group: number | undefined) => void;
  /** A sign of life that is no event. */
  readonly onActivity: () => void;
  /** Whether somebody asked for a checkpoint since the last time it was asked. */
  readonly checkpointAsked: () => boolean;
}

export interface JobReport {
  readonly status: Exit['status'];
  readonly environment: JsonObject;
  /** What earlier tries took to get where this one went on from. */
  readonly secondsBefore: number;
  readonly error?: Failure;
  /** What the cell left behind in this process, as a sentence. */
  readonly leftover?: string;
}

type Outputs = Exit['outputs'];
type Ending = { readonly status: Exit['status']; readonly error?: Failure; readonly outputs: Outputs };

/** Never throws: whatever happens is in exit.json and in the report. */
export async function runJob(order: JobOrder, host: WorkerHost, control: JobControl): Promise<JobReport> {
  let environment: JsonObject = machine();
  let ending: Ending;
  let leftover: string | undefined;
  let checkpoints = noCheckpoints;
  let attempt: string | undefined;
  const loaded = watchLoads();
  try {
    const job = readJob(order.path);
    ({ attempt } = job);
    const kind = kindOf(job, host);
    // The engine is loaded before the guard stands: its packages draw from Math.random while they load.
    if (kind.engine) environment = { ...environment, ...(await host.engine.start(job.backend)) };
    const folder = dirname(order.path);
    const look = (): Surroundings => surroundings(host.engine.memory(), folder);
    const before = surroundings(host.engine.memory());
    checkpoints = checkpointsOf({ kind, job, order, host, control, environment });
    await runKind({ kind, job, host, control, checkpoints, folder });
    leftover = await leftovers(before, look);
    refuseUndeclaredEngine(kind, before.engine === undefined && host.engine.memory() !== undefined);
    ending = await collect(job, host);
  } catch (error) {
    ending = endingOf(error, control.controller.signal);
  }
  if (ending.error) checkpoints.failed(ending.error.class);
  const unwritten = writeExit(order, attempt, { ...ending, modules: loaded() });
  const error = ending.error ?? unwritten;
  return {
    status: unwritten ? 'failed' : ending.status,
    environment,
    secondsBefore: checkpoints.secondsBefore,
    ...(error ? { error } : {}),
    ...(leftover === undefined ? {} : { leftover }),
  };
}

function machine(): JsonObject {
  return {
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    host: hostname(),
  };
}

function readJob(path: string): Job {
  const job = JSON.parse(readFileSync(path, 'utf8')) as Job;
  if ((job.v as number) === protocolVersion) return job;
  throw new StageFailure(
    'internal',
    'protocol',
    `job.json has version ${String(job.v)}, this worker knows ${protocolVersion}; runner and worker are of different versions`,
  );
}

function kindOf(job: Job, host: WorkerHost): StageKind {
  const kind = host.kinds.get(job.kind);
  if (kind) return kind;
  throw new StageFailure(
    'internal',
    'unknown-kind',
    `this worker knows no stage kind ${JSON.stringify(job.kind)}`,
  );
}

interface Opening {
  readonly kind: StageKind;
  readonly job: Job;
  readonly order: JobOrder;
  readonly host: WorkerHost;
  readonly control: JobControl;
  readonly environment: JsonObject;
}

/** Milliseconds between two checkpoints. */
const checkpointEvery = 60_000;

function checkpointsOf({ kind, job, order, control, environment }: Opening): KeptCheckpoints {
  if (kind.checkpoints !== true || job.checkpoint === undefined) return noCheckpoints;
  const extent = kind.extent?.(job.with);
  return openCheckpoints({
    folder: job.checkpoint,
    environment,
    epoch: order.epoch,
    nonce: job.attempt,
    most: extent === undefined ? Infinity : Number(job.with[extent]),
    atEnd: extent !== undefined,
    every: checkpointEvery,
    monotonic: () => performance.now(),
    asked: () => control.checkpointAsked() || control.stopRequested() || control.controller.signal.aborted,
  });
}

interface Running {
  readonly kind: StageKind;
  readonly job: Job;
  readonly host: WorkerHost;
  readonly control: JobControl;
  readonly checkpoints: KeptCheckpoints;
  readonly folder: string;
}

async function runKind({ kind, job, host, control, checkpoints, folder }: Running): Promise<void> {
  const { controller, onEvent } = control;
  const log = new EventLog({
    path: join(folder, 'events.jsonl'),
    attempt: job.attempt,
    now: () => host.now(),
    onEvent: (event) => onEvent(event, job.attempt),
  });
  const allow = forbidMathRandom();
  try {
    const emit: Emit = (event) => {
      if (control.stopRequested()) controller.abort();
      log.append(event);
    };
    const { signal } = controller;
    const workshop: OpenWorkshop = async (work) => {
      const { inWorkshop } = await import('./workshop/workshop.js');
      const { grace, onGroup, onActivity } = control;
      const given = { job, attempt: folder, variables: process.env, emit, signal };
      return inWorkshop({ ...given, grace, onGroup, onActivity }, work);
    };
    const spared = sparing(checkpoints, (markdown) => emit({ type: 'note', markdown }));
    await kind.run(job, emit, signal, { checkpoints: spared, workshop });
  } finally {
    allow();
    log.close();
  }
}

function refuseUndeclaredEngine(kind: StageKind, loaded: boolean): void {
  if (kind.engine || !loaded) return;
  const text = `the kind ${kind.name} loaded TensorFlow.js and doesn't declare \`engine: true\``;
  throw new StageFailure('internal', 'undeclared-engine', text);
}

/** Digests of all declared outputs; a missing one is a bug of the kind. */
async function collect(job: Job, host: WorkerHost): Promise<Ending> {
  const outputs: Outputs = {};
  for (const [name, { type, path }] of Object.entries(job.outputs)) {
    if (!existsSync(path)) {
      const text = `the stage ended well but did not write its output ${JSON.stringify(name)}`;
      return {
        status: 'failed',
        error: { class: 'internal', code: 'output-missing', message: text },
        outputs: {},
      };
    }
    const digest = await host.digest(type, path);
    if (!digest.ok) return { status: 'failed', error: unkept(name, digest.error), outputs: {} };
    outputs[name] = { digest: digest.value.digest, bytes: digest.value.bytes };
  }
  return { status: 'done', outputs };
}

function unkept(name: string, failure: Failure): Failure {
  return { ...failure, message: `the output ${JSON.stringify(name)} can't be kept: ${failure.message}` };
}

function endingOf(error: unknown, signal: AbortSignal): Ending {
  if (error instanceof StageFailure) return { status: 'failed', error: error.failure, outputs: {} };
  if (signal.aborted) return { status: 'interrupted', outputs: {} };
  if (errorCode(error) === undefined && error instanceof Error) console.error(error.stack);
  return { status: 'failed', error: failureFromSystem(error), outputs: {} };
}

/** exit.json appears whole or not at all. @param known the nonce; undefined where the job could not be read as one */
function writeExit(
  order: JobOrder,
  known: string | undefined,
  ending: Ending & Pick<Exit, 'modules'>,
): Failure | undefined {
  const path = join(dirname(order.path), 'exit.json');
  try {
    const attempt = known ?? (JSON.parse(readFileSync(order.path, 'utf8')) as Pick<Job, 'attempt'>).attempt;
    const { epoch, restarts } = order;
    const exit: Exit = { v: protocolVersion, attempt, nonce: attempt, epoch, restarts, ...ending };
    writeFileSync(`${path}.tmp`, JSON.stringify(exit));
    renameSync(`${path}.tmp`, path);
    return undefined;
  } catch (error) {
    return failureFromSystem(error);
  }
}
