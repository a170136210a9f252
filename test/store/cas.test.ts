import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../schemas/json.js';
import { createDisk, openStore } from '../../runner/store/index.js';
import { blobFile, errorOf, freshStore, temporaryFolder, valueOf, writeFiles } from './fixtures.js';

/** Writes through a 0444 file, as root or after a chmod: what a stage with a bug could do. */
function corrupt(file: string, change: (bytes: Buffer) => Buffer): void {
  const bytes = change(fs.readFileSync(file));
  fs.chmodSync(file, 0o644);
  fs.writeFileSync(file, bytes);
  // The clock of a disk ticks every few milliseconds, and this process trusts what it has just written itself.
  fs.utimesSync(file, 1, 1);
}

describe('blobs', () => {
  it('are found under the hash of their bytes, read-only', async () => {
    const store = await freshStore();
    const put = valueOf(store.cas.putBytes('hello'));
    expect(put).toEqual({ digest: sha256('hello'), bytes: 5 });
    expect(fs.readFileSync(blobFile(store, put.digest), 'utf8')).toBe('hello');
    expect(fs.statSync(blobFile(store, put.digest)).mode & 0o777).toBe(0o444);
    expect(valueOf(store.cas.artifactRef('file', put.digest))).toEqual({
      type: 'file',
      digest: put.digest,
      path: blobFile(store, put.digest),
    });
  });

  it('hold a copy: a later change of the source, or through an open descriptor, does not reach them', async () => {
    const store = await freshStore();
    const source = path.join(temporaryFolder(), 'data.txt');
    fs.writeFileSync(source, 'before');
    const open = fs.openSync(source, 'r+');
    const put = valueOf(await store.cas.putFile(source));
    fs.writeSync(open, 'after!', 0);
    fs.closeSync(open);
    expect(fs.readFileSync(blobFile(store, put.digest), 'utf8')).toBe('before');
    expect(await store.cas.has('file', put.digest)).toBe(true);
    expect(valueOf(await store.cas.putFile(source)).digest).toBe(sha256('after!'));
  });

  it.each([
    ['truncated', (bytes: Buffer) => bytes.subarray(1)],
    ['changed in one bit', (bytes: Buffer) => Buffer.from(bytes).fill((bytes[0] ?? 0) ^ 1, 0, 1)],
    ['grown', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
  ])('that were %s are no longer there, and come back when put again', async (_, change) => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('some content'));
    expect(await store.cas.has('file', digest)).toBe(true);
    corrupt(blobFile(store, digest), change);
    expect(await store.cas.has('file', digest)).toBe(false);
    expect(fs.existsSync(blobFile(store, digest))).toBe(false);
    expect(fs.readdirSync(path.join(store.root, 'quarantine'))).toHaveLength(1);
    valueOf(store.cas.putBytes('some content'));
    expect(await store.cas.has('file', digest)).toBe(true);
  });

  it('that are corrupt are replaced by a put of the right bytes', async () => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('some content'));
    corrupt(blobFile(store, digest), () => Buffer.from('SOME CONTENT'));
    valueOf(store.cas.putBytes('some content'));
    expect(valueOf(store.cas.read(digest)).toString()).toBe('some content');
  });

  it('are hashed again in a copied store, whose files have no history', async () => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('some content'));
    const copy = path.join(temporaryFolder(), 'copy');
    fs.cpSync(store.root, copy, { recursive: true, preserveTimestamps: true });
    const file = path.join(copy, 'cas', digest.slice(0, 2), digest);
    const times = fs.statSync(file);
    corrupt(file, () => Buffer.from('SOME CONTENT'));
    fs.utimesSync(file, times.atime, times.mtime);
    const other = await freshStore({}, copy);
    expect(await other.cas.has('file', digest)).toBe(false);
  });

  it('put into a store that is open for reading are only hashed', async () => {
    const root = path.join(temporaryFolder(), '.moft');
    const store = valueOf(await openStore(root, { access: 'read' }));
    const source = writeFiles(temporaryFolder(), { 'a.txt': 'a' });
    const put = valueOf(await store.cas.putFile(path.join(source, 'a.txt')));
    const tree = valueOf(await store.cas.putTree(source));
    valueOf(await store.close());
    expect(put.digest).toBe(sha256('a'));
    expect(fs.existsSync(root)).toBe(false);
    const writing = await freshStore({}, root);
    expect(valueOf(await writing.cas.putTree(source)).digest).toBe(tree.digest);
  });
});

describe('putFile', () => {
  /** Changes the file each time that a chunk of it has been written, `times` times. */
  async function putWhileChanging(times: number): Promise<Awaited<ReturnType<typeof put>>> {
    const source = path.join(temporaryFolder(), 'growing.txt');
    fs.writeFileSync(source, 'x');
    let left = times;
    const disk = createDisk(({ operation, path: file }) => {
      if (operation !== 'chunk' || !file.includes(`${path.sep}tmp${path.sep}`) || left === 0) return;
      left -= 1;
      fs.appendFileSync(source, 'x');
    });
    const store = await freshStore({ disk });
    // The store writes its own small files while it opens.
    left = times;
    fs.writeFileSync(source, 'x');
    const put = async () => ({ result: await store.cas.putFile(source), store, source });
    return put();
  }

  it('reads a file again that changed while it was copied', async () => {
    const { result, store, source } = await putWhileChanging(1);
    const put = valueOf(result);
    expect(put.digest).toBe(sha256(fs.readFileSync(source)));
    expect(valueOf(store.cas.read(put.digest)).toString()).toBe(fs.readFileSync(source, 'utf8'));
  });

  it('gives up on a file that changes every time, and leaves nothing behind', async () => {
    const { result, store, source } = await putWhileChanging(Infinity);
    expect(errorOf(result)).toMatchObject({ class: 'user', code: 'changing-file', path: source });
    expect(fs.readdirSync(path.join(store.root, 'cas'))).toEqual([]);
    expect(fs.readdirSync(path.join(store.root, 'tmp', store.runner))).toEqual([]);
  });

  it('names a missing file, and what is no file', async () => {
    const store = await freshStore();
    const folder = temporaryFolder();
    const missing = path.join(folder, 'nothing');
    expect(errorOf(await store.cas.putFile(missing))).toMatchObject({
      class: 'user',
      code: 'missing-file',
      path: missing,
    });
    expect(errorOf(await store.cas.putFile(folder))).toMatchObject({ class: 'user', code: 'not-a-file' });
    expect(errorOf(await store.cas.putTree(missing))).toMatchObject({ class: 'user', code: 'missing-file' });
  });
});

describe('openStore', () => {
  it('refuses a layout that it does not know, and says what to do', async () => {
    const store = await freshStore();
    fs.writeFileSync(path.join(store.root, 'layout.json'), JSON.stringify({ store: 'moft', version: 99 }));
    for (const access of ['read', 'write'] as const) {
      const problem = errorOf(await openStore(store.root, { access }));
      expect(problem).toMatchObject({ class: 'environment', code: 'store-layout' });
      expect(problem.message).toContain('layout 99');
      expect(problem.hint).toContain('MOFT_HOME=');
    }
  });

  it('keeps itself out of git', async () => {
    const store = await freshStore();
    expect(fs.readFileSync(path.join(store.root, '.gitignore'), 'utf8')).toBe('*\n');
  });
});
