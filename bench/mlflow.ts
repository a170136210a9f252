/**
 * Tracking beside MLflow's own Python client, on one server in one run: metrics a second and processor time of the
 * client; and what tracking costs a training, with a server that answers, a dead one and one that hangs. Both append
 * their line to bench/history.jsonl; under four minutes on a quiet machine.
 *
 *   node dist/bench/mlflow.js --mlflow VENV/bin/python [rounds]
 */
import { execFile, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openStore, newRunId, type Store } from '../runner/store/index.js';
import type { CellId } from '../runner/pipeline.js';
import { createClient, readSettings, type MlflowClient } from '../runner/track/mlflow/index.js';
import { Sender } from '../runner/track/outbox/index.js';
import type { Result } from '../schemas/result.js';
import { remember, rounded } from './measure.js';
import { asked } from './options.js';
import { slowdown } from './mlflow-training.js';

const root = join(import.meta.dirname, '../..');
const port = 5917;
const address = `http://127.0.0.1:${port}`;
const batched = 10_000;
const looped = 3_000;
/** The default of the Python client is slow: a tenth is enough to know it. */
const oneByOne = 200;

interface Spent {
  readonly seconds: number;
  readonly cpu: number;
}

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

async function spent(work: () => Promise<void>): Promise<Spent> {
  const clock = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - clock) / 1000, cpu: (user + system) / 1e6 };
}

async function peer(python: string, mode: string, count: number): Promise<Spent> {
  const env = {
    ...process.env,
    ...(mode === 'buffered' ? { MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS: '1' } : {}),
  };
  const script = join(root, 'bench/mlflow-peer.py');
  const { stdout } = await promisify(execFile)(python, [script, address, mode, String(count)], { env });
  return JSON.parse(
    stdout
      .trim()
      .split('\n')
      .find((line) => line.startsWith('{')) ?? '',
  ) as Spent;
}

async function ownBatches(mlflow: MlflowClient): Promise<Spent> {
  const { id: experiment } = must(await mlflow.experiment('bench'));
  const key = `bench-${performance.now()}`;
  const run = must(await mlflow.run({ experiment, name: 'batches', start: Date.now(), clientKey: key }));
  return spent(async () => {
    for (let start = 0; start < batched; start += 1000) {
      const metrics = Array.from({ length: 1000 }, (_, n) => ({
        ...{
          key: 'loss',
          value: (start + n) * 0.5,
          timestamp: 1_800_000_000_000 + start + n,
          step: start + n,
        },
      }));
      must(await mlflow.log(run.id, { metrics }));
    }
  });
}

/** A loop that says a metric a step, as a stage does: into the file of its attempt, from which the outbox sends. */
async function ownLoop(store: Store, mlflow: MlflowClient): Promise<Spent> {
  const run = newRunId(Date.now(), store.runs.list()[0]);
  const journal = must(store.journal(run));
  const tell = (event: Record<string, string | number>): void =>
    void must(journal.append({ time: Date.now(), ...event }));
  tell({ type: 'run-started', pipeline: 'bench', file: '/bench.yaml', experiment: 'bench', cells: 1 });
  const attempt = must(store.attempts.create(run, 'a' as CellId));
  tell({ type: 'cell-started', cell: 'a', key: '0'.repeat(64), attempt: 1 });
  const sender = new Sender({ store, run, client: mlflow, isGone: () => false });
  await sender.turn();
  const result = await spent(async () => {
    for (let step = 0; step < looped; step++) {
      const event = {
        time: Date.now(),
        seq: step + 1,
        type: 'metric',
        name: 'loss',
        value: step * 0.5,
        step,
      };
      appendFileSync(attempt.events, `${JSON.stringify(event)}\n`);
    }
    await sender.turn();
  });
  if (sender.sent.cell('a' as CellId)?.sent?.last !== looped) throw new Error('not all was sent');
  journal.close();
  return result;
}

const middle = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const medianOf = (all: readonly Spent[]): Spent => ({
  seconds: middle(all.map(({ seconds }) => seconds)),
  cpu: middle(all.map(({ cpu }) => cpu)),
});

async function measure(python: string, folder: string, rounds: number): Promise<void> {
  const mlflow = createClient(must(readSettings(address, {})));
  for (let n = 0; n < 450 && !(await mlflow.health()).ok; n++) await sleep(200);
  const store = must(await openStore(join(folder, 'store')));
  const works: Readonly<Record<string, { readonly count: number; readonly work: () => Promise<Spent> }>> = {
    'batches of 1,000': { count: batched, work: () => ownBatches(mlflow) },
    'batches of 1,000, Python': { count: batched, work: () => peer(python, 'batches', batched) },
    'a metric a step': { count: looped, work: () => ownLoop(store, mlflow) },
    'a metric a step, Python': { count: oneByOne, work: () => peer(python, 'loop', oneByOne) },
    'a metric a step, Python buffered': { count: looped, work: () => peer(python, 'buffered', looped) },
  };
  const all = new Map<string, Spent[]>(Object.keys(works).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, { work }] of Object.entries(works)) all.get(name)?.push(await work());
  const rows = Object.entries(works).map(([name, { count }]) => {
    const { seconds, cpu } = medianOf(all.get(name) ?? []);
    return {
      what: name,
      'metrics/s': Math.round(count / seconds),
      'client cpu ms per 1,000': rounded((cpu / count) * 1e6, 1),
    };
  });
  console.table(rows);
  remember('mlflow', { rounds, rows });
  const slowed = await slowdown(folder, address, 2 * rounds);
  console.table(
    Object.entries(slowed.ratios).flatMap(([server, parts]) =>
      Object.entries(parts).map(([what, [median, least, most]]) => ({ server, what, median, least, most })),
    ),
  );
  remember('mlflow-training', { rounds: 2 * rounds, ...slowed });
  await store.close();
  await mlflow.close();
}

const { options, numbers } = asked({
  usage: 'node dist/bench/mlflow.js --mlflow VENV/bin/python [rounds]',
  options: ['mlflow'],
  needs: ['mlflow'],
  most: 1,
});
const python = options.mlflow ?? '';
const [rounds = 3] = numbers;
const folder = mkdtempSync(join(tmpdir(), 'moft-bench-'));
const kept = [
  '--backend-store-uri',
  `sqlite:///${folder}/mlflow.db`,
  '--artifacts-destination',
  join(folder, 'artifacts'),
];
const server = spawn(
  join(dirname(python), 'mlflow'),
  ['server', ...kept, '--port', String(port), '--workers', '1'],
  {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true' },
  },
);
const clear = (): void => {
  if (server.pid !== undefined) process.kill(-server.pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    clear();
    process.exit(1);
  });
try {
  await measure(python, folder, rounds);
} finally {
  clear();
}
