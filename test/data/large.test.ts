/** Files that are larger than one text of Node may be: read in pieces, or refused with a remedy. Limits are lowered. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256, type Json } from '../../schemas/json.js';
import { readArrow } from '../../stages/data/arrow.js';
import { csvRecords } from '../../stages/data/csv.js';
import { openDataset, readRows, writeDataset } from '../../stages/data/dataset.js';
import { readJson } from '../../stages/data/json.js';
import { jsonLines } from '../../stages/data/jsonl.js';
import { unpacked } from '../../stages/data/pieces.js';
import { datasetRef, temporaryFolder } from './job.js';

const rows = Array.from({ length: 40 }, (_, i) => ({
  id: `${i}`,
  prompt: `Straße ${i} – 雪 ${'é'.repeat(i)}`,
}));
const text = rows.map((row) => canonicalJson(row as unknown as Json) + '\n').join('');
const bytes = Buffer.from(text);

/** As a disk may give it: in pieces that end anywhere. */
async function* inPieces(all: Uint8Array, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < all.length; at += size)
    yield await Promise.resolve(Buffer.from(all.subarray(at, at + size)));
}

async function all<T>(records: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const record of records) found.push(record);
  return found;
}

describe('a file beyond what one text may have', () => {
  it.each([1, 7, 100, 1 << 20])('is read as a dataset, in pieces of %i bytes', async (size) => {
    const longest = size < 1000 ? 500 : Infinity;
    expect(bytes.length).toBeGreaterThan(2000);
    const read = await readRows(inPieces(bytes, size), longest);
    expect(read).toEqual({ rows: { ok: true, value: rows }, digest: sha256(text) });
  });

  it('is written as a dataset with the bytes of one text', async () => {
    const many = Array.from({ length: 30 }, (_, i) => ({
      id: `${i}`,
      prompt: `${i} ${'ü'.repeat(100_000)}`,
    }));
    const folder = await temporaryFolder();
    const whole = many.map((row) => canonicalJson(row as unknown as Json) + '\n').join('');
    expect(await writeDataset(folder, { rows: many })).toMatchObject({ digest: sha256(whole), rows: 30 });
    expect((await readFile(join(folder, 'rows.jsonl'), 'utf8')) === whole).toBe(true);
    expect((await openDataset(datasetRef(folder))).rows).toEqual(many);
  });

  it.each([1, 7, 100])('is read as JSON Lines and as CSV, in pieces of %i bytes', async (size) => {
    const jsonl = await all(jsonLines(inPieces(bytes, size), 500));
    expect(jsonl.map((record) => record.ok && record.value)).toEqual(
      rows.map((value, i) => ({ at: i + 1, value })),
    );
    const csv = Buffer.from(
      '\ufeffid,prompt\n' + rows.map(({ id, prompt }) => `${id},"${prompt}\n"\n`).join(''),
    );
    const records = await all(csvRecords(inPieces(csv, size), { delimiter: ',', longest: 500 }));
    expect(records.map((record) => record.ok && record.value)).toEqual(
      rows.map(({ id, prompt }, i) => ({ at: 2 * i + 2, value: { id, prompt: `${prompt}\n` } })),
    );
  });

  it('is JSON Lines under the name .json, packed or not', async () => {
    const file = join(await temporaryFolder(), 'a.json.gz');
    await writeFile(file, gzipSync(bytes));
    const records = await all(readJson(unpacked(file, 'a.json.gz'), 'a.json.gz', 500));
    expect(records.map((record) => record.ok && record.value.value)).toEqual(rows);
    await writeFile(file, gzipSync(bytes).subarray(0, 50));
    await expect(all(unpacked(file, 'a.json.gz'))).rejects.toMatchObject({
      failure: {
        code: 'wrong-format',
        message: expect.stringContaining('a.json.gz: expected gzip') as string,
      },
    });
  });

  it('is refused with its size where the format has to be one text', async () => {
    const list = Buffer.from(`\n [${text.trim().split('\n').join(',')}]`);
    expect(await all(readJson(inPieces(list, 7), 'a.json', 1 << 20))).toHaveLength(rows.length);
    await expect(
      all(readJson(inPieces(Buffer.alloc(3 << 20, '[ '), 1000), 'a.json', 1 << 20)),
    ).rejects.toMatchObject({
      failure: {
        class: 'user',
        code: 'too-large',
        message:
          'a.json: expected a list in JSON of at most 1 MiB, found 3 MiB; write its objects as JSON Lines, which are ' +
          "read one by one: `jq -c '.[]'`",
      },
    });
    const file = join(await temporaryFolder(), 'a.arrow');
    await writeFile(file, Buffer.alloc(3 << 20));
    await expect(all(readArrow(file, 'a.arrow', 1 << 20))).rejects.toMatchObject({
      failure: {
        code: 'too-large',
        message: expect.stringContaining('found 3 MiB; save it in more files') as string,
      },
    });
  });

  it('is refused with its line where one record is', async () => {
    const long = Buffer.from(`{"id":"1"}\n{"id":"${'x'.repeat(600)}"}\n{"id":"3"}\n`);
    const records = await all(jsonLines(inPieces(long, 100), 500));
    expect(records.map((record) => record.ok || record.error.code)).toEqual([true, 'too-long', true]);
    const csv = Buffer.from(`id\n1\n${'x'.repeat(600)}\n3\n`);
    const csvRead = await all(csvRecords(inPieces(csv, 100), { delimiter: ',', longest: 500 }));
    expect(csvRead.at(-1)).toMatchObject({ ok: false, error: { at: 3, code: 'not-csv' } });
    const damaged = await readRows(inPieces(long, 1), 500);
    expect(damaged.rows).toMatchObject({ ok: false, error: { failure: { code: 'dataset-damaged' } } });
  });
});

describe('a line that is not UTF-8', () => {
  it.each([1, 5, 100])('is named, in pieces of %i bytes', async (size) => {
    const bad = Buffer.concat([Buffer.from('id,text\n1,é\n2,'), Buffer.from([0xc3]), Buffer.from('\n3,c\n')]);
    const records = await all(csvRecords(inPieces(bad, size), { delimiter: ',' }));
    expect(records.at(-1)).toMatchObject({ ok: false, error: { at: 3, code: 'not-utf8' } });
    const read = await readRows(inPieces(bad, size));
    expect(read.rows).toMatchObject({ ok: false });
  });
});
