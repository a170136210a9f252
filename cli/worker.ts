import { statSync } from 'node:fs';
import { join, dirname, resolve } from 'node:path';
import { err, ok } from '../schemas/result.js';
import type { WorkerHost } from '../runner/execute/worker/host.js';
import type { CommandSpec } from './command.js';
import { UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { text } from './options.js';

const spec: CommandSpec = {
  usage: 'worker [job]',
  description:
    'Run one job (path of a job.json), or serve a runner through stdin; started by moft itself or a cluster',
  options: [
    ['--epoch <n>', 'Epoch of the lease that the job runs under'],
    ['--restarts <n>', 'How often the job was started before'],
  ],
  examples: ['worker .moft/attempts/20260102T030405678-1a2b3c4d/0123456789abcdef/1/job.json'],
  async run([job], options, host) {
    const { runOneJob, serveWarm } = await import('../runner/execute/worker/serve.js');
    const worker = await workerHost(host);
    if (job !== undefined) {
      requireFile(resolve(host.cwd, job));
      const order = {
        path: resolve(host.cwd, job),
        epoch: Number(text(options, 'epoch') ?? 0),
        restarts: Number(text(options, 'restarts') ?? 0),
      };
      return (await runOneJob(order, worker)) as ExitCode;
    }
    serveWarm(worker);
    return new Promise<ExitCode>(() => undefined); // ends with its stdin
  },
};
export default spec;

function requireFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return;
  throw new UsageError(
    `there is no job file ${path}`,
    'the runner writes it: .moft/attempts/RUN/CELL/ATTEMPT/job.json',
  );
}

async function workerHost(host: CliHost): Promise<WorkerHost> {
  const { openStore } = await import('../runner/store/index.js');
  const [kinds, engine] = await Promise.all([host.kinds(), host.engine()]);
  // A store that isn't there, opened for reading, hashes what it is given and keeps nothing.
  const hasher = await openStore(join(dirname(process.execPath), 'no-store'), { access: 'read' });
  return {
    kinds,
    engine,
    digest: async (type, path) => {
      if (!hasher.ok) return err(hasher.error);
      const put = await hasher.value.cas.put(type, path);
      return put.ok ? ok(put.value) : put;
    },
    now: () => host.clock.wall(),
  };
}
