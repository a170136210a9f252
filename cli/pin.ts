import type { Store, StoredRecord } from '../runner/store/index.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, UsageError, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { printJson, printProblem, standingStore, storeRoot } from './load.js';
import { flag, text } from './options.js';
import { namesOfKeys, newestResult } from './results.js';
import { clean, columns, counted, duration } from './text.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'pin [cell]',
  description:
    'Keep a result from gc, and choose it where a key has several; without a cell, list what is pinned',
  options: [
    ['--run <run>', 'The result that this run has; default: the newest'],
    ['--record <digest>', 'This result of the cell, as `moft show --all` lists them'],
    ['--remove', 'Let gc have it again'],
    jsonOption,
  ],
  examples: [
    'pin clp/conditioning=full,seed=0',
    'pin report --run 20260102T030405678-1a2b3c4d',
    'pin --json',
  ],
  async run([cell], options, host) {
    const json = flag(options, 'json');
    const wish =
      cell === undefined
        ? ({ root: storeRoot(host.cwd, host), access: 'read' } as const)
        : { root: standingStore(host.cwd, host) };
    return withStore(wish, host, async (store) => {
      if (cell === undefined) return list(store, json, host);
      const { id, record: newest } = newestResult(store, cell, text(options, 'run'));
      const record = resultNamed(store, newest, text(options, 'record'));
      const remove = flag(options, 'remove');
      const done = remove ? store.records.unpin(record) : await store.records.pin(record);
      if (!done.ok) {
        printProblem(done.error, host);
        return exitCode.environment;
      }
      if (json) printJson({ cell: id, key: record.key, record: record.digest, pinned: !remove }, host);
      else host.stdout.write(clean(`${remove ? 'unpinned' : 'pinned'} ${id}, result ${record.digest}\n`));
      return exitCode.done;
    });
  },
};
export default spec;

/** A result by the beginning of its digest. */
function resultNamed(store: Store, newest: StoredRecord, digest: string | undefined): StoredRecord {
  if (digest === undefined) return newest;
  const all = store.records.all(newest.key);
  const found = all.filter((record) => record.digest.startsWith(digest));
  const [record] = found;
  if (record && found.length === 1) return record;
  throw new UsageError(
    `--record ${JSON.stringify(digest)} names ${found.length} results of the cell, expected one`,
    `its results are ${all.map((one) => one.digest).join(' ')}`,
  );
}

function list(store: Store, json: boolean, host: CliHost): ExitCode {
  const names = namesOfKeys(store);
  const pinned = store.records.keys().flatMap((key) =>
    store.records.pinned(key).flatMap((digest) => {
      const record = store.records.read(key, digest);
      return record ? [{ cells: names.get(key) ?? [], ...record }] : [];
    }),
  );
  if (json) {
    const rows = pinned.map(({ cells, key, digest, record }) => ({
      cells,
      key,
      record: digest,
      kind: record.kind,
      seconds: record.seconds,
    }));
    printJson(rows, host);
  } else {
    const rows = pinned.map(({ cells, digest, record }) => [
      cells[0] ?? record.kind,
      duration(record.seconds),
      digest,
    ]);
    host.stdout.write(clean(`${[...columns(rows), counted(pinned.length, 'pinned result')].join('\n')}\n`));
  }
  return exitCode.done;
}
