import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../schemas/json.js';
import type { Store } from '../../runner/store/index.js';
import { blobFile, errorOf, freshStore, temporaryFolder, valueOf, writeFiles } from './fixtures.js';

async function digestOfFolder(store: Store, folder: string): Promise<string> {
  return valueOf(await store.cas.putTree(folder)).digest;
}

/** Puts a listing as it stands, as a damaged or hostile store would hold it. */
const putListing = (store: Store, entries: unknown): string =>
  valueOf(store.cas.putBytes(JSON.stringify(entries))).digest;

const file = (name: string): object => ({
  type: 'file',
  path: name,
  executable: false,
  digest: sha256(''),
  size: 0,
});

describe('putTree', () => {
  it('lists files, folders and links by the bytes of their names', async () => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), {
      'b/x.txt': 'x',
      'a.txt': 'aa',
      'empty/': '',
      'é.txt': '',
    });
    fs.symlinkSync('a.txt', path.join(folder, 'link'));
    const put = valueOf(await store.cas.putTree(folder));
    const listing = JSON.parse(valueOf(store.cas.read(put.digest)).toString()) as {
      path: string;
      type: string;
    }[];
    expect(listing.map(({ path: name, type }) => `${type} ${name}`)).toEqual([
      'file a.txt',
      'folder b',
      'file b/x.txt',
      'folder empty',
      'link link',
      'file é.txt',
    ]);
    expect(put.bytes).toBe(3);
    const ref = valueOf(store.cas.artifactRef('directory', put.digest));
    expect(ref.files).toEqual({
      'a.txt': blobFile(store, sha256('aa')),
      'b/x.txt': blobFile(store, sha256('x')),
      link: blobFile(store, sha256('aa')),
      'é.txt': blobFile(store, sha256('')),
    });
  });

  it('counts contents, names, empty folders and the executable bit; not times and other modes', async () => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { 'a.txt': 'a', 'b/c': 'c' });
    const a = path.join(folder, 'a.txt');
    const before = await digestOfFolder(store, folder);
    fs.utimesSync(a, 1, 1);
    fs.chmodSync(a, 0o600);
    expect(await digestOfFolder(store, folder)).toBe(before);
    const changes: (() => void)[] = [
      () => fs.chmodSync(a, 0o700),
      () => fs.mkdirSync(path.join(folder, 'empty')),
      () => fs.writeFileSync(a, 'b'),
      () => fs.renameSync(a, path.join(folder, 'd.txt')),
      () => fs.symlinkSync('b', path.join(folder, 'l')),
    ];
    const seen = new Set([before]);
    for (const change of changes) {
      change();
      seen.add(await digestOfFolder(store, folder));
    }
    expect(seen.size).toBe(changes.length + 1);
  });

  it('comes back from the store as it went in, whatever its shape', async () => {
    const store = await freshStore();
    const name = fc.stringMatching(/^[a-z0-9é][a-z0-9. -]{0,8}[a-z0-9]$/);
    const tree = fc.uniqueArray(fc.tuple(fc.array(name, { maxLength: 3 }), name, fc.string(), fc.boolean()), {
      maxLength: 8,
      selector: ([, leaf]) => leaf,
    });
    await fc.assert(
      fc.asyncProperty(tree, async (entries) => {
        const folder = temporaryFolder();
        // Folders end in `_`, files don't: a name is never both.
        for (const [folders, leaf, content, executable] of entries) {
          const target = path.join(folder, ...folders.map((part) => `${part}_`), leaf);
          writeFiles(path.dirname(target), { [leaf]: content });
          fs.chmodSync(target, executable ? 0o755 : 0o644);
        }
        const { digest } = valueOf(await store.cas.putTree(folder));
        const back = path.join(temporaryFolder(), 'back');
        valueOf(await store.cas.restore('directory', digest, back));
        expect(await digestOfFolder(store, back)).toBe(digest);
        expect(Object.keys(valueOf(store.cas.artifactRef('directory', digest)).files ?? {})).toHaveLength(
          entries.length,
        );
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['absolute', '/etc/passwd'],
    ['leading up', '../outside'],
    ['leading up through a folder', 'b/../../outside'],
  ])('refuses a link that is %s', async (_, target) => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { 'b/x.txt': 'x' });
    fs.symlinkSync(target, path.join(folder, 'l'));
    expect(errorOf(await store.cas.putTree(folder))).toMatchObject({ class: 'user', code: 'tree-link' });
  });

  it('refuses a link that leaves through another link, though its text does not', async () => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { 'deep/down/x': 'x' });
    fs.symlinkSync('.', path.join(folder, 'deep', 'here'));
    fs.symlinkSync('deep/here/../../..', path.join(folder, 'l'));
    expect(errorOf(await store.cas.putTree(folder)).code).toBe('tree-link');
  });

  it('keeps links that stay inside, also dangling and circular ones', async () => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { 'b/x.txt': 'x' });
    fs.symlinkSync('../b/x.txt', path.join(folder, 'b', 'up'));
    fs.symlinkSync('nowhere', path.join(folder, 'dangling'));
    fs.symlinkSync('circle', path.join(folder, 'circle'));
    const digest = await digestOfFolder(store, folder);
    expect(Object.keys(valueOf(store.cas.artifactRef('directory', digest)).files ?? {}).sort()).toEqual([
      'b/up',
      'b/x.txt',
    ]);
  });

  it('refuses fifos without waiting for a writer', async () => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { a: 'a' });
    execFileSync('mkfifo', [path.join(folder, 'pipe')]);
    expect(errorOf(await store.cas.putTree(folder))).toMatchObject({ class: 'user', code: 'tree-special' });
    expect(errorOf(await store.cas.putFile(path.join(folder, 'pipe'))).code).toBe('not-a-file');
  });

  it.each([
    ['two cases', 'Read.me', 'read.ME'],
    ['two spellings of an accent', '\u00e9', 'e\u0301'],
    ['ß and ss', 'straße', 'strasse'],
  ])('refuses two names that differ in %s only', async (_, one, other) => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { [one]: '1', [other]: '2' });
    expect(errorOf(await store.cas.putTree(folder)).code).toBe('tree-clash');
  });

  it('refuses backslashes and names that are no UTF-8', async () => {
    const store = await freshStore();
    const backslash = writeFiles(temporaryFolder(), { 'a\\b': '' });
    expect(errorOf(await store.cas.putTree(backslash)).code).toBe('tree-path');
    const latin = temporaryFolder();
    fs.writeFileSync(Buffer.concat([Buffer.from(`${latin}/`), Buffer.from([0xe9])]), '');
    expect(errorOf(await store.cas.putTree(latin)).code).toBe('tree-path');
  });
});

describe('listings on the way out', () => {
  it.each([
    ['an absolute path', [file('/a')]],
    ['an empty name', [{ type: 'folder', path: 'a' }, file('a//b')]],
    ['.', [file('./a')]],
    ['..', [file('../a')]],
    ['NUL', [file('a\0b')]],
    ['a backslash', [file('a\\b')]],
    ['a name of 256 bytes', [file('a'.repeat(256))]],
    ['half a surrogate pair', [file('a\ud800')]],
    ['names that clash', [file('a'), file('A')]],
    ['a file in a file', [file('a'), file('a/b')]],
    ['a file behind a link', [{ type: 'link', path: 'a', target: 'b' }, file('a/x')]],
    ['a link that leaves', [{ type: 'link', path: 'a', target: '../b' }]],
    ['a digest that is none', [{ ...file('a'), digest: '../../../../etc/passwd' }]],
    ['an unknown type', [{ type: 'device', path: 'a' }]],
    ['no list', { a: 1 }],
  ])('are refused with %s', async (_, entries) => {
    const store = await freshStore();
    valueOf(store.cas.putBytes(''));
    const digest = putListing(store, entries);
    const target = path.join(temporaryFolder(), 'out');
    expect(store.cas.artifactRef('directory', digest).ok).toBe(false);
    expect((await store.cas.restore('directory', digest, target)).ok).toBe(false);
    expect(await store.cas.has('directory', digest)).toBe(false);
    expect(fs.existsSync(target)).toBe(false);
  });

  it('are whole only with every file', async () => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { 'a/b': 'content', c: 'other' });
    const digest = await digestOfFolder(store, folder);
    expect(await store.cas.has('directory', digest)).toBe(true);
    fs.rmSync(blobFile(store, sha256('content')));
    expect(await store.cas.has('directory', digest)).toBe(false);
    expect(errorOf(await store.cas.verify('directory', digest))).toMatchObject({ code: 'missing-blob' });
  });
});

describe('a listing', () => {
  /** Its digest, and the file that holds it, in a store that another one looks at for the first time. */
  async function stored(): Promise<{
    digest: string;
    listing: string;
    store: Store;
    again: () => Promise<Store>;
  }> {
    const store = await freshStore();
    const digest = await digestOfFolder(store, writeFiles(temporaryFolder(), { 'a/b': 'content' }));
    const again = (): Promise<Store> => freshStore({}, store.root);
    return { digest, listing: blobFile(store, digest), store, again };
  }

  function corrupt(file: string): void {
    const text = fs.readFileSync(file, 'utf8');
    fs.chmodSync(file, 0o644);
    fs.writeFileSync(file, text.replace('a/b', 'a/c'));
    fs.utimesSync(file, 1, 1);
  }

  it('that was changed is never believed, read for the first time or once more', async () => {
    const { digest, listing, store, again } = await stored();
    expect(await store.cas.has('directory', digest)).toBe(true);
    corrupt(listing);
    expect(await (await again()).cas.has('directory', digest)).toBe(false);
    expect(await store.cas.has('directory', digest)).toBe(false);
    expect(errorOf(await store.cas.verify('directory', digest))).toMatchObject({ code: 'missing-blob' });
  });

  it('that was read before and is gone is missing', async () => {
    const { digest, listing, store } = await stored();
    expect(await store.cas.has('directory', digest)).toBe(true);
    fs.rmSync(listing);
    expect(await store.cas.has('directory', digest)).toBe(false);
  });

  it('that is read again and whole gives what it gave', async () => {
    const { digest, again } = await stored();
    const store = await again();
    expect(await store.cas.has('directory', digest)).toBe(true);
    expect(await store.cas.has('directory', digest)).toBe(true);
    valueOf(await store.cas.verify('directory', digest));
  });
});

describe('restore', () => {
  it('replaces what stood there and never writes through a link', async () => {
    const store = await freshStore();
    const digest = await digestOfFolder(store, writeFiles(temporaryFolder(), { 'a/x': 'new' }));
    const outside = writeFiles(temporaryFolder(), { x: 'precious' });
    const target = path.join(temporaryFolder(), 'out');
    fs.mkdirSync(target);
    fs.symlinkSync(outside, path.join(target, 'a'));
    valueOf(await store.cas.restore('directory', digest, target));
    expect(fs.readFileSync(path.join(target, 'a', 'x'), 'utf8')).toBe('new');
    expect(fs.readFileSync(path.join(outside, 'x'), 'utf8')).toBe('precious');
    expect(fs.readdirSync(path.dirname(target))).toEqual(['out']);
  });

  it('gives copies: writing to them does not reach the store', async () => {
    const store = await freshStore();
    const { digest } = valueOf(store.cas.putBytes('kept'));
    const target = path.join(temporaryFolder(), 'out.txt');
    valueOf(await store.cas.restore('file', digest, target));
    fs.writeFileSync(target, 'gone');
    expect(valueOf(store.cas.read(digest)).toString()).toBe('kept');
  });
});
