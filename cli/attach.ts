import { groupFailures } from '../runner/execute/failures.js';
import type { RunSummary } from '../runner/execute/execution.js';
import { parseOutlook, type Outlook } from '../runner/execute/outlook.js';
import type { RunManifest, Store } from '../runner/store/index.js';
import type { RunEvent } from '../runner/track/events.js';
import { RunFollower } from '../runner/track/follow.js';
import type { CommandSpec } from './command.js';
import { exitCode, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { liveRun, stateOf } from './live.js';
import { open, storeRoot } from './load.js';
import { flag } from './options.js';
import { pauses } from './pauses.js';
import { choosePresenter, type Presenter } from './progress/presenter.js';
import { exitOf } from './run.js';

const spec: CommandSpec = {
  usage: 'attach [run]',
  description:
    'Follow a run as in its own terminal, until it ends; Ctrl-C leaves the run alone. Ends with its exit code',
  options: [['--json', 'Print its events, one JSON a line, as `moft run --json` does']],
  examples: ['attach', 'attach 20260102T030405678-1a2b3c4d --json'],
  async run([named], options, host) {
    const store = await open(storeRoot(host.cwd, host), 'read', host);
    if (!store) return exitCode.environment;
    const manifest = await liveRun(store, named);
    const json = flag(options, 'json');
    const outlook = parseOutlook(store.runs.readBeside(manifest.run, 'outlook')) ?? nothingKnown;
    const presenter = await choosePresenter(outlook, json, host);
    const followed = await follow(manifest, presenter, { store, host });
    return end(followed, manifest, { json, store, host });
  },
};
export default spec;

const nothingKnown: Outlook = {
  v: 1,
  stages: [],
  pending: [],
  capacity: { cpu: 1, memory: 0, gpus: [], tokens: {} },
};

interface Followed {
  /** `unheard`: it has ended, and its disk took no word of that into the journal. */
  readonly how: 'ended' | 'left' | 'killed' | 'unheard';
  readonly events: readonly RunEvent[];
}

async function follow(
  manifest: RunManifest,
  presenter: Presenter,
  { store, host }: { readonly store: Store; readonly host: CliHost },
): Promise<Followed> {
  const follower = new RunFollower(store, manifest.run);
  const ends: RunEvent[] = [];
  const look = (): boolean => {
    const events = follower.next();
    for (const event of events) presenter.show(event);
    ends.push(...events.filter(({ type }) => type === 'cell-finished' || type === 'run-finished'));
    return ends.at(-1)?.type === 'run-finished';
  };
  try {
    for await (const interrupted of pauses(host)) {
      if (interrupted) return { how: 'left', events: ends };
      const state = await stateOf(manifest, store);
      if (look()) break;
      if (state === 'killed') return { how: 'killed', events: ends };
      if (state !== 'running') return { how: 'unheard', events: ends };
    }
    return { how: 'ended', events: ends };
  } finally {
    await presenter.close();
  }
}

async function end(
  { how, events }: Followed,
  { run, pipeline }: RunManifest,
  { json, store, host }: { readonly json: boolean; readonly store: Store; readonly host: CliHost },
): Promise<ExitCode> {
  if (how === 'left') {
    host.stderr.write(`moft: ${run} goes on; \`moft attach ${run}\` follows it again\n`);
    return exitCode.interrupted;
  }
  if (how === 'unheard') {
    // Whatever its manifest says: a run that can't write its journal is stopped by that.
    host.stderr.write(`moft: ${run} has ended; its journal, on a disk that was full, has no end\n`);
    return exitCode.environment;
  }
  const summary = summaryOf(events);
  if (how === 'killed' || !summary) {
    host.stderr.write(`moft: ${run} was killed; \`moft run\` goes on where it stopped\n`);
    return exitCode.failed;
  }
  const { printOutcome } = await import('./summary.js');
  if (!json) printOutcome(summary, pipeline, { run, store, host });
  return exitOf(summary.status);
}

function summaryOf(events: readonly RunEvent[]): RunSummary | undefined {
  const last = events.at(-1);
  if (last?.type !== 'run-finished') return undefined;
  const failed = events.flatMap((event) =>
    event.type === 'cell-finished' && event.failure ? [{ cell: event.cell, failure: event.failure }] : [],
  );
  const { status, counts, seconds, saved_seconds: savedSeconds } = last;
  return { status, counts, seconds, savedSeconds, failures: groupFailures(failed) };
}
