/** What the doctor finds, and what it only notes. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { blobFile, freshStore, valueOf, writeFiles } from './fixtures.js';
import { nameRun, publish } from './upkeep-fixtures.js';

describe('the doctor', () => {
  it('finds nothing in a whole store', async () => {
    const store = await freshStore();
    await publish(store, 'well');
    const health = valueOf(await (await store.upkeep()).examine());
    expect(health).toEqual({ blobs: { count: 1, bytes: 4 }, records: 1, runs: 0, ailments: [] });
  });

  it('finds each ailment, and takes corrupt blobs out of the way', async () => {
    const store = await freshStore();
    const flipped = await publish(store, 'flipped');
    const lost = await publish(store, 'lost');
    const torn = await publish(store, 'torn');
    const corrupt = blobFile(store, flipped.record.artifacts[0]?.digest ?? '');
    fs.chmodSync(corrupt, 0o644);
    fs.writeFileSync(corrupt, 'flopped');
    fs.rmSync(blobFile(store, lost.record.artifacts[0]?.digest ?? ''));
    const tornFile = path.join(store.root, 'records', torn.key, `${torn.digest}.json`);
    fs.truncateSync(tornFile, 10);
    writeFiles(store.root, { 'cas/00/notes.txt': 'mine', 'runs/r9.json': '{', 'journal/r9.jsonl': '{"se' });
    nameRun(store, lost, 'running', 'no-such-runner');
    const { ailments } = valueOf(await (await store.upkeep()).examine());
    expect(ailments.map(({ code, keys }) => [code, keys])).toEqual([
      ['corrupt-blob', [flipped.key]],
      ['lost-blob', [lost.key]],
      ['unreadable-record', [torn.key]],
      ['strange-file', undefined],
      ['unreadable-run', undefined],
      ['abandoned-run', undefined],
      ['torn-journal', undefined],
    ]);
    expect(fs.existsSync(corrupt)).toBe(false);
    expect(await store.records.chosen(flipped.key)).toMatchObject({ kind: 'incomplete' });
  });

  it('says of a killed run that it can be gone on with only until that was done', async () => {
    const store = await freshStore();
    const record = await publish(store, 'kept');
    nameRun(store, record, 'running', 'no-such-runner', { run: 'r1' });
    nameRun(store, record, 'done', 'no-such-runner', { run: 'r2', part: 'audit' });
    const found = async (): Promise<unknown> => valueOf(await (await store.upkeep()).examine()).ailments;
    expect(await found()).toMatchObject([
      { code: 'abandoned-run', message: 'run r1 was killed', harmless: true },
    ]);
    nameRun(store, record, 'done', 'no-such-runner', { run: 'r3' });
    expect(await found()).toEqual([]);
    nameRun(store, record, 'running', 'no-such-runner', { run: 'r4' });
    expect(await found()).toMatchObject([{ message: 'run r4 was killed' }]);
  });
});
