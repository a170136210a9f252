/** Large files, which threads read. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { sha256 } from '../../schemas/json.js';
import { createDisk, openStore, type DiskWrite } from '../../runner/store/index.js';
import { threadBytes } from '../../runner/store/pump.js';
import { blobFile, errorOf, freshStore, temporaryFolder, valueOf } from './fixtures.js';

/** A file as large as threads take, mostly holes, that ends in `text`. */
function large(text: string, folder = temporaryFolder(), name = 'large'): string {
  const file = path.join(folder, name);
  const descriptor = fs.openSync(file, 'w');
  fs.writeSync(descriptor, text, threadBytes);
  fs.closeSync(descriptor);
  return file;
}

const contentOf = (text: string): Buffer => Buffer.concat([Buffer.alloc(threadBytes), Buffer.from(text)]);

describe('a large file', () => {
  it('is copied and hashed by a thread, with the same bytes and digest', async () => {
    const chunks: DiskWrite[] = [];
    const disk = createDisk((write) => {
      if (write.operation === 'chunk') chunks.push(write);
    });
    const store = await freshStore({ disk });
    chunks.length = 0;
    const put = valueOf(await store.cas.putFile(large('end')));
    // This thread writes none of it.
    expect(new Set(chunks.map(({ bytes }) => bytes?.length))).toEqual(new Set([0]));
    expect(put).toEqual({ digest: sha256(contentOf('end')), bytes: threadBytes + 3 });
    expect(fs.readFileSync(blobFile(store, put.digest)).equals(contentOf('end'))).toBe(true);
    const out = path.join(temporaryFolder(), 'out');
    valueOf(await store.cas.restore('file', put.digest, out));
    expect(sha256(fs.readFileSync(out))).toBe(put.digest);
  });

  it('that is damaged in the store is found by a thread, too', async () => {
    const store = await freshStore();
    const { digest } = valueOf(await store.cas.putFile(large('end')));
    const file = blobFile(store, digest);
    fs.chmodSync(file, 0o644);
    const descriptor = fs.openSync(file, 'r+');
    fs.writeSync(descriptor, 'x', 5);
    fs.closeSync(descriptor);
    expect(errorOf(await store.cas.verify('file', digest))).toMatchObject({ code: 'missing-blob' });
  });

  it('beside others in a folder gives the digest that one after the other gives', async () => {
    const folder = temporaryFolder();
    for (const name of ['b', 'a', 'c']) large(name, folder, name);
    fs.writeFileSync(path.join(folder, 'small'), 'small');
    const store = await freshStore();
    const { digest } = valueOf(await store.cas.putTree(folder));
    const files = valueOf(store.cas.artifactRef('directory', digest)).files ?? {};
    const digests = Object.entries(files).map(([name, blob]) => [name, path.basename(blob)]);
    expect(digests).toEqual([
      ...['a', 'b', 'c'].map((name) => [name, sha256(contentOf(name))]),
      ['small', sha256('small')],
    ]);
  });

  it('that changes while a thread copies it is read again', async () => {
    const source = large('end');
    // Once may be before the copying: the store asks the disk for the time.
    let left = 2;
    const disk = createDisk(({ operation, bytes }) => {
      if (operation !== 'chunk' || bytes?.length !== 0 || left === 0) return;
      left -= 1;
      fs.appendFileSync(source, '!');
    });
    const store = await freshStore({ disk });
    expect(valueOf(await store.cas.putFile(source)).digest).toBe(sha256(contentOf('end!!')));
  });

  it('that the disk has no room for is a problem of the environment, and leaves nothing', async (context) => {
    const folder = temporaryFolder();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'pipe' });
    } catch (error) {
      console.warn(`SKIPPED: no tmpfs can be mounted here (${String(error).split('\n')[0] ?? ''})`);
      return context.skip();
    }
    onTestFinished(() => {
      execFileSync('umount', [folder]);
    });
    const store = valueOf(await openStore(path.join(folder, '.moft')));
    const problem = errorOf(await store.cas.putFile(large('end')));
    expect(problem).toMatchObject({ class: 'environment', code: 'disk-full' });
    expect(fs.readdirSync(path.join(store.root, 'tmp', store.runner))).toEqual([]);
    valueOf(await store.close());
  });
});

describe('an unchanged file', () => {
  it('is not even opened by a later process', async () => {
    const { root } = await freshStore();
    const file = path.join(import.meta.dirname, 'fixtures.ts'); // nobody has touched it for 2 s
    const first = valueOf(await openStore(root));
    const { digest } = valueOf(await first.cas.hash('file', file));
    valueOf(await first.close());
    const later = valueOf(await openStore(root, { access: 'read' }));
    const opened = vi.spyOn(fs.promises, 'open');
    onTestFinished(() => opened.mockRestore());
    expect(valueOf(await later.cas.hash('file', file)).digest).toBe(digest);
    expect(opened).not.toHaveBeenCalled();
  });
});
