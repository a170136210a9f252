/** Shared caches: what comes in is checked byte by byte, and what goes wrong there never harms a run. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Result } from '../../schemas/result.js';
import { createDisk, type Store, type StoredRecord } from '../../runner/store/index.js';
import { publicText } from '../../runner/store/remote/envelope.js';
import { folderRemote } from '../../runner/store/remote/folder.js';
import { httpRemote } from '../../runner/store/remote/http.js';
import { withSources } from '../../runner/store/remote/shared.js';
import { glimpse, pull, push } from '../../runner/store/remote/transfer.js';
import type { Remote, RemoteProblem } from '../../runner/store/remote/types.js';
import {
  blobFile,
  errorOf,
  freshStore,
  keyFor,
  recordOf,
  temporaryFolder,
  valueOf,
  writeFiles,
} from './fixtures.js';

const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;
const signing = newKey();
const trusted = [publicText(signing)];

/** A result with a file and a folder. */
async function publish(store: Store, note = 'one'): Promise<StoredRecord> {
  const folder = writeFiles(temporaryFolder(), { 'a.txt': `a of ${note}`, 'sub/b.txt': 'b', 'empty/': '' });
  const file = valueOf(store.cas.putBytes(`file of ${note}`));
  const tree = valueOf(await store.cas.putTree(folder));
  const outputs = [
    { name: 'scores', type: 'file', put: file },
    { name: 'model', type: 'directory', put: tree },
  ] as const;
  return valueOf(await store.records.publish(recordOf({ note }, outputs)));
}

async function pushed(remote: Remote, note?: string): Promise<StoredRecord> {
  const store = await freshStore();
  const stored = await publish(store, note);
  valueOf(await push(store, remote, { stored, signing }));
  return stored;
}

/** A server that answers as it is told. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const at = (url: string, timeout = 10_000): Remote => httpRemote({ url, timeout });

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

describe('a store with caches', () => {
  const broken = (problem: RemoteProblem, asked: string[]): Remote => {
    const answer = (what: string): Promise<Result<never, RemoteProblem>> => {
      asked.push(what);
      return Promise.resolve({ ok: false, error: problem });
    };
    return { name: 'broken', record: answer, blob: answer, has: answer, putBlob: answer, putRecord: answer };
  };

  it('looks there for what it lacks, and asks for each key once', async () => {
    const remote = folderRemote(temporaryFolder());
    const stored = await pushed(remote);
    const asked: string[] = [];
    const counted: Remote = {
      ...remote,
      record: (key) => {
        asked.push(key);
        return remote.record(key);
      },
    };
    const notes: string[] = [];
    const shared = withSources(await freshStore(), [{ remote: counted, trusted }], (text) =>
      notes.push(text),
    );
    expect(await shared.records.chosen(stored.key)).toMatchObject({ kind: 'chosen' });
    expect(await shared.records.chosen(stored.key)).toMatchObject({ kind: 'chosen' });
    const none = keyFor({ note: 'nowhere' });
    for (let n = 0; n < 2; n++) expect(await shared.records.chosen(none)).toEqual({ kind: 'none' });
    expect(asked).toEqual([stored.key, none]);
    expect(notes).toEqual([]);
  });

  it('gives a cache up after two failures, says so, and goes on to the next', async () => {
    const remote = folderRemote(temporaryFolder());
    const stored = await pushed(remote);
    const asked: string[] = [];
    const notes: string[] = [];
    const dead = broken({ code: 'timeout', message: 'no answer in time' }, asked);
    const sources = [dead, remote].map((one) => ({ remote: one, trusted }));
    const shared = withSources(await freshStore(), sources, (text) => notes.push(text));
    for (const note of ['a', 'b', 'c']) await shared.records.chosen(keyFor({ note }));
    expect(await shared.records.chosen(stored.key)).toMatchObject({ kind: 'chosen' });
    expect(asked).toHaveLength(2);
    expect(notes).toEqual(['no answer in time', 'the shared cache broken is not asked any more in this run']);
  });

  it('gives up a download that hangs when it is told to, and asks nothing more', async () => {
    const folder = temporaryFolder();
    const stored = await pushed(folderRemote(folder));
    const asked: string[] = [];
    let hung = (): void => undefined;
    const hangs = new Promise<void>((resolve) => (hung = resolve));
    let closed = (): void => undefined;
    const isClosed = new Promise<void>((resolve) => (closed = resolve));
    const url = await serve(({ url: of = '' }, response) => {
      asked.push(of);
      if (of.startsWith('/ac/')) return void response.end(fs.readFileSync(path.join(folder, of)));
      response.writeHead(200).flushHeaders();
      response.on('close', closed);
      hung();
    });
    const stop = new AbortController();
    const notes: string[] = [];
    const sources = [{ remote: at(url, 600_000), trusted }];
    const shared = withSources(await freshStore(), sources, (text) => notes.push(text), {
      signal: stop.signal,
    });
    const looking = shared.records.chosen(stored.key);
    await hangs;
    stop.abort();
    expect(await looking).toEqual({ kind: 'none' });
    await isClosed;
    expect(await shared.records.chosen(keyFor({ note: 'nowhere' }))).toEqual({ kind: 'none' });
    expect([asked.length, notes]).toEqual([2, []]);
  });

  it('tells of a disk that is full here as such, not as of a miss', async () => {
    const remote = folderRemote(temporaryFolder());
    const stored = await pushed(remote);
    let full = false;
    const disk = createDisk(({ operation, path: file }) => {
      if (full && operation === 'chunk')
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write', path: file });
    });
    const notes: string[] = [];
    const here = await freshStore({ disk });
    const shared = withSources(here, [{ remote, trusted }], (text) => notes.push(text));
    full = true;
    const refused = { problem: { class: 'environment', code: 'disk-full' } };
    await expect(shared.records.chosen(stored.key)).rejects.toMatchObject(refused);
    full = false;
    expect(await shared.records.chosen(stored.key)).toMatchObject({ kind: 'chosen' });
    expect(notes).toEqual([]);
  });

  it('says once that a signer is not trusted, and runs the cell instead', async () => {
    const remote = folderRemote(temporaryFolder());
    const stored = await pushed(remote);
    const notes: string[] = [];
    const shared = withSources(await freshStore(), [{ remote, trusted: [] }], (text) => notes.push(text));
    expect(await shared.records.chosen(stored.key)).toEqual({ kind: 'none' });
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain('is not trusted');
  });
});
