import type { Store } from '../runner/store/index.js';
import { readSettings } from '../runner/track/mlflow/index.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { machineOf } from './machine.js';
import { printJson, printProblem, standingStore, storeRoot } from './load.js';
import { flag, positiveInteger } from './options.js';
import { findProgram } from './server/find.js';
import { freePort, startServer, stopServer } from './server/start.js';
import { addressOf, foreignServer, localServer, type LocalServer } from './server/state.js';
import { chosenRuns } from './sync.js';
import { clean } from './text.js';
import { sync } from './track/send.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'mlflow',
  description: 'Start an MLflow server on this machine, send it the runs of the store, and print its address',
  options: [
    ['--port <port>', 'Where it listens, on 127.0.0.1 alone; default: 5000, or the next that is free'],
    ['--stop', 'Stop the server; what it has is kept'],
    jsonOption,
  ],
  examples: ['mlflow', 'mlflow --port 5050', 'mlflow --stop'],
  async run(_, options, host) {
    const root = storeRoot(host.cwd, host);
    if (flag(options, 'stop')) return stop(root, flag(options, 'json'), host);
    const port = positiveInteger(options, 'port');
    return withStore({ root: standingStore(host.cwd, host) }, host, async (store) => {
      const running = localServer(root);
      if (running && port !== undefined && port !== running.port)
        throw new UsageError(
          `the server of this store listens at ${addressOf(running)} already`,
          'leave out --port, or stop it first: moft mlflow --stop',
        );
      const foreign = foreignServer(root);
      // Two on one database would each think that it is theirs.
      if (foreign)
        throw new UsageError(
          `a server of this store was started on ${foreign.host}, and may still be there`,
          `stop it there (moft mlflow --stop); if that machine is gone, remove ${foreign.file}`,
        );
      if (running)
        host.stderr.write(`moft: the MLflow server of this store listens at ${addressOf(running)} already\n`);
      const server = running ?? (await start(root, port, host));
      if (!server) return exitCode.environment;
      return await send(server, { store, host, json: flag(options, 'json') });
    });
  },
};
export default spec;

async function stop(root: string, json: boolean, host: CliHost): Promise<ExitCode> {
  const server = localServer(root);
  const stopped = server !== undefined && (await stopServer(root, server)) ? addressOf(server) : null;
  if (json) printJson({ stopped }, host);
  else host.stdout.write(stopped === null ? 'no server of this store is running\n' : `stopped ${stopped}\n`);
  return exitCode.done;
}

const usualPort = 5000;

async function start(
  root: string,
  wanted: number | undefined,
  host: CliHost,
): Promise<LocalServer | undefined> {
  const program = await findProgram(host);
  if (!program.ok) {
    printProblem(program.error, host);
    return undefined;
  }
  const port = await freePort(wanted ?? usualPort);
  if (port === undefined || (wanted !== undefined && port !== wanted))
    throw new UsageError(`port ${wanted ?? usualPort} is taken`, 'give another one with --port');
  host.stderr.write(clean(`moft: starting an MLflow server (${program.value.from})\n`));
  const server = await startServer(program.value, { root, port }, host);
  if (server.ok) return server.value;
  printProblem(server.error, host);
  return undefined;
}

async function send(
  server: LocalServer,
  { store, host, json }: { readonly store: Store; readonly host: CliHost; readonly json: boolean },
): Promise<ExitCode> {
  const uri = addressOf(server);
  const settings = readSettings(uri, {});
  if (!settings.ok) throw new Error(`internal error: ${settings.error.message}; please report it`);
  // Rows of runs are for who asks for them; the address is what this command is for.
  const quiet = { ...host, stdout: { write: () => true } };
  const exit = await sync(chosenRuns(store, []), {
    ...{ store, host: quiet, again: false, json: false },
    target: { settings: settings.value, uri, traces: (await machineOf(host.cwd)).mlflow.judgments },
  });
  if (json) printJson({ address: uri, port: server.port, pid: server.process.pid }, host);
  else host.stdout.write(`${uri}\n`);
  return exit;
}
