import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDisk, openStore, type Put } from '../../runner/store/index.js';
import type { Context } from '../../runner/store/context.js';
import { createStatCache } from '../../runner/store/stat-cache.js';
import { checkEntries, entryLimit, type TreeEntry } from '../../runner/store/tree-rules.js';
import { createListings } from '../../runner/store/trees.js';
import { blobFile, freshStore, keyFor, recordOf, temporaryFolder, valueOf, writeFiles } from './fixtures.js';

/** A store whose syncs are listed. */
async function watched(): Promise<{ synced: Set<string>; store: Awaited<ReturnType<typeof freshStore>> }> {
  const synced = new Set<string>();
  const disk = createDisk(({ operation, path: file }) => {
    if (operation === 'sync') synced.add(file);
  });
  return { synced, store: await freshStore({ disk }) };
}

describe('durability', () => {
  it('a flush forces blobs, records and manifests onto the disk, and their folders; nothing else', async () => {
    const { synced, store } = await watched();
    const put = valueOf(await store.cas.putTree(writeFiles(temporaryFolder(), { a: 'a' })));
    const record = recordOf({ cell: 1 }, [{ name: 'out', type: 'directory', put }]);
    const { key, digest } = valueOf(await store.records.publish(record));
    const attempt = valueOf(
      store.attempts.create('r1', 'cell' as Parameters<typeof store.attempts.create>[1]),
    );
    valueOf(store.attempts.write(attempt.job, '{}'));
    valueOf(await store.flush());
    const [file] = Object.values(valueOf(store.cas.artifactRef('directory', put.digest)).files ?? {});
    const recordFile = path.join(store.root, 'records', key, `${digest}.json`);
    const files = [blobFile(store, put.digest), file ?? '', recordFile];
    expect([...synced].sort()).toEqual(
      [...new Set([...files, ...files.map((name) => path.dirname(name))])].sort(),
    );
  });

  it('a group of 64 records is forced without being asked', async () => {
    // The clock stands still: only the count can start a commit.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { synced, store } = await watched();
    const put = valueOf(store.cas.putBytes('x'));
    for (let cell = 0; cell < 64; cell += 1) {
      valueOf(await store.records.publish(recordOf({ cell }, [{ name: 'out', type: 'file', put }])));
    }
    const records = () => [...synced].filter((file) => file.endsWith('.json')).length;
    while (records() < 64) await new Promise((resolve) => setImmediate(resolve));
    expect(records()).toBe(64);
  });
});

describe('a loss of power between two syncs', () => {
  const cells = [1, 2, 3];
  const textOf = (cell: number): string => `output of cell ${cell}`;
  const recordFor = (cell: number, put: Put) => recordOf({ cell }, [{ name: 'out', type: 'file', put }]);

  /** What the disk holds when the power goes before the sync of that number; undefined where there are fewer. */
  async function lostAt(number: number): Promise<string | undefined> {
    const root = path.join(temporaryFolder(), '.moft');
    const copy = path.join(temporaryFolder(), '.moft');
    const synced: string[] = [];
    const disk = createDisk(({ operation, path: file }) => {
      if (operation !== 'sync') return;
      if (synced.length === number) fs.cpSync(root, copy, { recursive: true });
      synced.push(path.relative(root, file));
    });
    const store = valueOf(await openStore(root, { disk }));
    for (const cell of cells)
      valueOf(await store.records.publish(recordFor(cell, valueOf(store.cas.putBytes(textOf(cell))))));
    valueOf(await store.close());
    if (!fs.existsSync(copy)) return undefined;
    // Two are under way at once: the one before may not have ended.
    lose(copy, new Set(synced.slice(0, Math.max(0, number - 1))));
    return copy;
  }

  /** Names that were not synced are gone; a name whose folder was synced and whose content was not is an empty file. */
  function lose(root: string, synced: ReadonlySet<string>): void {
    for (const folder of ['cas', 'records'].flatMap((name) => foldersIn(path.join(root, name))))
      for (const name of fs.readdirSync(folder)) {
        const file = path.join(folder, name);
        // A choice is another name of the record's own file.
        const content = /^chosen/.test(name) ? recordIn(folder) : file;
        if (!synced.has(path.relative(root, folder))) fs.rmSync(file);
        else if (!synced.has(path.relative(root, content))) fs.truncateSync(file);
      }
  }
  const foldersIn = (folder: string): string[] =>
    fs.readdirSync(folder).map((name) => path.join(folder, name));
  const recordIn = (folder: string): string =>
    path.join(folder, fs.readdirSync(folder).find((name) => name.endsWith('.json')) ?? 'gone');

  it('leaves results that are whole or not served, and the next run makes the rest', async () => {
    const kinds = new Set<string>();
    let number = 0;
    for (let root = await lostAt(0); root !== undefined; root = await lostAt((number += 1))) {
      const store = await freshStore({}, root);
      for (const cell of cells) {
        const chosen = await store.records.chosen(keyFor({ cell }));
        kinds.add(chosen.kind);
        // Blobs are safe before any record that names them.
        expect(chosen.kind).not.toBe('incomplete');
        const put = valueOf(store.cas.putBytes(textOf(cell)));
        const { record } = valueOf(await store.records.publish(recordFor(cell, put)));
        expect(record.artifacts[0]?.digest).toBe(put.digest);
        expect(valueOf(store.cas.read(put.digest)).toString()).toBe(textOf(cell));
        expect((await store.records.chosen(keyFor({ cell }))).kind).toBe('chosen');
      }
    }
    expect(number).toBe(cells.length * 4);
    expect([...kinds].sort()).toEqual(['chosen', 'none']);
  });
});

describe('the stat cache', () => {
  const old = new Date(2001, 1, 1);

  it('is not believed about a blob that is another one by now', async () => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('content'));
    fs.writeFileSync(
      path.join(store.root, 'stat-cache.json'),
      JSON.stringify({ [path.join('cas', digest.slice(0, 2), digest)]: ['another identity', digest] }),
    );
    fs.chmodSync(blobFile(store, digest), 0o644);
    fs.writeFileSync(blobFile(store, digest), 'CONTENT');
    fs.utimesSync(blobFile(store, digest), old, old);
    const later = valueOf(await openStore(store.root, { access: 'read' }));
    expect(await later.cas.has('file', digest)).toBe(false);
  });

  /** The cache alone, on a disk of its own, with a clock that is asked anew each time. */
  function cacheIn(root: string): ReturnType<typeof createStatCache> {
    let time = 0;
    let count = 0;
    const temporary = (): string => path.join(root, `t${(count += 1)}`);
    return createStatCache({
      root,
      disk: createDisk(),
      temporary,
      writable: true,
      monotonic: () => (time += 1e6),
    });
  }

  it('does not believe a file that was changed less than 2 s before it was hashed, but for own blobs', () => {
    const file = path.join(temporaryFolder(), 'data');
    fs.writeFileSync(file, 'x');
    fs.utimesSync(file, old, old);
    // mtime is old, ctime is now.
    const stat = fs.statSync(file, { bigint: true });
    const cache = cacheIn(temporaryFolder());
    cache.hashing(file, stat)('digest');
    expect(cache.lookup(file, stat)).toBeUndefined();
    expect(cache.lookup(file, stat, true)).toBe('digest');
  });

  it('believes a file whose times are older, also in a later process, until any of its times moves', () => {
    const root = temporaryFolder();
    const file = path.join(import.meta.dirname, 'fixtures.ts');
    const now = fs.statSync(file, { bigint: true });
    // As if it had last been touched ten seconds ago.
    const ago = BigInt(Date.now() - 10_000) * 1_000_000n;
    const stat = Object.assign(Object.create(now) as fs.BigIntStats, { mtimeNs: ago, ctimeNs: ago });
    const cache = cacheIn(root);
    cache.hashing(file, stat)('digest');
    cache.save();
    expect(cacheIn(root).lookup(file, stat)).toBe('digest');
    for (const field of ['mtimeNs', 'ctimeNs', 'size', 'ino', 'dev'] as const) {
      const moved = Object.assign(Object.create(stat) as fs.BigIntStats, { [field]: stat[field] + 1n });
      expect(cacheIn(root).lookup(file, moved)).toBeUndefined();
    }
  });

  it('may be torn or of another shape: it is a cache', async () => {
    for (const text of ['{"a":', '[]', '{"x":[1,2]}', 'null']) {
      const store = await freshStore();
      fs.writeFileSync(path.join(store.root, 'stat-cache.json'), text);
      const { digest } = valueOf(store.cas.putBytes('content'));
      expect(await store.cas.has('file', digest)).toBe(true);
    }
  });
});

it('listings that were not used for long make room for others', () => {
  const listings = createListings({ root: temporaryFolder() } as Context, 4);
  const listing = { entries: [1, 2].map((n): TreeEntry => ({ type: 'folder', path: `f${n}` })), bytes: 0 };
  for (const digest of ['a', 'b', 'a', 'c']) listings.know(digest, listing);
  expect(['a', 'b', 'c'].map((digest) => listings.has(digest))).toEqual([true, false, true]);
});

describe('the limit of a folder', () => {
  const folders = (count: number): TreeEntry[] =>
    Array.from({ length: count }, (_, i) => ({ type: 'folder', path: `f${i}` }));

  it('is 100,000 entries, with advice beyond', () => {
    expect(entryLimit).toBe(100_000);
    checkEntries(folders(entryLimit));
    expect(() => checkEntries(folders(entryLimit + 1))).toThrow('over 100,000 entries');
  });
});
