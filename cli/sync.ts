import { isRunName } from '../runner/store/layout.js';
import type { Store } from '../runner/store/index.js';
import { jsonOption, type CommandSpec } from './command.js';
import { UsageError } from './exit.js';
import { standingStore } from './load.js';
import { flag } from './options.js';
import { meantId } from './run-name.js';
import { follow, sync } from './track/send.js';
import { requiredTarget, trackOption } from './track/target.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'sync [...runs]',
  description: 'Send runs to an MLflow server, or what of them is still owed; all runs by default',
  options: [
    trackOption,
    ['--again', 'Forget what was sent and compare all of it with the server; nothing is doubled'],
    [
      '--without-judgments',
      'Leave out what judges judged; `mlflow: {judgments: false}` in moft.yaml does so for all',
    ],
    ['--follow', 'Stay with one run until it ends (what `moft run` starts in the background)'],
    jsonOption,
  ],
  examples: [
    'sync',
    'sync 20260102T030405678-1a2b3c4d --track http://127.0.0.1:5000',
    'sync --again --track https://mlflow.example',
  ],
  async run(runs, options, host) {
    if (flag(options, 'follow') && flag(options, 'json'))
      throw new UsageError('--follow prints nothing, and takes no --json', 'leave one of them out');
    const root = standingStore(host.cwd, host);
    const target = await requiredTarget(options, { folder: host.cwd, root }, host);
    return withStore({ root }, host, async (store) => {
      const names = chosenRuns(
        store,
        runs.flat().filter((name) => name !== undefined),
      );
      return flag(options, 'follow')
        ? await follow(names, { store, target, host })
        : await sync(names, {
            store,
            target,
            host,
            again: flag(options, 'again'),
            json: flag(options, 'json'),
          });
    });
  },
};
export default spec;

/** Oldest first, so that links lead to what is there. */
export function chosenRuns(store: Store, given: readonly string[]): readonly string[] {
  const all = store.runs.list();
  const chosen = given.map((run) => (hasJournal(store, run) ? run : meantId(all, run)));
  return given.length > 0 ? chosen : [...all].reverse();
}

function hasJournal(store: Store, run: string): boolean {
  const journal = isRunName(run) ? store.readJournal(run) : undefined;
  return journal?.ok === true && journal.value.events.length > 0;
}
