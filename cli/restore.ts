import type { Restored } from '../runner/track/outbox/index.js';
import { ok } from '../schemas/result.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import type { CliHost } from './host.js';
import { printJson, printProblem, standingStore } from './load.js';
import { machineOf } from './machine.js';
import { flag } from './options.js';
import { signingKeyIfAny } from './signing-key.js';
import { clean, counted } from './text.js';
import { runNamed, withClient } from './track/look.js';
import { trackOption } from './track/target.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'restore <run>',
  description: 'Fetch the results of a run (its id or page on the MLflow server, or our id) into the store',
  options: [trackOption, jsonOption],
  examples: [
    'restore 20260102T030405678-1a2b3c4d',
    'restore 0123456789abcdef0123456789abcdef --track http://127.0.0.1:5000',
  ],
  async run([name], options, host) {
    if (name === undefined) throw new UsageError('`moft restore` takes a run', 'see `moft ls --mlflow`');
    const trusted = await trustedKeys(host);
    return withStore({ root: standingStore(host.cwd, host) }, host, async (store) => {
      return await withClient(options, host, async (client) => {
        const run = await runNamed(client, name);
        if (!run.ok) return run;
        const { restoreRun } = await import('../runner/track/outbox/index.js');
        const restored = await restoreRun(store, client, { run: run.value, trusted });
        if (!restored.ok) return restored;
        if (flag(options, 'json')) printJson(restored.value.map(toJson), host);
        else for (const one of restored.value) print(one, host);
        const isRefused = restored.value.some(({ outcome }) => outcome.kind === 'refused');
        return ok(isRefused ? exitCode.environment : exitCode.done);
      });
    });
  },
};
export default spec;

/** The keys that moft.yaml trusts, and one's own. */
async function trustedKeys(host: CliHost): Promise<readonly string[]> {
  const { caches, mlflow } = await machineOf(host.cwd);
  const own = signingKeyIfAny(host);
  const { publicText } = await import('../runner/store/remote/envelope.js');
  return [...caches.flatMap(({ trust }) => trust), ...mlflow.trust, ...(own ? [publicText(own)] : [])];
}

function toJson({ run, outcome }: Restored): Record<string, unknown> {
  const named = { cell: run.tags['moft.cell'] ?? '', run: run.id, outcome: outcome.kind };
  if (outcome.kind === 'restored')
    return { ...named, key: outcome.record.key, record: outcome.record.digest };
  return outcome.kind === 'refused' ? { ...named, problem: outcome.problem.message } : named;
}

function print({ run, outcome }: Restored, host: CliHost): void {
  const cell = run.tags['moft.cell'] ?? run.id;
  switch (outcome.kind) {
    case 'restored': {
      const { artifacts } = outcome.record.record;
      host.stdout.write(
        clean(`restored ${cell}: ${counted(artifacts.length, 'artifact')}, key ${outcome.record.key}\n`),
      );
      return;
    }
    case 'nothing':
      host.stdout.write(clean(`nothing  ${cell}: it left no result there, or not all of it\n`));
      return;
    case 'refused': {
      const { message, hint } = outcome.problem;
      printProblem({ message: `${cell}: ${message}`, ...(hint === undefined ? {} : { hint }) }, host);
    }
  }
}
