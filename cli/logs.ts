import { readFileSync } from 'node:fs';
import type { CellId } from '../runner/pipeline.js';
import type { Attempt, RunManifest, RunTry, Store } from '../runner/store/index.js';
import { parseOutlook } from '../runner/execute/outlook.js';
import { stageEvent } from '../runner/track/follow.js';
import type { Exit, StageEvent } from '../schemas/protocol.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import { liveRuns } from './live.js';
import { open, storeRoot } from './load.js';
import { flag, text } from './options.js';
import { eventLines } from './logs/event-line.js';
import { idsIn, namedCell } from './results.js';
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
    const eventLine = eventLines();
    for (const event of events) host.stdout.write(`${eventLine(event)}\n`);
    const printed = readOr(attempt.log);
    if (printed !== '') host.stdout.write(clean(`--- printed ---\n${printed.trimEnd()}\n`));
    for (const line of endLines(logged, attempt, events.length > 0 || printed !== ''))
      host.stdout.write(clean(`${line}\n`));
    return exitCode.done;
  },
};
export default spec;

/** What a cell itself doesn't say: why it failed; of a silent one, how it ended and where more stands. */
function endLines({ manifest, cell }: Logged, attempt: Attempt, isTold: boolean): string[] {
  const tried = manifest.tries?.[cell];
  const failure = tried?.failure ?? exitOf(attempt)?.error;
  if (failure) return [`--- failed (${failure.class}, ${failure.code}) ---`, failure.message];
  if (isTold) return [];
  const end = tried ? endWords[tried.how] : 'done';
  return [
    `${cell} said and printed nothing in run ${manifest.run}: ${end}`,
    `see: moft ${tried ? `explain ${manifest.file}` : 'show'} ${cell}`,
  ];
}

const endWords: Readonly<Record<RunTry['how'], string>> = {
  started: 'it runs, or was killed with its runner',
  stopped: 'it was stopped',
  failed: 'it failed',
  tainted: 'it is done, and was not kept, as code or inputs changed meanwhile',
  uncacheable: 'it is done, and is never kept',
};

function exitOf({ exit }: Attempt): Partial<Exit> | undefined {
  try {
    return JSON.parse(readOr(exit)) as Partial<Exit>;
  } catch {
    return undefined; // it ended without a word
  }
}

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
  const live = new Set(following ? (await liveRuns(store)).map((manifest) => manifest.run) : []);
  const named = namedCell(store, pattern, run, (manifest) =>
    namedIn(store, manifest, pattern, live.has(manifest.run)),
  );
  for (const manifest of named?.runs ?? []) {
    if (named === undefined) break;
    const { id: cell } = named;
    const attempts = store.attempts.list(manifest.run, cell);
    const waits = live.has(manifest.run) && !(cell in manifest.cells);
    if (attempts.length > 0 || waits) return { manifest, cell, attempts };
  }
  throw new UsageError(
    `no attempt of a cell named by ${JSON.stringify(pattern)} was found`,
    'see `moft ls RUN` for the cells of a run; of one that was not begun, `moft explain FILE CELL` says why',
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
