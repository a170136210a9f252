import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../schemas/json.js';
import { openStore, type Store } from '../../runner/store/index.js';
import {
  blobFile,
  cellId,
  errorOf,
  freshStore,
  keyFor,
  recordOf,
  temporaryFolder,
  valueOf,
  writeFiles,
} from './fixtures.js';

const preimage = { kind: 'test', steps: 5 };
const key = keyFor(preimage);

function fileRecord(store: Store, content: string, seconds = 1): ReturnType<typeof recordOf> {
  return recordOf(
    preimage,
    [{ name: 'out', type: 'file', put: valueOf(store.cas.putBytes(content)) }],
    seconds,
  );
}

/** The record with its first artifact named as another blob, which is in the store. */
const flippedDigest = (text: string): string => text.replace(sha256('first'), sha256('other'));

const recordsFolder = (store: Store): string => path.join(store.root, 'records', key);

describe('records', () => {
  it('serve nothing before anything is published', async () => {
    const store = await freshStore();
    expect(await store.records.chosen(key)).toEqual({ kind: 'none' });
  });

  it('keep the first result and file later ones as alternates', async () => {
    const store = await freshStore();
    const first = valueOf(await store.records.publish(fileRecord(store, 'first')));
    const second = valueOf(await store.records.publish(fileRecord(store, 'second')));
    expect(second).toEqual(first);
    expect(await store.records.chosen(key)).toEqual({ kind: 'chosen', record: first });
    expect(store.records.all(key)).toHaveLength(2);
    expect(store.records.keys()).toEqual([key]);
  });

  it('link, not copy, the chosen one', async () => {
    const store = await freshStore();
    const { digest } = valueOf(await store.records.publish(fileRecord(store, 'first')));
    const inode = (name: string): number => fs.statSync(path.join(recordsFolder(store), name)).ino;
    expect(inode('chosen.1')).toBe(inode(`${digest}.json`));
  });

  it('are read by their digest from the link that chose them, where their own file is damaged', async () => {
    const store = await freshStore();
    const first = valueOf(await store.records.publish(fileRecord(store, 'first')));
    const file = path.join(recordsFolder(store), `${first.digest}.json`);
    fs.rmSync(file);
    fs.writeFileSync(file, '{');
    expect(await store.records.chosen(key)).toEqual({ kind: 'chosen', record: first });
    expect(store.records.read(key, first.digest)).toEqual(first);
    fs.writeFileSync(path.join(recordsFolder(store), 'chosen.1'), '{');
    expect(store.records.read(key, first.digest)).toBeUndefined();
  });

  it('choose the next result where an artifact of the chosen one is lost', async () => {
    const store = await freshStore();
    const first = valueOf(await store.records.publish(fileRecord(store, 'first')));
    fs.rmSync(blobFile(store, sha256('first')));
    expect(await store.records.chosen(key)).toEqual({
      kind: 'incomplete',
      record: first,
      missing: 'the artifact out',
    });
    const second = valueOf(await store.records.publish(fileRecord(store, 'second')));
    expect(second.digest).not.toBe(first.digest);
    expect(await store.records.chosen(key)).toEqual({ kind: 'chosen', record: second });
    expect(fs.existsSync(path.join(recordsFolder(store), 'chosen.2'))).toBe(true);
  });

  it('are refused without their blobs', async () => {
    const store = await freshStore();
    const record = fileRecord(store, 'content');
    fs.rmSync(blobFile(store, sha256('content')));
    expect(errorOf(await store.records.publish(record)).code).toBe('missing-blob');
    expect(store.records.keys()).toEqual([]);
  });

  it.each([
    ['torn', (text: string) => text.slice(0, -20)],
    ['empty', () => ''],
    ['about another preimage', (text: string) => text.replace('"steps":5', '"steps":6')],
    [
      'one digit off, in what the preimage does not hold',
      (text: string) => text.replace('"bytes":5', '"bytes":4'),
    ],
    ['one digit off, in the digest of an artifact', flippedDigest],
    ['ill-formed text', (text: string) => text.replace('"r1"', '"\\ud800"')],
  ])('that are %s are a miss, and the next result takes their place', async (_, damage) => {
    const store = await freshStore();
    const first = valueOf(await store.records.publish(fileRecord(store, 'first')));
    valueOf(store.cas.putBytes('other'));
    const file = path.join(recordsFolder(store), 'chosen.1');
    fs.writeFileSync(file, damage(fs.readFileSync(file, 'utf8')));
    expect(await store.records.chosen(key)).toEqual({ kind: 'incomplete', missing: 'the record itself' });
    expect(store.records.read(key, first.digest)).toBeUndefined();
    const again = valueOf(await store.records.publish(fileRecord(store, 'again')));
    expect(await store.records.chosen(key)).toEqual({ kind: 'chosen', record: again });
  });

  it('with a tree need every file of it', async () => {
    const store = await freshStore();
    const put = valueOf(await store.cas.putTree(writeFiles(temporaryFolder(), { a: 'a', 'b/c': 'c' })));
    valueOf(await store.records.publish(recordOf(preimage, [{ name: 'model', type: 'model', put }])));
    expect((await store.records.chosen(key)).kind).toBe('chosen');
    fs.rmSync(blobFile(store, sha256('c')));
    expect((await store.records.chosen(key)).kind).toBe('incomplete');
  });

  it('are read from a store that is open for reading', async () => {
    const store = await freshStore();
    const first = valueOf(await store.records.publish(fileRecord(store, 'first')));
    const reading = valueOf(await openStore(store.root, { access: 'read' }));
    expect(await reading.records.chosen(key)).toEqual({ kind: 'chosen', record: first });
  });
});

describe('claim', () => {
  it('gives the lease first, then the result', async () => {
    const store = await freshStore();
    const claim = valueOf(await store.claim(key));
    if (claim.kind !== 'lease') throw new Error(`expected the lease, got ${claim.kind}`);
    expect(store.leases.standing(claim.lease.key)).toMatchObject({
      epoch: claim.lease.epoch,
      runner: store.runner,
    });
    expect(valueOf(await store.claim(key)).kind).toBe('held');
    const record = valueOf(await store.records.publish(fileRecord(store, 'x')));
    claim.lease.release();
    expect(valueOf(await store.claim(key))).toEqual({ kind: 'hit', record });
  });
});

describe('runs', () => {
  const manifest = (run: string): Parameters<Store['runs']['write']>[0] => ({
    v: 1,
    run,
    pipeline: 'p',
    file: '/p.yaml',
    started: '2026-01-01T00:00:00.000Z',
    status: 'running',
    cells: { 'a/x=1': { key, record: sha256('r'), how: 'ran' } },
  });

  it('are read as they were written, newest first', async () => {
    const store = await freshStore();
    for (const run of ['20260101-1', '20260103-1', '20260102-1']) valueOf(store.runs.write(manifest(run)));
    expect(store.runs.read('20260102-1')).toEqual(manifest('20260102-1'));
    expect(store.runs.list()).toEqual(['20260103-1', '20260102-1', '20260101-1']);
    expect(store.runs.read('../../etc/passwd')).toBeUndefined();
  });
});

describe('attempts', () => {
  it('get a folder each, named by no id', async () => {
    const store = await freshStore();
    const id = cellId('front/method=../../x');
    const first = valueOf(store.attempts.create('r1', id));
    const second = valueOf(store.attempts.create('r1', id));
    expect(path.relative(store.root, first.folder)).toBe(
      path.join('attempts', 'r1', sha256(id).slice(0, 16), '1'),
    );
    expect(second.number).toBe(2);
    expect(second.nonce).not.toBe(first.nonce);
    expect(fs.readdirSync(first.folder).sort()).toEqual(['outputs']);
    for (const { job, nonce } of [first, second])
      valueOf(store.attempts.write(job, JSON.stringify({ attempt: nonce })));
    expect(store.attempts.list('r1', id)).toEqual([first, second]);
    valueOf(store.attempts.clean(first));
    expect(fs.readdirSync(first.folder).sort()).toEqual(['job.json']);
  });
});

describe('journal', () => {
  it('numbers its lines and goes on where it stopped', async () => {
    const store = await freshStore();
    for (const text of ['a', 'b', 'sum":"c']) {
      const journal = valueOf(store.journal('r1'));
      valueOf(journal.append({ type: 'note', text }));
      journal.close();
    }
    expect(valueOf(store.readJournal('r1'))).toEqual({
      events: [
        { seq: 1, type: 'note', text: 'a' },
        { seq: 2, type: 'note', text: 'b' },
        { seq: 3, type: 'note', text: 'sum":"c' },
      ].map((event) => expect.objectContaining(event) as unknown),
      torn: 0,
    });
  });

  it('cut at any byte, loses the torn line only and takes the next one', async () => {
    const store = await freshStore();
    const file = path.join(store.root, 'journal', 'r1.jsonl');
    const journal = valueOf(store.journal('r1'));
    for (const text of ['one', 'zwei: ü', 'three']) valueOf(journal.append({ text }));
    journal.close();
    const whole = fs.readFileSync(file);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([at]) => at + 1);
    for (let length = 0; length <= whole.length; length += 1) {
      fs.writeFileSync(file, whole.subarray(0, length));
      const kept = ends.filter((end) => end <= length).length;
      expect(valueOf(store.readJournal('r1')).events).toHaveLength(kept);
      const again = valueOf(store.journal('r1'));
      expect(valueOf(again.append({ text: 'next' }))).toBe(kept + 1);
      again.close();
      const content = valueOf(store.readJournal('r1'));
      expect(content.torn).toBe(0);
      expect(content.events.at(-1)).toMatchObject({ seq: kept + 1, text: 'next' });
    }
  });

  it('shows a line that was changed by hand as torn', async () => {
    const store = await freshStore();
    const file = path.join(store.root, 'journal', 'r1.jsonl');
    const journal = valueOf(store.journal('r1'));
    for (const text of ['one', 'two', 'three']) valueOf(journal.append({ text }));
    journal.close();
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('two', 'TWO'));
    const { events, torn } = valueOf(store.readJournal('r1'));
    expect(events.map(({ seq }) => seq)).toEqual([1, 3]);
    expect(torn).toBe(1);
  });
});
