/** A released MLflow server, started by the tests: MOFT_TEST_MLFLOW names its program, or the Python beside it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const given = process.env.MOFT_TEST_MLFLOW ?? '';
const folder = given === '' ? '' : dirname(given);

/** The programs of the virtual environment; undefined where there is none, and its suites are skipped. */
export const programs =
  given !== '' && existsSync(join(folder, 'mlflow'))
    ? { mlflow: join(folder, 'mlflow'), python: join(folder, 'python') }
    : undefined;

if (programs === undefined)
  console.warn(
    'SKIPPING what needs an MLflow server: MOFT_TEST_MLFLOW names no program of a virtual environment',
  );

export interface ServerOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

/** A server with a database and artifacts of its own; it can be killed and started again. */
export class MlflowServer {
  readonly folder: string;
  readonly address: string;
  readonly #port: number;
  readonly #options: ServerOptions;
  #process: ChildProcess | undefined;

  private constructor(port: number, options: ServerOptions) {
    this.folder = mkdtempSync(join(tmpdir(), 'moft-mlflow-'));
    this.address = `http://127.0.0.1:${port}`;
    this.#port = port;
    this.#options = options;
  }

  /** Starts without waiting: `ready` does that. */
  static async start(options: ServerOptions = {}): Promise<MlflowServer> {
    const server = new MlflowServer(await freePort(), options);
    server.restart();
    return server;
  }

  restart(): void {
    if (!programs) throw new Error('there is no MLflow to start');
    const log = openSync(join(this.folder, 'server.log'), 'a');
    const place = ['--host', '127.0.0.1', '--port', String(this.#port), '--workers', '1'];
    const kept = ['--backend-store-uri', `sqlite:///${this.folder}/mlflow.db`];
    const artifacts = this.#options.args?.includes('--no-serve-artifacts')
      ? ['--default-artifact-root', join(this.folder, 'artifacts')]
      : ['--artifacts-destination', join(this.folder, 'artifacts')];
    this.#process = spawn(
      programs.mlflow,
      ['server', ...kept, ...artifacts, ...place, ...(this.#options.args ?? [])],
      {
        cwd: this.folder,
        // A group of its own, so that its workers die with it.
        detached: true,
        stdio: ['ignore', log, log],
        env: {
          ...process.env,
          MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
          MLFLOW_DISABLE_TELEMETRY: 'true',
          ...this.#options.env,
        },
      },
    );
    closeSync(log);
  }

  ready(): Promise<void> {
    return isReady(this.address, () =>
      this.#process?.exitCode === null ? undefined : readFileSync(join(this.folder, 'server.log'), 'utf8'),
    );
  }

  /** kill -9, as a lost machine. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await gone;
  }

  /** Takes connections and answers nothing, until it is resumed. */
  suspend(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid;
    if (pid !== undefined) process.kill(-pid, signal);
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Resolves when somebody answers at the address; 90 s are allowed. */
export async function isReady(
  address: string,
  dead: () => string | undefined = () => undefined,
): Promise<void> {
  const until = Date.now() + 90_000;
  for (;;) {
    const answer = await fetch(`${address}/health`).catch(() => undefined);
    if (answer?.ok === true) return;
    const log = dead();
    if (log !== undefined) throw new Error(`the MLflow server ended:\n${log.slice(-2000)}`);
    if (Date.now() > until) throw new Error(`the MLflow server at ${address} did not answer within 90 s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
