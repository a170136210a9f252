import { readFileSync } from 'node:fs';
import type { CellId } from '../runner/pipeline.js';
import type { Attempt, RunManifest, Store } from '../runner/store/index.js';
import { parseOutlook } from '../runner/execute/outlook.js';
import { stageEvent } from '../runner/track/follow.js';
import type { StageEvent } from '../schemas/protocol.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import { stateOf } from './live.js';
import { open, storeRoot } from './load.js';
import { flag, text } from './options.js';
import { eventLine } from './logs/event-line.js';
import { idsIn, manifests } from './results.js';
import { clean } from './text.js';

const spec: CommandSpec = {
  usage: 'logs <cell>',
  description: 'Print what a cell logged and printed in its newest attempt, finished or failed',
  options: [
    ['-f, --follow', 'Go on with what comes, over further attempts, until the cell ends'],
    ['--run <id>', 'Look in this run only'],
    jsonOption,
  ],
  examples: [
    'logs reference/seed=0',
    'logs -f reference/seed=0',
    'logs clp/conditioning=full,seed=0 --run 20260102T030405678-1a2b3c4d --json',
  ],
  async run([pattern], options, host) {
    const store = await open(storeRoot(host.cwd, host), 'read', host);
    if (!store) return exitCode.environment;
    const following = flag(options, 'follow');
    const logged = await newestLogged(store, pattern ?? '', { run: text(options, 'run'), following });
    if (following) {
      const { followLogs } = await import('./logs/follow.js');
      return followLogs(logged, flag(options, 'json'), { store, host });
    }
    const attempt = logged.attempts.at(-1);
    if (!attempt) return exitCode.done;
    const events = readEvents(attempt.events);
    if (flag(options, 'json')) {
      for (const event of events) host.stdout.write(`${JSON.stringify(event)}\n`);
      return exitCode.done;
    }
    for (const event of events) host.stdout.write(`${eventLine(event)}\n`);
    const printed = readOr(attempt.log);
    if (printed !== '') host.stdout.write(clean(`--- printed ---\n${printed.trimEnd()}\n`));
    return exitCode.done;
  },
};
export default spec;

/** A cell in a run, with its attempts there. */
export interface Logged {
  readonly manifest: RunManifest;
  readonly cell: CellId;
  /** First to last; none yet where the cell of a live run waits. */
  readonly attempts: readonly Attempt[];
}

/** Attempts belong to the run that made them: a hit's logs are in an older run. */
async function newestLogged(
  store: Store,
  pattern: string,
  { run, following }: { readonly run: string | undefined; readonly following: boolean },
): Promise<Logged> {
  for (const manifest of manifests(store, run)) {
    const live = following && (await stateOf(manifest, store)) === 'running';
    const ids = namedIn(store, manifest, pattern, live);
    const found = ids
      .map((cell) => ({ manifest, cell, attempts: store.attempts.list(manifest.run, cell) }))
      .filter(({ cell, attempts }) => attempts.length > 0 || (live && !(cell in manifest.cells)));
    if (found.length > 1) {
      throw new UsageError(
        `${JSON.stringify(pattern)} names ${found.length} cells, expected one`,
        `the candidates are ${ids.slice(0, 10).join(' ')}`,
      );
    }
    if (found[0]) return found[0];
  }
  throw new UsageError(
    `no attempt of a cell named by ${JSON.stringify(pattern)} was found`,
    'see `moft ls RUN` for the cells of a run',
  );
}

/** Finished cells stand in the manifest; failed ones only in the journal, those that wait in the outlook. */
function namedIn(store: Store, manifest: RunManifest, pattern: string, live: boolean): CellId[] {
  const journal = store.readJournal(manifest.run);
  const started = (journal.ok ? journal.value.events : []).flatMap((event) =>
    event.type === 'cell-started' && typeof event.cell === 'string' ? [event.cell] : [],
  );
  const outlook = live ? parseOutlook(store.runs.readBeside(manifest.run, 'outlook')) : undefined;
  const waiting = (outlook?.pending ?? []).map(({ cell }) => cell);
  const cells = Object.fromEntries([...started, ...waiting].map((id) => [id, placeholder]));
  return idsIn({ ...manifest, cells: { ...cells, ...manifest.cells } }, pattern);
}
const placeholder = { key: '', record: '', how: 'ran' } as unknown as RunManifest['cells'][string];

const readEvents = (path: string): StageEvent[] =>
  readOr(path)
    .split('\n')
    .flatMap((line) => stageEvent(line) ?? []);

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
