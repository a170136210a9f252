import type { Key } from '../runner/pipeline.js';
import type { ResultRecord } from '../schemas/protocol.js';
import type { Preimage } from '../runner/plan/index.js';
import type { CheckpointFamily, Collection, Store, Swept } from '../runner/store/index.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode, type ExitCode } from './exit.js';
import type { CliHost } from './host.js';
import { printJson, printProblem, standingStore } from './load.js';
import { flag } from './options.js';
import { namesOfKeys } from './results.js';
import { bytes, clean, columns, counted, duration } from './text.js';
import { withStore } from './with-store.js';

const day = 24 * 3600;

const spec: CommandSpec = {
  usage: 'gc',
  description: 'Show what of the store can go, and what it would cost; with --yes, remove it',
  options: [
    ['--max-size <size>', 'Give up results until the blobs take no more than this, cheapest first'],
    ['--min-age <time>', 'Spare what is younger; default: 24h. What a run may need stays, whatever the age'],
    ['--yes', 'Remove it'],
    jsonOption,
  ],
  examples: ['gc', 'gc --max-size 20GiB', 'gc --max-size 20GiB --yes'],
  async run(_args, options, host) {
    const { seconds, size } = await import('./amounts.js');
    const maxBytes = size(options, 'maxSize');
    const minAge = (seconds(options, 'minAge') ?? day) * 1000;
    const root = standingStore(host.cwd, host);
    return withStore({ root, access: 'make-room' }, host, async (store) => {
      const upkeep = await store.upkeep();
      const familyOf = await familiesOf(host);
      const weighed = upkeep.weigh({ ...(maxBytes === undefined ? {} : { maxBytes }), minAge, familyOf });
      if (!weighed.ok) {
        printProblem(weighed.error, host);
        return exitCode.environment;
      }
      const json = flag(options, 'json');
      if (flag(options, 'yes')) return await collect(weighed.value, { store, json, host });
      if (json) printJson(collectionJson(weighed.value, store), host);
      else printCollection(weighed.value, store, host);
      return exitCode.done;
    });
  },
};
export default spec;

/** The checkpoints that a finished cell had; a command's are kept under its own key. */
async function familiesOf(host: CliHost): Promise<(record: ResultRecord) => CheckpointFamily> {
  const [{ checkpointFamily }, kinds] = await Promise.all([import('../runner/plan/index.js'), host.kinds()]);
  return ({ kind: name, key, preimage }) => {
    const kind = kinds.get(name);
    const counted = preimage as unknown as Preimage;
    const family = kind && checkpointFamily(counted, kind);
    return { name: family?.name ?? key, goesOn: family?.most !== undefined };
  };
}

interface Collecting {
  readonly store: Store;
  readonly json: boolean;
  readonly host: CliHost;
}

async function collect(collection: Collection, { store, json, host }: Collecting): Promise<ExitCode> {
  const upkeep = await store.upkeep();
  const pause = async (): Promise<void> => {
    if (!json)
      host.stderr.write(
        `put aside; waiting ${duration(upkeep.pauseMs / 1000)} for runs that need some of it\n`,
      );
    await new Promise<void>((resolve) => host.clock.after(upkeep.pauseMs, resolve));
  };
  const swept = await upkeep.collect(collection, pause);
  if (!swept.ok) {
    printProblem(swept.error, host);
    return exitCode.environment;
  }
  if (json) printJson({ ...collectionJson(collection, store), swept: swept.value }, host);
  else printSwept(swept.value, collection, host);
  return exitCode.done;
}

function printSwept({ removed, restored }: Swept, { alternates, ...gone }: Collection, host: CliHost): void {
  const superseded = gone.checkpoints.superseded.length;
  const files = gone.leftovers.length;
  const parts = [
    ...(removed.count === 0 ? [] : [`${counted(removed.count, 'blob')}, ${bytes(removed.bytes)}`]),
    ...(alternates.length === 0 ? [] : [counted(alternates.length, 'second result')]),
    ...(superseded === 0 ? [] : [counted(superseded, 'superseded checkpoint')]),
    ...(files === 0 ? [] : [`${counted(files, 'file')} left by ended runs`]),
  ];
  const back = restored.count === 0 ? '' : `; put back ${counted(restored.count, 'blob')} that a run needs`;
  host.stdout.write(`removed ${parts.join(' and ') || 'nothing'}${back}\n`);
}

function collectionJson(collection: Collection, store: Store): Record<string, unknown> {
  const { before, after, blobs, alternates, evictions, secondsAtStake, spared, held } = collection;
  const { checkpoints, leftovers } = collection;
  const names = namesOfKeys(store);
  return {
    before,
    after,
    blobs: blobs.length,
    alternates,
    evictions: evictions.map(({ key, digest, record, frees }) => ({
      key,
      record: digest,
      kind: record.kind,
      cells: names.get(key) ?? [],
      seconds: record.seconds,
      frees,
    })),
    seconds_at_stake: secondsAtStake,
    spared,
    held,
    checkpoints: {
      superseded: checkpoints.superseded.length,
      bytes: sumBytes(checkpoints.superseded),
      kept_bytes: checkpoints.keptBytes,
    },
    leftovers: leftovers.length,
  };
}

function printCollection(collection: Collection, store: Store, host: CliHost): void {
  const { before, after, blobs, alternates, evictions, spared, held, checkpoints, leftovers } = collection;
  const superseded = checkpoints.superseded;
  const going = [
    ...(blobs.length === 0 ? [] : [[counted(blobs.length, 'blob'), bytes(sumBytes(blobs))]]),
    ...(alternates.length === 0 ? [] : [[counted(alternates.length, 'second result'), 'never served']]),
    ...(superseded.length === 0
      ? []
      : [[counted(superseded.length, 'superseded checkpoint'), bytes(sumBytes(superseded))]]),
    ...(leftovers.length === 0
      ? []
      : [[counted(leftovers.length, 'file'), `${bytes(sumBytes(leftovers))}, left by ended runs`]]),
  ];
  const rows = [
    ['the store holds', counted(before.count, 'blob'), bytes(before.bytes)],
    ...(going.length === 0 ? [['would go', 'nothing', '']] : []),
    ...going.map((row, index) => [index === 0 ? 'would go' : '', ...row]),
    ['would stay', counted(after.count, 'blob'), bytes(after.bytes)],
    ...(spared.count === 0
      ? []
      : [
          [
            'too young to go',
            counted(spared.count, 'blob'),
            `${bytes(spared.bytes)} (${youthOf(collection)})`,
          ],
        ]),
    ...(checkpoints.keptBytes === 0
      ? []
      : [['checkpoints that stay', '', `${bytes(checkpoints.keptBytes)}, to go on from`]]),
  ];
  const gone = blobs.length + evictions.length + alternates.length + superseded.length + leftovers.length;
  const lines = [
    ...columns(rows),
    ...evictionLines(collection, namesOfKeys(store)),
    ...(held === 0
      ? []
      : [
          `over the limit still: ${counted(held, 'result')} pinned, in use or too young (${youthOf(collection)})`,
        ]),
    gone === 0 ? 'nothing to remove' : `to remove ${gone === 1 ? 'it' : 'them'}: the same command with --yes`,
  ];
  host.stdout.write(clean(`${lines.join('\n')}\n`));
}

/** What makes things too young: without an age, only that a run may be about to use them. */
const youthOf = ({ minAge }: Collection): string =>
  minAge === 0 ? 'a run that goes on may need it' : 'see --min-age';

const sumBytes = (files: readonly { readonly bytes: number }[]): number =>
  files.reduce((sum, file) => sum + file.bytes, 0);

/** What is at stake: the dearest results of those that would be given up. */
function evictionLines(
  { evictions, secondsAtStake }: Collection,
  names: ReadonlyMap<Key, readonly string[]>,
): readonly string[] {
  if (evictions.length === 0) return [];
  const dearest = [...evictions].sort((a, b) => b.record.seconds - a.record.seconds).slice(0, 10);
  const rows = dearest.map(({ key, record, frees }) => [
    '   ',
    names.get(key)?.[0] ?? `${record.kind} ${key.slice(0, 12)}`,
    duration(record.seconds),
    `frees ${bytes(frees)}`,
  ]);
  return [
    `${counted(evictions.length, 'result')} would be given up; running them again takes ${duration(secondsAtStake)} in all. The dearest:`,
    ...columns(rows),
  ];
}
