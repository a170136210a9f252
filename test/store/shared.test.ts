/** A store that looks into shared caches: what it asks for, when it gives up, and what it says. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Result } from '../../schemas/result.js';
import { createDisk } from '../../runner/store/index.js';
import { folderRemote } from '../../runner/store/remote/folder.js';
import { withSources } from '../../runner/store/remote/shared.js';
import type { Remote, RemoteProblem } from '../../runner/store/remote/types.js';
import { freshStore, keyFor, temporaryFolder } from './fixtures.js';
import { at, pushed, serve, trusted } from './remote-fixtures.js';

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
