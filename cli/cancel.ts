import type { RunManifest, Store } from '../runner/store/index.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { liveRun, stateOf } from './live.js';
import { printJson, printProblem, standingStore } from './load.js';
import { flag } from './options.js';
import { clean, counted } from './text.js';
import { pauses } from './pauses.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'cancel [run]',
  description:
    'Stop a run, as Ctrl-C in its terminal would: running cells keep checkpoints, finished ones are kept; waits until it has ended',
  options: [['--now', 'Kill its cells at once'], jsonOption],
  examples: ['cancel', 'cancel 20260102T030405678-1a2b3c4d', 'cancel 1a2b3c4d --now'],
  async run([named], options, host) {
    return withStore({ root: standingStore(host.cwd, host) }, host, async (store) => {
      const run = await liveRun(store, named);
      return await cancel(run, { now: flag(options, 'now'), json: flag(options, 'json') }, { store, host });
    });
  },
};
export default spec;

async function cancel(
  manifest: RunManifest,
  { now, json }: { readonly now: boolean; readonly json: boolean },
  { store, host }: { readonly store: Store; readonly host: CliHost },
): Promise<ExitCode> {
  const { run } = manifest;
  const asked = store.runs.keepBeside(run, 'cancel', now ? 'now' : 'grace');
  if (!asked.ok) {
    printProblem(asked.error, host);
    return exitCode.environment;
  }
  for await (const interrupted of pauses(host)) {
    if (interrupted) {
      host.stderr.write(`moft: ${run} still stops; \`moft cancel ${run} --now\` kills its cells\n`);
      return exitCode.interrupted;
    }
    const found = store.runs.read(run) ?? manifest;
    const state = await stateOf(found, store);
    if (state === 'running') continue;
    const kept = Object.keys(found.cells).length;
    if (json) printJson({ run, status: state, finished_cells: kept }, host);
    else host.stdout.write(clean(`${run} is ${state}; ${counted(kept, 'finished cell')} kept\n`));
    break;
  }
  return exitCode.done;
}
