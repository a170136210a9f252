import { readFileSync } from 'node:fs';
import type { CellId } from '../runner/pipeline.js';
import type { Attempt, RunManifest, Store } from '../runner/store/index.js';
import type { StageEvent } from '../schemas/protocol.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import { open, storeRoot } from './load.js';
import { flag, text } from './options.js';
import { idsIn, manifests } from './results.js';
import { clean, oneLine } from './text.js';

const spec: CommandSpec = {
  usage: 'logs <cell>',
  description: 'Print what a cell logged and printed in its newest attempt, finished or failed',
  options: [['--run <id>', 'Look in this run only'], jsonOption],
  examples: [
    'logs reference/seed=0',
    'logs clp/conditioning=full,seed=0 --run 20260102T030405678-1a2b3c4d --json',
  ],
  async run([pattern], options, host) {
    const store = await open(storeRoot(host.cwd, host), 'read', host);
    if (!store) return exitCode.environment;
    const attempt = newestAttempt(store, pattern ?? '', text(options, 'run'));
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

/** Attempts belong to the run that made them: a hit's logs are in an older run. */
function newestAttempt(store: Store, pattern: string, run: string | undefined): Attempt {
  for (const manifest of manifests(store, run)) {
    const ids = namedIn(store, manifest, pattern);
    const found = ids.flatMap((id) => store.attempts.list(manifest.run, id).slice(-1));
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

/** Finished cells stand in the manifest; failed ones only in the journal. */
function namedIn(store: Store, manifest: RunManifest, pattern: string): CellId[] {
  const journal = store.readJournal(manifest.run);
  const started = (journal.ok ? journal.value.events : []).flatMap((event) =>
    event.type === 'cell-started' && typeof event.cell === 'string' ? [event.cell] : [],
  );
  const cells = Object.fromEntries(started.map((id) => [id, placeholder]));
  return idsIn({ ...manifest, cells: { ...cells, ...manifest.cells } }, pattern);
}
const placeholder = { key: '', record: '', how: 'ran' } as unknown as RunManifest['cells'][string];

function readEvents(path: string): StageEvent[] {
  return readOr(path)
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as StageEvent];
      } catch {
        return []; // empty, or torn by a kill
      }
    });
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** As many digits as a reader compares; the events themselves hold all of them. */
const short = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));

function eventLine(event: StageEvent): string {
  const time = new Date(event.time).toISOString();
  switch (event.type) {
    case 'metric':
      return `${time}  ${oneLine(event.name)} ${short(event.value)} at step ${event.step}`;
    case 'progress':
      return `${time}  ${event.done}/${event.total} ${oneLine(event.unit)}`;
    case 'log':
      return `${time}  ${event.level}: ${clean(event.text)}`;
    case 'note':
      return `${time}  note: ${clean(event.markdown)}`;
    case 'sample':
      return `${time}  sample: ${oneLine(event.prompt, 60)} -> ${oneLine(event.response, 100)}`;
    case 'artifact':
      return `${time}  wrote ${oneLine(event.name)}`;
  }
}
