import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDisk, openStore, type DiskWrite } from '../../runner/store/index.js';
import { guard } from '../../runner/store/problem.js';
import { isShared, share } from '../../runner/store/sharing.js';
import { makeReadOnly, mountTrouble, unmount } from '../faults/mounts.js';
import { useChildren } from './compiled.js';
import { errorOf, freshStore, keyFor, recordOf, temporaryFolder, valueOf, writeFiles } from './fixtures.js';

const children = useChildren();
const isRoot = process.getuid?.() === 0;

/** Mounts a disk of 1 MiB, or says why it can't. */
function smallDisk(): string | undefined {
  const folder = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    console.warn(`SKIPPED: no tmpfs can be mounted here (${String(error).split('\n')[0] ?? ''})`);
    return undefined;
  }
  onTestFinished(() => {
    execFileSync('umount', [folder]);
  });
  return folder;
}

const systemError = (code: string, file: string): Error =>
  Object.assign(new Error(`${code}: ${file}`), { code, syscall: 'write', path: file, errno: -1 });

describe('a full disk', () => {
  it('is a problem of the environment and breaks nothing', async (context) => {
    const disk = smallDisk();
    if (disk === undefined) return context.skip();
    const root = path.join(disk, '.moft');
    const store = valueOf(await openStore(root));
    const kept = valueOf(store.cas.putBytes('kept'));
    const preimage = { cell: 1 };
    const record = recordOf(preimage, [{ name: 'out', type: 'file', put: kept }]);
    const published = valueOf(await store.records.publish(record));
    const big = writeFiles(temporaryFolder(), { big: 'x'.repeat(3_000_000), small: 'y' });
    for (const put of [await store.cas.putFile(path.join(big, 'big')), await store.cas.putTree(big)]) {
      expect(errorOf(put)).toMatchObject({ class: 'environment', code: 'disk-full' });
      expect(errorOf(put).hint).toContain('MOFT_HOME');
    }
    expect(fs.readdirSync(path.join(root, 'tmp', store.runner))).toEqual([]);
    valueOf(await store.close());
    const again = valueOf(await openStore(root));
    expect(await again.records.chosen(keyFor(preimage))).toEqual({ kind: 'chosen', record: published });
    valueOf(again.cas.putBytes('there is room for this'));
    valueOf(await again.close());
  });

  it('is opened by who makes room, and by nobody else; neither leaves anything behind', async (context) => {
    const disk = smallDisk();
    if (disk === undefined) return context.skip();
    const root = path.join(disk, '.moft');
    const first = valueOf(await openStore(root));
    valueOf(first.cas.putBytes('x'.repeat(300_000)));
    valueOf(await first.close());
    try {
      fs.writeFileSync(path.join(disk, 'filler'), Buffer.alloc(1 << 20));
    } catch {
      // as much as there is room for
    }
    const problem = errorOf(await openStore(root));
    expect(problem).toMatchObject({ code: 'disk-full', hint: expect.stringContaining('moft gc') as string });
    for (const folder of ['tmp', 'runners']) expect(fs.readdirSync(path.join(root, folder))).toEqual([]);
    // Who only looks at what could go lays the reserve by again.
    const looking = valueOf(await openStore(root, { toMakeRoom: true }));
    expect(fs.existsSync(path.join(root, 'reserve'))).toBe(false);
    valueOf(await looking.close());
    expect(fs.statSync(path.join(root, 'reserve')).size).toBe(1 << 17);
    const store = valueOf(await openStore(root, { toMakeRoom: true }));
    const upkeep = await store.upkeep();
    const weighed = valueOf(upkeep.weigh({ minAge: 0 }));
    const swept = valueOf(await upkeep.collect(weighed, () => Promise.resolve()));
    expect(swept.removed).toEqual({ count: 1, bytes: 300_000 });
    valueOf(await store.close());
    expect(fs.readdirSync(path.join(root, 'tmp'))).toEqual([]);
    const again = valueOf(await openStore(root));
    valueOf(again.cas.putBytes('there is room for this'));
    valueOf(await again.close());
    expect(fs.existsSync(path.join(root, 'reserve'))).toBe(true);
  });

  it.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EIO'])(
    'with %s at any one write, a result is published whole or not at all',
    async (code) => {
      const folder = writeFiles(temporaryFolder(), { 'a/b': 'b', c: 'c' });
      let failures = 0;
      for (let at = 1, done = false; !done; at += 1) {
        let writes = -Infinity;
        const disk = createDisk(({ path: file }: DiskWrite) => {
          writes += 1;
          if (writes === at) throw systemError(code, file);
        });
        const store = await freshStore({ disk });
        writes = 0;
        const put = await store.cas.putTree(folder);
        const preimage = { cell: 1 };
        const published = put.ok
          ? await store.records.publish(
              recordOf(preimage, [{ name: 'out', type: 'directory', put: put.value }]),
            )
          : put;
        done = writes < at;
        if (done) expect(published.ok).toBe(true);
        if (!published.ok) {
          failures += 1;
          expect(published.error.class).toBe('environment');
        }
        writes = -Infinity;
        const other = valueOf(await openStore(store.root, { access: 'read' }));
        expect((await other.records.chosen(keyFor(preimage))).kind).toBe(published.ok ? 'chosen' : 'none');
      }
      expect(failures).toBeGreaterThan(15);
    },
  );

  it('in the middle of a line of the journal costs that line alone', async () => {
    let full = false;
    const disk = createDisk(({ operation, path: file, bytes }) => {
      if (!full || operation !== 'chunk' || !file.endsWith('r1.jsonl')) return;
      fs.appendFileSync(file, (bytes ?? Buffer.of()).subarray(0, 10));
      throw systemError('ENOSPC', file);
    });
    const store = await freshStore({ disk });
    const journal = valueOf(store.journal('r1'));
    onTestFinished(() => journal.close());
    valueOf(journal.append({ text: 'one' }));
    full = true;
    expect(errorOf(journal.append({ text: 'lost' })).code).toBe('disk-full');
    full = false;
    valueOf(journal.append({ text: 'two' }));
    valueOf(journal.append({ text: 'three' }));
    const { events, torn } = valueOf(store.readJournal('r1'));
    expect(events.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    expect(torn).toBe(1);
    expect(valueOf(store.followJournal('r1').read())).toHaveLength(3);
  });

  it('that is told of only when a file is closed puts no torn blob in its place', async () => {
    let full = true;
    const real = createDisk();
    const create: typeof real.create = (file, mode) => {
      const sink = real.create(file, mode);
      const close = (): void => {
        sink.close();
        if (full) throw systemError('EDQUOT', file);
      };
      return { ...sink, close };
    };
    const store = await freshStore({ disk: { ...real, create } });
    const source = path.join(writeFiles(temporaryFolder(), { big: 'x'.repeat(3_000_000) }), 'big');
    const bytes = Buffer.from('sent');
    const digest = createHash('sha256').update(bytes).digest('hex');
    const receive = () =>
      store.cas.receive(digest, Readable.from([bytes]), { bytes: bytes.length, exact: true });
    for (const put of [await store.cas.putFile(source), await receive()])
      expect(errorOf(put)).toMatchObject({ class: 'environment', code: 'disk-full' });
    const blobs = (): string[] =>
      fs.readdirSync(path.join(store.root, 'cas'), { recursive: true, encoding: 'utf8' });
    expect(blobs().filter((name) => name.includes('/'))).toEqual([]);
    expect(fs.readdirSync(path.join(store.root, 'tmp', store.runner))).toEqual([]);
    full = false;
    valueOf(await store.cas.putFile(source));
    valueOf(await receive());
    expect(blobs().filter((name) => name.includes('/'))).toHaveLength(2);
  });

  it('a file that can not be synced is not believed any more', async () => {
    let broken = '';
    const disk = createDisk(({ operation, path: file }) => {
      if (operation === 'sync' && file.endsWith(broken) && broken !== '') throw systemError('EIO', file);
    });
    const store = await freshStore({ disk });
    const put = valueOf(store.cas.putBytes('lost'));
    broken = put.digest;
    const preimage = { cell: 1 };
    const record = recordOf(preimage, [{ name: 'out', type: 'file', put }]);
    valueOf(await store.records.publish(record));
    expect(errorOf(await store.flush())).toMatchObject({ class: 'environment', code: 'disk-error' });
    expect(await store.records.chosen(keyFor(preimage))).toMatchObject({ kind: 'incomplete' });
    expect((await store.records.publish(record)).ok).toBe(false);
  });

  it.each(['ESTALE', 'EINVAL', 'ETIMEDOUT', 'EIO'])(
    'where a sync failed with %s, no other cell begins, since none could be kept',
    async (code) => {
      const disk = createDisk(({ operation, path: file }) => {
        if (operation === 'sync' && /[0-9a-f]{64}$/.test(file)) throw systemError(code, file);
      });
      const store = await freshStore({ disk });
      valueOf(store.cas.putBytes('lost'));
      expect((await store.flush()).ok).toBe(false);
      expect(errorOf(await store.claim(keyFor({ cell: 1 })))).toMatchObject({ class: 'environment' });
      expect(errorOf(store.leases.acquire(keyFor({ cell: 2 })))).toMatchObject({ class: 'environment' });
    },
  );

  it('what could not be opened to be synced is opened again, and is as good as before', async () => {
    let refusals = 2;
    const disk = createDisk(({ operation, path: file }) => {
      if (operation !== 'sync' || refusals === 0) return;
      refusals -= 1;
      throw Object.assign(systemError('EMFILE', file), { syscall: 'open' });
    });
    const store = await freshStore({ disk });
    const { digest } = valueOf(store.cas.putBytes('kept'));
    valueOf(await store.flush());
    expect(refusals).toBe(0);
    expect(await store.cas.has('file', digest)).toBe(true);
  });

  it('a disk that syncs no folders keeps results all the same', async () => {
    const disk = createDisk(({ operation, path: file }) => {
      if (operation === 'sync' && fs.statSync(file).isDirectory()) throw systemError('EINVAL', file);
    });
    const store = await freshStore({ disk });
    const put = valueOf(store.cas.putBytes('kept'));
    const record = recordOf({ cell: 1 }, [{ name: 'out', type: 'file', put }]);
    valueOf(await store.records.publish(record));
    valueOf(await store.flush());
    expect((await store.records.chosen(keyFor({ cell: 1 }))).kind).toBe('chosen');
  });
});

it('a file that goes while a store is given to its group is passed over', () => {
  const folder = writeFiles(temporaryFolder(), { 'tmp/gone': 'x', 'tmp/kept': 'x' });
  const look = fs.lstatSync.bind(fs) as (file: string) => fs.Stats;
  const looking = vi.spyOn(fs, 'lstatSync').mockImplementation(((file: string) => {
    if (file.endsWith('gone')) fs.unlinkSync(file);
    return look(file);
  }) as typeof fs.lstatSync);
  onTestFinished(() => looking.mockRestore());
  share(folder);
  expect(isShared(folder)).toBe(true);
  expect(fs.readdirSync(path.join(folder, 'tmp'))).toEqual(['kept']);
});

describe('a read-only disk', () => {
  it('says so where the first that it refuses is a folder', (context) => {
    const trouble = mountTrouble();
    if (trouble !== undefined) {
      console.warn(`SKIPPED: a read-only disk that refuses a folder; ${trouble}`);
      return context.skip();
    }
    const disk = temporaryFolder();
    makeReadOnly(disk);
    try {
      const refused = guard(() => createDisk().folder(path.join(disk, 'one', 'two')));
      expect(errorOf(refused)).toMatchObject({ class: 'environment', code: 'read-only' });
    } finally {
      unmount(disk);
    }
  });
});

describe('a folder without the right to write', () => {
  const nobody = '65534';

  it.skipIf(!isRoot)('is a problem of the environment; reading works', async () => {
    const parent = temporaryFolder();
    fs.chmodSync(parent, 0o755);
    const root = path.join(parent, '.moft');
    const fresh = await children.run('stranger', root, 'write', nobody);
    expect(JSON.parse(fresh.stdout)).toMatchObject({
      ok: false,
      error: { class: 'environment', code: 'no-permission' },
    });
    const store = await freshStore({}, root);
    const record = recordOf({ cell: 1 }, [
      { name: 'o', type: 'file', put: valueOf(store.cas.putBytes('x')) },
    ]);
    valueOf(await store.records.publish(record));
    const writing = await children.run('stranger', root, 'write', nobody);
    expect(JSON.parse(writing.stdout)).toMatchObject({
      ok: false,
      error: {
        class: 'environment',
        code: 'no-permission',
        hint: expect.stringContaining('MOFT_HOME') as unknown,
      },
    });
    const reading = await children.run('stranger', root, 'read', nobody);
    expect(JSON.parse(reading.stdout)).toEqual({ ok: true, keys: [keyFor({ cell: 1 })] });
  });
  if (!isRoot) console.warn('SKIPPED: only root can start a process without rights');
});
