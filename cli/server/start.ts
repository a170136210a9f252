/** Starts, awaits and stops the server of a store. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  identifyProcess,
  isSurelyDead,
  processState,
  type ProcessIdentity,
} from '../../runner/store/process-identity.js';
import { createClient, readSettings } from '../../runner/track/mlflow/index.js';
import { err, ok, type Result } from '../../schemas/result.js';
import type { CliHost } from '../host.js';
import { mlflowVersion, type Program } from './find.js';
import { addressOf, forgetServer, keepServer, serverFolder, type LocalServer } from './state.js';

/** On a busy machine a server takes most of a minute to answer. */
const patience = 90_000;
const poll = 200;
const grace = 10_000;

export interface StartProblem {
  readonly message: string;
  readonly hint: string;
}

/** Starts a server that outlives this process, on SQLite below the store, and resolves when it answers. */
export async function startServer(
  { command: [program, ...before] }: Program,
  { root, port }: { readonly root: string; readonly port: number },
  host: CliHost,
): Promise<Result<LocalServer, StartProblem>> {
  const folder = serverFolder(root);
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'server.log');
  const output = openSync(log, 'w');
  const kept = ['--backend-store-uri', databaseOf(root)];
  const artifacts = ['--artifacts-destination', join(folder, 'artifacts')];
  const place = ['--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
  const child = spawn(program, [...before, 'server', ...kept, ...artifacts, ...place], {
    cwd: folder,
    env: { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true', ...host.env },
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ready = await answers(child, addressOf({ port }));
  if (!ready) {
    stopGroup(child.pid, 'SIGKILL');
    return err({
      message: `the MLflow server did not start: ${lastLine(log)}`,
      hint: `all that it said is in ${log}`,
    });
  }
  const server: LocalServer = { port, process: identifyProcess(child.pid), version: mlflowVersion };
  keepServer(root, server);
  child.unref();
  return ok(server);
}

async function answers(child: ChildProcess, address: string): Promise<boolean> {
  const gone = new AbortController();
  for (const end of ['error', 'exit']) child.on(end, () => gone.abort());
  const settings = readSettings(address, {});
  if (!settings.ok) return false;
  const client = createClient(settings.value, { patience: { tries: 1, first: 1, most: 1 } });
  try {
    const until = performance.now() + patience;
    while (performance.now() < until && !gone.signal.aborted) {
      if ((await client.health()).ok) return true;
      await sleep(poll);
    }
    return false;
  } finally {
    await client.close();
  }
}

function lastLine(log: string): string {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  return lines.at(-1) ?? '';
}

const databaseOf = (root: string): string => `sqlite:///${join(serverFolder(root), 'mlflow.db')}`;

/** Whether a process is the server that was started, and nothing that got its number when that one had ended. */
function isServer(root: string, { pid, started }: ProcessIdentity): boolean {
  if (started !== undefined) return processState(pid)?.started === started;
  const asked = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  // No text where there is no `ps`.
  return asked.error === undefined && asked.stdout.includes(databaseOf(root));
}

/** Asks the whole group to end, and makes it after a while. False where the server had ended before. */
export async function stopServer(root: string, { process: leader }: LocalServer): Promise<boolean> {
  const self = identifyProcess();
  if (!isServer(root, leader)) {
    forgetServer(root);
    return false;
  }
  stopGroup(leader.pid, 'SIGTERM');
  const until = performance.now() + grace;
  while (performance.now() < until && !isSurelyDead(leader, self)) await sleep(poll);
  stopGroup(leader.pid, 'SIGKILL');
  forgetServer(root);
  return true;
}

function stopGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // already gone
  }
}

/** The port, or the next ones, whichever is free. */
export async function freePort(wanted: number): Promise<number | undefined> {
  for (let port = wanted; port < wanted + 20; port++) if (await isFree(port)) return port;
  return undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => resolve(true));
    });
  });
}
