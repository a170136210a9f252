/** Collection and pins, on real folders. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore, type Collection, type Store } from '../../runner/store/index.js';
import { blobFile, cellId, freshStore, recordOf, temporaryFolder, valueOf, writeFiles } from './fixtures.js';
import { nameRun, publish, publishTwice } from './upkeep-fixtures.js';

const day = 24 * 3_600_000;
const noPause = (): Promise<void> => Promise.resolve();

/** Sets the times of everything in the store back by two days. */
function age(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const past = new Date(Date.now() - 2 * day);
    fs.utimesSync(path.join(entry.parentPath, entry.name), past, past);
  }
}

/** Ages all but this runner's own sign of life. */
function ageStore(store: Store): void {
  for (const name of ['cas', 'records', 'quarantine', 'attempts'])
    if (fs.existsSync(path.join(store.root, name))) age(path.join(store.root, name));
}

async function weigh(store: Store, maxBytes?: number): Promise<Collection> {
  const goal = { minAge: day, ...(maxBytes === undefined ? {} : { maxBytes }) };
  return valueOf((await store.upkeep()).weigh(goal));
}

async function collect(store: Store, maxBytes?: number, pause = noPause): ReturnType<typeof swept> {
  return swept(store, await weigh(store, maxBytes), pause);
}
const swept = async (store: Store, collection: Collection, pause = noPause) =>
  valueOf(await (await store.upkeep()).collect(collection, pause));

describe('what ended runs left beside what counts', () => {
  const write = (store: Store, name: string, text: string): string => {
    const file = path.join(store.root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  };

  it('goes: forecasts and requests to stop, and what was sent to a server that has all of it', async () => {
    const store = await freshStore();
    nameRun(store, await publish(store, 'kept'), 'done', 'gone');
    const going = ['runs/r1.outlook', 'runs/r1.cancel', 'runs/r0.outlook'].map((name) =>
      write(store, name, '{}'),
    );
    write(store, 'track/r1/0a.jsonl', '{}\n');
    write(store, 'track/r1/0a.status.json', '{"state":"done"}');
    write(store, 'track/r2/0a.jsonl', '{}\n');
    write(store, 'track/r2/0a.status.json', '{"state":"stopped"}');
    const diff = write(store, 'runs/r1.diff', 'x');
    const paths = async (): Promise<string[]> => (await weigh(store)).leftovers.map((one) => one.path).sort();
    expect(await paths()).toEqual([...going].sort());
    age(path.join(store.root, 'track'));
    const past = new Date(Date.now() - 2 * day);
    for (const run of ['r1', 'r2']) fs.utimesSync(path.join(store.root, 'track', run), past, past);
    const sent = path.join(store.root, 'track', 'r1');
    expect(await paths()).toEqual([...going, sent].sort());
    await collect(store);
    expect([...going, sent].filter((file) => fs.existsSync(file))).toEqual([]);
    expect(fs.existsSync(diff)).toBe(true);
    expect(fs.existsSync(path.join(store.root, 'track', 'r2'))).toBe(true);
  });

  it('goes: copies of reports that are no longer kept, and no others', async () => {
    const store = await freshStore();
    const kept = await publish(store, 'kept');
    const gone = await publish(store, 'gone');
    const copies = [kept, gone].map(({ record }) => {
      const name = `reports/${record.artifacts[0]?.digest.slice(0, 16) ?? ''}`;
      const file = write(store, `${name}/index.html`, '<p>page</p>');
      const past = new Date(Date.now() - 2 * day);
      fs.utimesSync(path.dirname(file), past, past);
      return path.dirname(file);
    });
    fs.rmSync(path.join(store.root, 'records', gone.key), { recursive: true });
    ageStore(store);
    const collection = await weigh(store);
    expect(collection.leftovers).toEqual([{ path: copies[1], bytes: 11 }]);
    await swept(store, collection);
    expect(copies.map((folder) => fs.existsSync(folder))).toEqual([true, false]);
  });

  it('stays while its run goes on', async () => {
    const store = await freshStore();
    nameRun(store, await publish(store, 'kept'), 'running', store.runner);
    write(store, 'runs/r1.outlook', '{}');
    expect((await weigh(store)).leftovers).toEqual([]);
  });
});

describe('weighing a collection', () => {
  it('takes what no chosen result needs, and leaves the rest', async () => {
    const store = await freshStore();
    const kept = await publish(store, 'kept');
    const lost = valueOf(store.cas.putBytes('of an attempt that was killed'));
    ageStore(store);
    const { blobs, before, after, evictions } = await weigh(store);
    expect(blobs).toEqual([{ digest: lost.digest, bytes: 29 }]);
    expect([before, after]).toEqual([
      { count: 2, bytes: 33 },
      { count: 1, bytes: 4 },
    ]);
    expect(evictions).toEqual([]);
    expect(await collect(store)).toEqual({
      removed: { count: 1, bytes: 29 },
      restored: { count: 0, bytes: 0 },
    });
    expect(fs.existsSync(blobFile(store, lost.digest))).toBe(false);
    expect(await store.records.chosen(kept.key)).toMatchObject({ kind: 'chosen' });
  });

  it('keeps the files of folders, and the listing of the code', async () => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { 'a.txt': 'a', 'sub/b.txt': 'b' });
    const put = valueOf(await store.cas.putTree(folder));
    const code = valueOf(store.cas.putBytes('{"modules":{}}'));
    valueOf(
      await store.records.publish(recordOf({ code: code.digest }, [{ name: 'd', type: 'directory', put }])),
    );
    ageStore(store);
    expect((await weigh(store)).blobs).toEqual([]);
    expect((await weigh(store)).before.count).toBe(4);
  });

  it('spares what is younger than the age, and what another open store may be about to use', async () => {
    const store = await freshStore();
    valueOf(store.cas.putBytes('young'));
    expect(await weigh(store)).toMatchObject({ blobs: [], spared: { count: 1, bytes: 5 } });
    ageStore(store);
    expect((await weigh(store)).blobs).toHaveLength(1);
    const other = valueOf(await openStore(store.root));
    const longAgo = new Date(Date.now() - 3 * day);
    fs.utimesSync(path.join(store.root, 'runners', `${other.runner}.json`), longAgo, longAgo);
    expect((await weigh(store)).blobs).toEqual([]);
    await other.close();
    expect((await weigh(store)).blobs).toHaveLength(1);
  });

  it('without an age takes all that nothing needs, but for what another open store may have found fresh', async () => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('unused'));
    const hoursOld = (hours: number): void => {
      const then = new Date(Date.now() - hours * 3_600_000);
      fs.utimesSync(blobFile(store, digest), then, then);
    };
    const blobs = async (): Promise<number> =>
      valueOf((await store.upkeep()).weigh({ minAge: 0 })).blobs.length;
    hoursOld(0.01);
    expect(await blobs()).toBe(1);
    const other = valueOf(await openStore(store.root));
    // It was there before the other store was opened, which may be about to read it, and has not freshened it.
    hoursOld(5);
    expect(await blobs()).toBe(0);
    hoursOld(7);
    expect(await blobs()).toBe(1);
    await other.close();
    hoursOld(5);
    expect(await blobs()).toBe(1);
  });

  it('gives up first what saves least time a byte, and stops at the limit', async () => {
    const store = await freshStore();
    const cheap = await publish(store, 'x'.repeat(1000), 1, 'cheap');
    const dear = await publish(store, 'y'.repeat(1000), 100, 'dear');
    const small = await publish(store, 'z', 1, 'small');
    ageStore(store);
    const collection = await weigh(store, 1500);
    expect(collection.evictions.map(({ key, frees }) => [key, frees])).toEqual([[cheap.key, 1000]]);
    expect(collection).toMatchObject({ secondsAtStake: 1, after: { count: 2, bytes: 1001 } });
    expect((await weigh(store, 0)).evictions.map(({ key }) => key)).toEqual([cheap.key, dear.key, small.key]);
    await swept(store, collection);
    expect(await store.records.chosen(cheap.key)).toEqual({ kind: 'none' });
    expect(await store.records.chosen(dear.key)).toMatchObject({ kind: 'chosen' });
  });

  it('counts bytes that two results share for the last of them', async () => {
    const store = await freshStore();
    await publish(store, 'shared', 1, 'one');
    await publish(store, 'shared', 2, 'two');
    ageStore(store);
    expect((await weigh(store, 0)).evictions.map(({ frees }) => frees)).toEqual([0, 6]);
  });

  it('never gives up what is pinned or read by a live run, and says so', async () => {
    const store = await freshStore();
    const pinned = await publish(store, 'pinned');
    const read = await publish(store, 'read');
    valueOf(await store.records.pin(pinned));
    nameRun(store, read, 'running', store.runner);
    ageStore(store);
    expect(await weigh(store, 0)).toMatchObject({ evictions: [], held: 2 });
    nameRun(store, read, 'done', store.runner);
    valueOf(store.records.unpin(pinned));
    expect((await weigh(store, 0)).evictions).toHaveLength(2);
  });

  it('gives up no chosen result whose key has another one that is pinned', async () => {
    const store = await freshStore();
    const { first, second } = await publishTwice(store);
    valueOf(await store.records.pin(first));
    valueOf(await store.records.pin(second));
    valueOf(store.records.unpin(second));
    ageStore(store);
    expect(await weigh(store, 0)).toMatchObject({ evictions: [], held: 2 });
    await collect(store, 0);
    expect(store.records.pinned(first.key)).toEqual([first.digest]);
    expect(store.records.all(first.key)).toHaveLength(2);
  });

  it('puts a result back that was pinned after it was weighed', async () => {
    const store = await freshStore();
    const record = await publish(store, 'pinned late');
    ageStore(store);
    const weighed = await weigh(store, 0);
    expect(weighed.evictions).toHaveLength(1);
    valueOf(await store.records.pin(record));
    await swept(store, weighed);
    expect(await store.records.chosen(record.key)).toEqual({ kind: 'chosen', record });
    expect(store.records.pinned(record.key)).toEqual([record.digest]);
    expect(await store.cas.has('file', record.record.artifacts[0]?.digest ?? '')).toBe(true);
  });

  it('never gives up a key that is being computed', async () => {
    const store = await freshStore();
    const { key } = await publish(store, 'again');
    ageStore(store);
    const lease = valueOf(store.leases.acquire(key));
    expect((await weigh(store, 0)).evictions).toEqual([]);
    if (lease.kind === 'lease') lease.lease.release();
    expect((await weigh(store, 0)).evictions).toHaveLength(1);
  });

  it('takes second results, which are never served', async () => {
    const store = await freshStore();
    const first = await publish(store, 'first', 1, 'same');
    const second = valueOf(store.cas.putBytes('second'));
    valueOf(
      await store.records.publish(recordOf({ note: 'same' }, [{ name: 'out', type: 'file', put: second }])),
    );
    expect(store.records.all(first.key)).toHaveLength(2);
    ageStore(store);
    await collect(store);
    expect(store.records.all(first.key)).toEqual([first]);
    expect(fs.existsSync(blobFile(store, second.digest))).toBe(false);
  });

  it('puts a second result back that somebody has pinned meanwhile', async () => {
    const store = await freshStore();
    const { first, second } = await publishTwice(store);
    ageStore(store);
    const weighed = await weigh(store);
    expect(weighed.alternates).toHaveLength(1);
    valueOf(await store.records.pin(second));
    await swept(store, weighed);
    expect(await store.records.chosen(first.key)).toEqual({ kind: 'chosen', record: second });
  });

  it('clears the scratch of killed attempts, and keeps their logs', async () => {
    const store = await freshStore();
    const attempt = valueOf(store.attempts.create('r0', cellId('a')));
    fs.mkdirSync(attempt.scratch);
    fs.writeFileSync(path.join(attempt.scratch, 'big'), 'x'.repeat(100));
    fs.writeFileSync(attempt.log, 'said');
    ageStore(store);
    const past = new Date(Date.now() - 2 * day);
    for (const folder of [attempt.scratch, attempt.outputs]) fs.utimesSync(folder, past, past);
    await collect(store);
    expect(fs.existsSync(attempt.scratch)).toBe(false);
    expect(fs.readFileSync(attempt.log, 'utf8')).toBe('said');
  });
});

describe('sweeping', () => {
  it('puts back what a run began to read meanwhile', async () => {
    const store = await freshStore();
    const record = await publish(store, 'read late');
    ageStore(store);
    const result = await collect(store, 0, () => {
      expect(fs.existsSync(blobFile(store, record.record.artifacts[0]?.digest ?? ''))).toBe(false);
      nameRun(store, record, 'running', store.runner);
      return Promise.resolve();
    });
    expect(result).toMatchObject({ removed: { count: 0 }, restored: { count: 1 } });
    expect(await store.records.chosen(record.key)).toMatchObject({ kind: 'chosen' });
  });

  it('lets a reader take a blob out of the trash', async () => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('wanted'));
    ageStore(store);
    await collect(store, undefined, async () => {
      const reader = valueOf(await openStore(store.root));
      expect(await reader.cas.has('file', digest)).toBe(true);
      await reader.close();
    });
    expect(fs.readFileSync(blobFile(store, digest), 'utf8')).toBe('wanted');
  });

  it('puts back what a run that has begun meanwhile had found fresh before it was moved', async () => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('an input from outside'));
    const hourAgo = new Date(Date.now() - 3_600_000);
    fs.utimesSync(blobFile(store, digest), hourAgo, hourAgo);
    const weighed = valueOf((await store.upkeep()).weigh({ minAge: 0 }));
    expect(weighed.blobs).toHaveLength(1);
    const begun = await freshStore({}, store.root);
    expect(await begun.cas.has('file', digest)).toBe(true);
    expect(await swept(store, weighed)).toMatchObject({ removed: { count: 0 }, restored: { count: 1 } });
    expect(await begun.cas.has('file', digest)).toBe(true);
  });

  it('keeps a result that is published while its blob lies in the trash', async () => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('made again'));
    ageStore(store);
    await collect(store, undefined, async () => {
      const other = valueOf(await openStore(store.root));
      await publish(other, 'made again');
      await other.close();
    });
    expect(fs.readFileSync(blobFile(store, digest), 'utf8')).toBe('made again');
  });

  it('finishes what a killed collection began', async () => {
    const root = path.join(temporaryFolder(), '.moft');
    const first = await freshStore({}, root);
    const record = await publish(first, 'half way');
    const unused = valueOf(first.cas.putBytes('unused'));
    ageStore(first);
    const killed = valueOf(
      await openStore(root, {
        identity: { host: 'here', pid: 1 },
      }),
    );
    // Its sign of life as old as the rest, so that it spares nothing.
    await first.close();
    const collection = await weigh(killed, 0);
    await expect(
      (await killed.upkeep()).collect(collection, () => Promise.reject(new Error('killed'))),
    ).rejects.toThrow('killed');
    expect(fs.readdirSync(path.join(root, 'trash'))).toEqual([killed.runner]);
    fs.rmSync(path.join(root, 'runners', `${killed.runner}.json`));
    const last = await freshStore({}, root);
    await collect(last);
    expect(fs.readdirSync(path.join(root, 'trash'))).toEqual([]);
    expect(fs.existsSync(blobFile(last, unused.digest))).toBe(false);
    expect(await last.records.chosen(record.key)).toEqual({ kind: 'none' });
  });
});

describe('pins', () => {
  it('choose another result of a key', async () => {
    const store = await freshStore();
    const first = await publish(store, 'first', 1, 'same');
    const put = valueOf(store.cas.putBytes('second'));
    const chosen = valueOf(
      await store.records.publish(recordOf({ note: 'same' }, [{ name: 'out', type: 'file', put }])),
    );
    expect(chosen.digest).toBe(first.digest);
    const second = store.records.all(first.key).find(({ digest }) => digest !== first.digest);
    if (!second) throw new Error('expected a second result');
    valueOf(await store.records.pin(second));
    expect(await store.records.chosen(first.key)).toMatchObject({ record: { digest: second.digest } });
    expect(store.records.pinned(first.key)).toEqual([second.digest]);
  });

  it('refuse a result that has lost an artifact', async () => {
    const store = await freshStore();
    const record = await publish(store, 'gone');
    fs.rmSync(blobFile(store, record.record.artifacts[0]?.digest ?? ''));
    expect(await store.records.pin(record)).toMatchObject({ ok: false, error: { code: 'missing-blob' } });
  });
});
