/** Runs that go on, as any terminal sees them. */
import type { RunManifest, Store } from '../runner/store/index.js';
import { UsageError } from './exit.js';
import { meantRuns } from './run-name.js';

export type RunState = RunManifest['status'] | 'killed';

/** A killed runner can't write that it was: its run says `running` for ever. */
export async function stateOf({ run, status, extra }: RunManifest, store: Store): Promise<RunState> {
  const { isRunnerGone } = await import('../runner/store/index.js');
  const runner = extra?.runner;
  if (status !== 'running' || typeof runner !== 'string' || !isRunnerGone(store.root, runner)) return status;
  // It may have ended well between the two looks.
  const now = store.runs.read(run)?.status ?? status;
  return now === 'running' ? 'killed' : now;
}

/** Newest first. */
export async function liveRuns(store: Store): Promise<readonly RunManifest[]> {
  const live: RunManifest[] = [];
  for (const run of store.runs.list()) {
    const manifest = store.runs.read(run);
    if (manifest?.status === 'running' && (await stateOf(manifest, store)) === 'running') live.push(manifest);
  }
  return live;
}

/**
 * The run that is meant, which goes on: by its id, by the beginning or the end of it, or the only one.
 *
 * @throws UsageError where there is none, it has ended, or several are meant
 */
export async function liveRun(store: Store, named: string | undefined): Promise<RunManifest> {
  const live = await liveRuns(store);
  const meant =
    named === undefined
      ? undefined
      : meantRuns(
          live.map(({ run }) => run),
          named,
        );
  const found = meant === undefined ? live : live.filter(({ run }) => meant.includes(run));
  const [only] = found;
  if (only && found.length === 1) return only;
  const ids = (found.length > 0 ? found : live).map(({ run }) => run).join(' ');
  if (found.length > 1)
    throw new UsageError(`${found.length} runs go on, expected one to be named`, `they are ${ids}`);
  throw new UsageError(
    named === undefined ? 'no run goes on in this store' : await whyNot(store, named),
    ids === '' ? 'see `moft ls` for the runs that were' : `runs that go on: ${ids}`,
  );
}

async function whyNot(store: Store, named: string): Promise<string> {
  const [run = named] = meantRuns(store.runs.list(), named);
  const manifest = store.runs.read(run);
  return manifest
    ? `the run ${run} does not go on: it is ${await stateOf(manifest, store)}`
    : `there is no run ${JSON.stringify(named)} that goes on`;
}
