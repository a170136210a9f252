import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDisk, openStore } from '../../runner/store/index.js';
import { checkEntries, entryLimit, type TreeEntry } from '../../runner/store/tree-rules.js';
import { blobFile, freshStore, recordOf, temporaryFolder, valueOf, writeFiles } from './fixtures.js';

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

  it('does not believe a file outside that was changed just now, whatever its times say', async () => {
    const store = await freshStore();
    const file = path.join(temporaryFolder(), 'data');
    const seen = new Set<string>();
    for (const content of ['1', '2', '3', '4', '5', '6', '7', '8']) {
      fs.writeFileSync(file, content);
      fs.utimesSync(file, old, old);
      seen.add(valueOf(await store.cas.putFile(file)).digest);
    }
    expect(seen.size).toBe(8);
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

describe('the limit of a folder', () => {
  const folders = (count: number): TreeEntry[] =>
    Array.from({ length: count }, (_, i) => ({ type: 'folder', path: `f${i}` }));

  it('is 100,000 entries, with advice beyond', () => {
    expect(entryLimit).toBe(100_000);
    checkEntries(folders(entryLimit));
    expect(() => checkEntries(folders(entryLimit + 1))).toThrow('over 100,000 entries');
  });
});
