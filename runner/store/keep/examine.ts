/** Reads everything again, believing nothing, and says what is not as it should be. */
import fs from 'node:fs';
import path from 'node:path';
import type { Key } from '../../pipeline.js';
import { blobIsWhole } from '../blobs.js';
import type { Context } from '../context.js';
import { readJournal } from '../journal.js';
import { names } from '../layout.js';
import { isRunnerGone } from '../liveness.js';
import { chosenRecord } from '../records.js';
import type { Records, Runs } from '../types.js';
import { listBlobs, listRecords } from './inventory.js';
import { createMarker } from './marks.js';
import type { Ailment, Health } from './types.js';

export interface Examined {
  readonly context: Context;
  readonly records: Pick<Records, 'read'>;
  readonly runs: Runs;
}

export async function examineStore(
  examined: Examined,
  progress: (done: number, total: number) => void,
): Promise<Health> {
  const { context, runs } = examined;
  const { blobs, strange } = listBlobs(context.root);
  // Before anything is quarantined: afterwards a folder's listing may be gone that says what it needs.
  const users = usersOf(examined);
  const whole = new Set<string>();
  const corrupt: Ailment[] = [];
  for (const [done, { digest, bytes, path: file }] of blobs.entries()) {
    if (await blobIsWhole(context, digest, bytes, true)) whole.add(digest);
    else corrupt.push(corruptBlob(file, users.get(digest) ?? []));
    progress(done + 1, blobs.length);
  }
  const records = listRecords(context.root);
  return {
    blobs: { count: blobs.length, bytes: blobs.reduce((sum, { bytes }) => sum + bytes, 0) },
    records: records.reduce((sum, { digests }) => sum + digests.length, 0),
    runs: runs.list().length,
    ailments: [
      ...corrupt,
      ...lostBlobs(users, new Set([...whole, ...blobs.map(({ digest }) => digest)])),
      ...unreadableRecords(examined),
      ...strange.map(strangeFile),
      ...runAilments(examined),
    ],
  };
}

/** Keys whose chosen result needs a blob. */
function usersOf({ context }: Examined): ReadonlyMap<string, readonly Key[]> {
  const marker = createMarker(context);
  const users = new Map<string, Key[]>();
  for (const { key } of listRecords(context.root)) {
    const record = chosenRecord(context.root, key)?.record;
    for (const digest of new Set(record ? marker.blobsOf(record) : [])) {
      const keys = users.get(digest);
      if (keys) keys.push(key);
      else users.set(digest, [key]);
    }
  }
  return users;
}

const reruns = 'its cells run again by themselves when they are asked for';

function corruptBlob(file: string, keys: readonly Key[]): Ailment {
  return {
    code: 'corrupt-blob',
    message: `the blob ${path.basename(file)} is not what its name says; it was put under quarantine/`,
    remedy: keys.length === 0 ? 'no result needs it' : reruns,
    path: file,
    keys,
  };
}

function lostBlobs(
  users: ReadonlyMap<string, readonly Key[]>,
  present: ReadonlySet<string>,
): readonly Ailment[] {
  return [...users]
    .filter(([digest]) => !present.has(digest))
    .map(([digest, keys]) => ({
      code: 'lost-blob',
      message: `the blob ${digest} is missing`,
      remedy: reruns,
      keys,
    }));
}

function unreadableRecords({ context, records }: Examined): readonly Ailment[] {
  return listRecords(context.root).flatMap(({ key, path: folder, digests }) => {
    const bad = digests.filter((digest) => records.read(key, digest) === undefined);
    const found = bad.map((digest): Ailment => ({
      code: 'unreadable-record',
      message: `the record ${digest} is torn or was changed`,
      remedy: reruns,
      path: path.join(folder, `${digest}.json`),
      keys: [key],
    }));
    const lostChoice =
      bad.length === 0 && digests.length > 0 && chosenRecord(context.root, key) === undefined;
    return lostChoice
      ? [
          {
            code: 'unreadable-record',
            message: `none of the ${digests.length} results of ${key} is chosen`,
            remedy: 'choose one with `moft pin`, or let its cells run again',
            path: folder,
            keys: [key],
          } satisfies Ailment,
        ]
      : found;
  });
}

const strangeFile = (file: string): Ailment => ({
  code: 'strange-file',
  message: 'this file is not the store’s',
  remedy: 'remove it, if you know whose it is',
  path: file,
});

function runAilments({ context, runs }: Examined): readonly Ailment[] {
  const listed = new Set(runs.list());
  const unreadable = [...listed].filter((run) => runs.read(run) === undefined);
  return [
    ...unreadable.map((run): Ailment => ({
      code: 'unreadable-run',
      message: `the manifest of run ${run} is torn or was changed`,
      remedy: 'results are not lost: only their names in this run are',
      path: path.join(context.root, 'runs', `${run}.json`),
    })),
    ...abandonedRuns(runs, context.root),
    ...names(path.join(context.root, 'journal'))
      .flatMap((name) => /^(.+)\.jsonl$/.exec(name)?.[1] ?? [])
      .filter((run) => readJournal(context, run).torn > 0)
      .map((run): Ailment => ({
        code: 'torn-journal',
        message: `the journal of run ${run} has torn lines, as a kill leaves them`,
        remedy: 'nothing is decided by it; they are skipped',
        path: path.join(context.root, 'journal', `${run}.jsonl`),
        harmless: true,
      })),
  ];
}

/** Runs that were killed, and that no later run of their file has gone on with. */
function abandonedRuns(runs: Runs, root: string): readonly Ailment[] {
  const goneOn = new Set<string>();
  const found: Ailment[] = [];
  for (const run of runs.list()) {
    const manifest = runs.read(run);
    if (!manifest || goneOn.has(manifest.file)) continue;
    const { file, status, extra } = manifest;
    if (extra?.part === undefined) goneOn.add(file);
    const runner = extra?.runner;
    if (status !== 'running' || typeof runner !== 'string' || !isRunnerGone(root, runner)) continue;
    if (!fs.existsSync(file)) continue;
    found.push({
      code: 'abandoned-run',
      message: `run ${run} was killed`,
      remedy: `moft run ${file} goes on from where it was`,
      path: path.join(root, 'runs', `${run}.json`),
      harmless: true,
    });
  }
  return found;
}
