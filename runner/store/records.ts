/**
 * Results under keys. `records/<key>/<digest>.json` are all of them; `chosen.<n>`, a hard link made by
 * link(2), names the one that is served, the highest n.
 */
import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson, sha256, type JsonObject } from '../../schemas/json.js';
import type { RecordedArtifact, ResultRecord } from '../../schemas/protocol.js';
import type { Key } from '../pipeline.js';
import { missing } from './blobs.js';
import { isArtifactType } from './cas.js';
import { replaceFile, type Context } from './context.js';
import { keyOf, keyOfText, toKey } from './key.js';
import { isDigest, names, parseJson, readText, recordFolder } from './layout.js';
import { errorCode, guard, guardAsync } from './problem.js';
import { pinName, pinnedIn } from './pins.js';
import type { Cas, Chosen, Records, StoredRecord } from './types.js';

/**
 * Whether it is a record of this key: of the shape that a record has (schemas/protocol.ts), with a preimage that hashes
 * to the key, and no artifact whose name is no digest.
 *
 * @param text what was parsed, where it is canonical: the preimage needn't be written again to be hashed
 */
export function isRecord(value: unknown, key: Key, text = ''): value is ResultRecord {
  const record = value as Partial<ResultRecord> | null | undefined;
  return (
    record?.v === 1 &&
    record.key === key &&
    isObject(record.preimage) &&
    (holdsPreimage(text, key) || keyOf(record.preimage) === key) &&
    Array.isArray(record.artifacts) &&
    record.artifacts.every(isArtifact) &&
    typeof record.kind === 'string' &&
    typeof record.run === 'string' &&
    typeof record.finished === 'string' &&
    typeof record.seconds === 'number' &&
    isObject(record.environment)
  );
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isArtifact = ({ name, type, digest, bytes }: Partial<RecordedArtifact>): boolean =>
  typeof name === 'string' && isArtifactType(type) && isDigest(digest) && Number.isSafeInteger(bytes);

/** Whether the preimage, as it stands in the text of a record, hashes to the key. `run` is the member that follows it. */
function holdsPreimage(text: string, key: Key): boolean {
  const from = text.indexOf('"preimage":') + '"preimage":'.length;
  return keyOfText(text.slice(from, text.lastIndexOf(',"run":'))) === key;
}

/** A record is whole only if it parses, its preimage hashes to its key, and its text to the digest that names it. */
function readRecord(file: string, key: Key, isNamed: (digest: string) => boolean): StoredRecord | undefined {
  const text = readText(file);
  // It was filed as its canonical text and a newline.
  if (text?.endsWith('\n') !== true) return undefined;
  const digest = sha256(text.slice(0, -1));
  if (!isNamed(digest)) return undefined;
  const content = parseJson(text);
  return isRecord(content, key, text) ? { key, digest, record: content } : undefined;
}

/**
 * The record that `chosen.<n>` is a link to. A link carries no digest, so its content must be that of a file which is
 * named by it: one flipped byte is a record that was never filed.
 */
function readChosen(folder: string, key: Key, n: number): StoredRecord | undefined {
  const isFiled = (digest: string): boolean => fs.existsSync(`${folder}/${digest}.json`);
  return readRecord(`${folder}/chosen.${n}`, key, isFiled);
}

/** Numbers have no gap: n+1 is linked only beside n. */
function highestChosen(folder: string): number {
  let n = 0;
  while (fs.existsSync(`${folder}/chosen.${n + 1}`)) n += 1;
  return n;
}

/** Name of the first artifact that isn't whole, or undefined. */
async function lostArtifact(cas: Cas, record: ResultRecord): Promise<string | undefined> {
  for (const artifact of record.artifacts) {
    if (!(await cas.has(artifact.type, artifact.digest))) return artifact.name;
  }
  return undefined;
}

/** The record that is chosen, whether or not its artifacts are still there. */
export function chosenRecord(root: string, key: Key): StoredRecord | undefined {
  const folder = recordFolder(root, key);
  const n = highestChosen(folder);
  return n === 0 ? undefined : readChosen(folder, key, n);
}

async function chosenAt(context: Context, cas: Cas, key: Key, n: number): Promise<Chosen> {
  if (n === 0) return { kind: 'none' };
  const record = readChosen(recordFolder(context.root, key), key, n);
  if (!record) return { kind: 'incomplete', missing: 'the record itself' };
  const lost = await lostArtifact(cas, record.record);
  return lost === undefined
    ? { kind: 'chosen', record }
    : { kind: 'incomplete', record, missing: `the artifact ${lost}` };
}

async function requireArtifacts(cas: Cas, record: ResultRecord): Promise<void> {
  for (const artifact of record.artifacts) {
    if (!(await cas.has(artifact.type, artifact.digest))) missing(artifact.digest);
  }
}

/** Files the record under its digest; filing the same twice is the same. */
function file(context: Context, record: ResultRecord, key: Key): StoredRecord {
  const text = canonicalJson(record);
  const digest = sha256(text);
  const place = path.join(recordFolder(context.root, key), `${digest}.json`);
  replaceFile(context, place, `${text}\n`);
  context.durability.noteRecord(place);
  return { key, digest, record };
}

/** Chooses a record unless a whole one is chosen; whoever links n+1 first decides. */
async function choose(context: Context, cas: Cas, stored: StoredRecord): Promise<StoredRecord> {
  const folder = recordFolder(context.root, stored.key);
  for (;;) {
    const n = highestChosen(folder);
    const current = await chosenAt(context, cas, stored.key, n);
    if (current.kind === 'chosen') return current.record;
    try {
      context.disk.link(path.join(folder, `${stored.digest}.json`), path.join(folder, `chosen.${n + 1}`));
      return stored;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** Links a filed record as the chosen one, above whatever was chosen before. */
function chooseAbove(context: Context, key: Key, digest: string): void {
  const folder = recordFolder(context.root, key);
  for (;;) {
    try {
      context.disk.link(
        path.join(folder, `${digest}.json`),
        path.join(folder, `chosen.${highestChosen(folder) + 1}`),
      );
      return;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** Chooses a record and keeps it from being collected. */
function pin(context: Context, cas: Cas, { key, digest, record }: StoredRecord): Promise<void> {
  return requireArtifacts(cas, record).then(() => {
    if (chosenRecord(context.root, key)?.digest !== digest) chooseAbove(context, key, digest);
    const mark = path.join(recordFolder(context.root, key), pinName(digest));
    if (!fs.existsSync(mark)) context.disk.write(mark, '');
    context.durability.note(mark);
  });
}

function checkedKey(record: ResultRecord): Key {
  const key = toKey(record.key);
  if (key === undefined || !isRecord(record, key)) {
    throw new Error(
      'internal error: a record was to be filed whose preimage is not that of its key; please report it',
    );
  }
  return key;
}

/** A record by its digest; where its own file is damaged, from a link that chose it. */
function readNamed(root: string, key: Key, digest: string): StoredRecord | undefined {
  const folder = recordFolder(root, key);
  const isIt = (actual: string): boolean => actual === digest;
  const filed = readRecord(path.join(folder, `${digest}.json`), key, isIt);
  if (filed) return filed;
  for (let n = highestChosen(folder); n > 0; n -= 1) {
    const chosen = readRecord(`${folder}/chosen.${n}`, key, isIt);
    if (chosen) return chosen;
  }
  return undefined;
}

export function createRecords(context: Context, cas: Cas): Records {
  const read: Records['read'] = (key, digest) =>
    isDigest(digest) ? readNamed(context.root, key, digest) : undefined;
  return {
    publish: (record) =>
      guardAsync(async () => {
        context.durability.require();
        const key = checkedKey(record);
        await requireArtifacts(cas, record);
        const stored = file(context, record, key);
        await requireArtifacts(cas, record);
        return choose(context, cas, stored);
      }),
    chosen: (key) => chosenAt(context, cas, key, highestChosen(recordFolder(context.root, key))),
    all: (key) =>
      names(recordFolder(context.root, key)).flatMap((name) => read(key, name.replace(/\.json$/, '')) ?? []),
    read,
    pin: (stored) => guardAsync(() => pin(context, cas, stored)),
    unpin: ({ key, digest }) =>
      guard(() => context.disk.remove(path.join(recordFolder(context.root, key), pinName(digest)))),
    pinned: (key) => pinnedIn(names(recordFolder(context.root, key))),
    keys: () => names(path.join(context.root, 'records')).flatMap((name) => toKey(name) ?? []),
  };
}
