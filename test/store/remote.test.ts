/** Shared caches: what comes in is checked byte by byte, and what goes wrong there never harms a run. */
import fs from 'node:fs';
import { type RequestListener } from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { folderRemote } from '../../runner/store/remote/folder.js';
import { httpRemote } from '../../runner/store/remote/http.js';
import { withSources } from '../../runner/store/remote/shared.js';
import { glimpse, pull, push } from '../../runner/store/remote/transfer.js';
import type { RemoteProblem } from '../../runner/store/remote/types.js';
import { blobFile, errorOf, freshStore, keyFor, recordOf, temporaryFolder, valueOf } from './fixtures.js';
import { at, publish, pushed, serve, signing, trusted } from './remote-fixtures.js';

describe('a folder', () => {
  it('hands a result from one store to another, byte by byte', async () => {
    const remote = folderRemote(path.join(temporaryFolder(), 'cache'));
    const stored = await pushed(remote);
    const other = await freshStore();
    expect(valueOf(await pull(other, remote, { key: stored.key, trusted }))).toEqual(stored);
    const restored = path.join(temporaryFolder(), 'model');
    const model = stored.record.artifacts.find(({ name }) => name === 'model')?.digest ?? '';
    valueOf(await other.cas.restore('directory', model, restored));
    expect(fs.readFileSync(path.join(restored, 'a.txt'), 'utf8')).toBe('a of one');
    expect(fs.existsSync(path.join(restored, 'empty'))).toBe(true);
    expect(await other.records.chosen(stored.key)).toEqual({ kind: 'chosen', record: stored });
  });

  it('on a disk that answers nothing any more is given up, and holds up nothing else', async () => {
    const remote = folderRemote(temporaryFolder(), 5);
    const stat = vi.spyOn(fs.promises, 'stat').mockImplementation(() => new Promise(() => undefined));
    onTestFinished(() => stat.mockRestore());
    const digest = '0'.repeat(64);
    for (const answer of [remote.record(digest), remote.has(digest), remote.blob(digest)])
      expect(errorOf<unknown, unknown>(await answer)).toMatchObject({ code: 'timeout' });
  });

  it('on such a disk keeps one thread, whatever is asked of it, until the answer comes', async () => {
    const folder = temporaryFolder();
    const remote = folderRemote(folder, 5);
    let answer = (): void => undefined;
    const real = fs.promises.stat;
    const stat = vi.spyOn(fs.promises, 'stat').mockImplementation(async (...asked) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return real(...asked);
    });
    onTestFinished(() => stat.mockRestore());
    const digest = '0'.repeat(64);
    const asked = ['1', '2', '3', '4', '5'].map((key) => remote.record(key.repeat(64)));
    for (const problem of [...(await Promise.all(asked)), await remote.has(digest)])
      expect(errorOf<unknown, unknown>(problem)).toMatchObject({ code: 'timeout' });
    expect(stat).toHaveBeenCalledTimes(1);
    stat.mockImplementation(real);
    answer();
    await vi.waitUntil(async () => (await remote.has(digest)).ok);
  });

  it('on a disk that dies in the middle of a blob is given up too, and the blob is closed', async () => {
    const folder = temporaryFolder();
    const stored = await pushed(folderRemote(folder));
    const real = fs.promises.open;
    const closed: string[] = [];
    const open = vi.spyOn(fs.promises, 'open').mockImplementation(async (file, ...how) => {
      const handle = await real(file, ...how);
      if (!String(file).includes('cas')) return handle;
      const close = handle.close.bind(handle);
      return Object.assign(handle, {
        read: () => new Promise(() => undefined),
        close: () => (closed.push(String(file)), close()),
      });
    });
    onTestFinished(() => open.mockRestore());
    const problem = errorOf(
      await pull(await freshStore(), folderRemote(folder, 300), { key: stored.key, trusted }),
    );
    expect(problem).toMatchObject({ code: 'timeout', message: expect.stringContaining(folder) as string });
    expect(closed).toEqual([path.join(folder, 'cas', stored.record.artifacts[0]?.digest ?? '')]);
  });

  it('on a disk that fails in the middle of a blob is no fault of the disk here', async () => {
    const folder = temporaryFolder();
    const stored = await pushed(folderRemote(folder));
    const blob = path.join(folder, 'cas', stored.record.artifacts[0]?.digest ?? '');
    const real = fs.promises.open;
    const open = vi.spyOn(fs.promises, 'open').mockImplementation(async (file, ...how) => {
      const handle = await real(file, ...how);
      const refusal = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
      return file === blob ? Object.assign(handle, { read: () => Promise.reject(refusal) }) : handle;
    });
    onTestFinished(() => open.mockRestore());
    expect(
      errorOf(await pull(await freshStore(), folderRemote(folder), { key: stored.key, trusted })),
    ).toMatchObject({ code: 'unreachable', message: expect.stringContaining(folder) as string });
  });

  it('takes each blob once', async () => {
    const remote = folderRemote(temporaryFolder());
    const store = await freshStore();
    const first = await push(store, remote, { stored: await publish(store, 'one'), signing });
    const second = await push(store, remote, { stored: await publish(store, 'two'), signing });
    // The file, the listing and a.txt differ; b.txt is there already.
    expect([valueOf(first).blobs, valueOf(second).blobs]).toEqual([4, 3]);
  });

  it('leaves what is chosen here as it is', async () => {
    const remote = folderRemote(temporaryFolder());
    const stored = await pushed(remote);
    const other = await freshStore();
    const put = valueOf(other.cas.putBytes('made here'));
    const mine = valueOf(
      await other.records.publish(recordOf({ note: 'one' }, [{ name: 'scores', type: 'file', put }])),
    );
    expect(mine.key).toBe(stored.key);
    expect(valueOf(await pull(other, remote, { key: stored.key, trusted }))?.digest).toBe(mine.digest);
    expect(other.records.all(stored.key)).toHaveLength(2);
  });

  it('without a blob is a stated miss, and nothing is chosen', async () => {
    const folder = temporaryFolder();
    const [stored, second] = [await pushed(folderRemote(folder)), await pushed(folderRemote(folder), 'two')];
    for (const { record } of [stored, second])
      fs.rmSync(path.join(folder, 'cas', record.artifacts[0]?.digest ?? ''));
    const other = await freshStore();
    const remote = folderRemote(folder);
    for (const ask of [pull, glimpse])
      expect(errorOf(await ask(other, remote, { key: stored.key, trusted }))).toMatchObject({
        code: 'incomplete',
        message: expect.stringContaining(stored.record.artifacts[0]?.digest ?? '') as string,
      });
    expect(await other.records.chosen(stored.key)).toEqual({ kind: 'none' });
    // Said once for a cache, and no reason to ask it no more.
    const notes: string[] = [];
    const shared = withSources(other, [{ remote, trusted }], (text) => notes.push(text));
    for (const { key } of [stored, second, stored])
      expect((await shared.records.chosen(key)).kind).toBe('none');
    expect(notes).toHaveLength(1);
    const whole = await pushed(remote, 'three');
    expect(await shared.records.chosen(whole.key)).toMatchObject({ kind: 'chosen' });
  });

  it('is not given what is damaged or lost here', async () => {
    const folder = temporaryFolder();
    const store = await freshStore();
    const stored = await publish(store);
    const [file] = stored.record.artifacts;
    const blob = blobFile(store, file?.digest ?? '');
    for (const spoil of [
      () => {
        fs.chmodSync(blob, 0o644);
        fs.writeFileSync(blob, 'FILE of one');
      },
      () => fs.rmSync(blob, { force: true }),
    ]) {
      spoil();
      const problem = errorOf(await push(store, folderRemote(folder), { stored, signing }));
      expect(problem).toMatchObject({
        code: 'local',
        hint: expect.stringContaining('run its cell') as string,
      });
      expect(fs.readdirSync(folder)).toEqual([]);
    }
  });

  it('gives back what is lost here later', async () => {
    const remote = folderRemote(temporaryFolder());
    const stored = await pushed(remote);
    const notes: string[] = [];
    const here = await freshStore();
    const shared = withSources(here, [{ remote, trusted }], (text) => notes.push(text));
    expect(await shared.records.chosen(stored.key)).toMatchObject({ kind: 'chosen' });
    fs.rmSync(blobFile(here, stored.record.artifacts[0]?.digest ?? ''));
    expect(await here.records.chosen(stored.key)).toMatchObject({ kind: 'incomplete' });
    expect(await shared.records.chosen(stored.key)).toEqual({ kind: 'chosen', record: stored });
    expect(notes).toEqual([]);
  });

  it('that gives a blob which is here keeps it from a collection that runs', async () => {
    const remote = folderRemote(temporaryFolder());
    const stored = await pushed(remote);
    const here = await freshStore();
    const put = valueOf(here.cas.putBytes('file of one'));
    const old = new Date(Date.now() - 48 * 3_600_000);
    fs.utimesSync(blobFile(here, put.digest), old, old);
    valueOf(await pull(here, remote, { key: stored.key, trusted }));
    expect(fs.statSync(blobFile(here, put.digest)).mtimeMs).toBeGreaterThan(old.getTime() + 1000);
  });

  it.each(['shorter', 'longer than it was, by much', 'same size!!!'])(
    'with a blob of other bytes (%s) is refused, and nothing of it stays',
    async (bytes) => {
      const folder = temporaryFolder();
      const stored = await pushed(folderRemote(folder));
      const digest = stored.record.artifacts[0]?.digest ?? '';
      fs.writeFileSync(path.join(folder, 'cas', digest), bytes);
      const other = await freshStore();
      const problem = errorOf(await pull(other, folderRemote(folder), { key: stored.key, trusted }));
      expect(problem).toMatchObject({ code: 'damaged' });
      expect(fs.existsSync(blobFile(other, digest))).toBe(false);
      expect(await other.records.chosen(stored.key)).toEqual({ kind: 'none' });
    },
  );
});

describe('a server', () => {
  const files = new Map<string, Buffer>();
  const dav: RequestListener = (request, response) => {
    const place = request.url ?? '';
    if (request.method === 'PUT') {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        files.set(place, Buffer.concat(chunks));
        response.writeHead(201).end();
      });
      return;
    }
    const file = files.get(place);
    response.writeHead(file ? 200 : 404, file ? { 'content-length': file.length } : {});
    response.end(request.method === 'HEAD' ? undefined : file);
  };
  const problemOf = async (listener: RequestListener, timeout?: number): Promise<RemoteProblem> =>
    errorOf(await at(await serve(listener), timeout).record('0'.repeat(64)));

  it('hands a result on', async () => {
    const remote = at(await serve(dav));
    const stored = await pushed(remote);
    const other = await freshStore();
    expect(valueOf(await pull(other, remote, { key: stored.key, trusted }))).toEqual(stored);
    expect(valueOf(await pull(other, remote, { key: keyFor({ note: 'none' }), trusted }))).toBeUndefined();
  });

  it('that redirects is not followed, so that no credential goes elsewhere', async () => {
    const asked: string[] = [];
    const elsewhere = await serve((request, response) => {
      asked.push(request.headers.authorization ?? 'nothing');
      response.end();
    });
    const problem = await problemOf((_, response) => response.writeHead(302, { location: elsewhere }).end());
    expect(problem).toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('final address') as string,
    });
    expect(asked).toEqual([]);
  });

  it('that compresses is refused, whatever the bytes would be', async () => {
    const problem = await problemOf((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}')),
    );
    expect(problem).toMatchObject({ code: 'refused' });
  });

  it('that wants credentials says so, and takes those of a variable', async () => {
    const closed: RequestListener = (request, response) => {
      if (request.headers.authorization === 'Bearer sesame') dav(request, response);
      else response.writeHead(401).end();
    };
    const url = await serve(closed);
    expect(errorOf(await at(url).has('0'.repeat(64)))).toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('token:') as string,
    });
    const open = httpRemote({ url, timeout: 10_000, authorization: 'Bearer sesame' });
    expect(valueOf(await open.has('0'.repeat(64)))).toBe(false);
  });

  it('that does not answer, or stops in the middle, is a time-out and is called one', async () => {
    expect(await problemOf(() => undefined, 50)).toMatchObject({ code: 'timeout' });
    expect(await problemOf((_, response) => response.writeHead(200).write('{'), 50)).toMatchObject({
      code: 'timeout',
    });
  });

  it('that cuts the connection is unreachable', async () => {
    expect(await problemOf((request) => request.socket.destroy())).toMatchObject({ code: 'unreachable' });
  });

  it('that cuts a blob in the middle leaves nothing of it', async () => {
    const url = await serve((request, response) => {
      const file = files.get(request.url ?? '');
      if (request.method !== 'GET' || !request.url?.startsWith('/cas/') || !file) {
        dav(request, response);
        return;
      }
      response.writeHead(200, { 'content-length': file.length });
      response.write(file.subarray(0, 3), () => response.destroy());
    });
    const stored = await pushed(at(url));
    const other = await freshStore();
    expect(errorOf(await pull(other, at(url), { key: stored.key, trusted }))).toMatchObject({
      code: 'unreachable',
    });
    expect(fs.existsSync(blobFile(other, stored.record.artifacts[0]?.digest ?? ''))).toBe(false);
  });

  it('that sends a record without end is cut off', async () => {
    const problem = errorOf(
      await pull(
        await freshStore(),
        at(
          await serve((_, response) => {
            const more = (): void => {
              while (!response.destroyed && response.write(Buffer.alloc(1 << 16)));
              response.once('drain', more);
            };
            response.writeHead(200);
            more();
          }),
        ),
        { key: keyFor({}), trusted },
      ),
    );
    expect(problem).toMatchObject({ code: 'damaged' });
  });
});
