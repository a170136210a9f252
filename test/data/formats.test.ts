/** Each format gives the rows that are in the files; the binary ones were written by pyarrow and Hugging Face datasets. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { int64, list, tableFromArrays, tableToIPC } from '@uwdata/flechette';
import { describe, expect, it } from 'vitest';
import type { StageFailure } from '../../runner/contract.js';
import { readArrow } from '../../stages/data/arrow.js';
import { readCsv } from '../../stages/data/csv.js';
import { findSplits } from '../../stages/data/huggingface.js';
import { readParquet } from '../../stages/data/parquet.js';
import type { RecordProblem, TableRecord } from '../../stages/data/table.js';
import { run as runCsv } from '../../stages/kinds/data-csv.run.js';
import csv from '../../stages/kinds/data-csv.js';
import type { DataHuggingfaceWith } from '../../stages/kinds/data-huggingface.js';
import huggingface from '../../stages/kinds/data-huggingface.js';
import { run as runHuggingface } from '../../stages/kinds/data-huggingface.run.js';
import { run as runParquet } from '../../stages/kinds/data-parquet.run.js';
import { fileRef, folderRef, rowDefaults, runKind, temporaryFolder, type Ran } from './job.js';
import type { Result } from '../../schemas/result.js';

const fixtures = join(import.meta.dirname, 'fixtures');
const columns = { id: 'id', prompt: 'article.body', response: 'summaries' };

/** Row i of the fixtures, as fixtures/make.py writes it. */
const row = (i: number) => ({
  id: String(100 + i),
  prompt: `Body of item ${i}, with some words.`,
  response: `short ${i}`,
  references: [`short ${i}`, `shorter ${i}`],
});
const rowsTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => row(from + i));

async function all<T>(records: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const record of records) found.push(record);
  return found;
}

const failureOf = (ran: Promise<unknown>): Promise<StageFailure['failure']> =>
  ran.then(
    () => expect.unreachable('it should have been refused'),
    (error: unknown) => (error as StageFailure).failure,
  );

describe('data/csv', () => {
  const read = async (
    text: string | Uint8Array,
    delimiter = ',',
  ): Promise<Result<TableRecord, RecordProblem>[]> => {
    const file = join(await temporaryFolder(), 'f.csv');
    await writeFile(file, text);
    return all(readCsv(file, { delimiter }));
  };
  const values = (records: readonly Result<TableRecord, RecordProblem>[]) =>
    records.map((record) => (record.ok ? [record.value.at, record.value.value] : record.error));

  it('reads quotes, commas, empty lines and line breaks in fields, and where each record begins', async () => {
    const text = 'id,text\n1,"a, ""b"""\n\n2,"two\nlines"\r\n3,c\n';
    expect(values(await read(text))).toEqual([
      [2, { id: '1', text: 'a, "b"' }],
      [4, { id: '2', text: 'two\nlines' }],
      [6, { id: '3', text: 'c' }],
    ]);
  });

  it('counts lines as an editor does where fields hold breaks of two signs', async () => {
    const text = 'id,text\r\n1,"a\r\nb"\r\n2,c\r\n3,"d\r\n\r\n\r\ne"\r\n4,"f\rg"\r\n5,h\r\n6,i,j\r\n';
    const lines = (await read(text)).map((record) => (record.ok ? record.value.at : record.error.at));
    expect(lines).toEqual([2, 4, 5, 9, 11, 12]);
  });

  it('counts them so up to a broken record with others behind it', async () => {
    const records = await read('id,text\r\n1,"a\r\nb"\r\n2,x,y\r\n3,c\r\n4,d\r\n');
    expect(records.at(-1)).toMatchObject({ ok: false, error: { at: 4, code: 'not-csv' } });
  });

  it('reads other delimiters, and passes over a byte order mark', async () => {
    expect(values(await read('\ufeffid\ttext\n1\ta,b\n', '\t'))).toEqual([[2, { id: '1', text: 'a,b' }]]);
  });

  it.each([
    ['a field too many', 'a,b\n1,2\n1,2,3\n', 3, 'not-csv'],
    ['a quote that never ends', 'a,b\n1,"2\n', 2, 'not-csv'],
    ['a column twice', 'a,a\n1,2\n', 1, 'repeated-column'],
    ['bytes that are no UTF-8', Uint8Array.from([0x61, 0xff]), 1, 'not-utf8'],
  ])('refuses %s with its line', async (_, text, at, code) => {
    const records = await read(text);
    expect(records.at(-1)).toMatchObject({ ok: false, error: { at, code } });
  });

  it('makes datasets of files, and names file and line of what is no row', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'train.csv'), 'id,q,a\nx,One?,1\ny,,2\n');
    const given = {
      ...rowDefaults,
      ...{ files: { train: 'train.csv' }, delimiter: ',' },
      columns: { id: 'id', prompt: 'q', response: 'a' },
    };
    const job = { inputs: { folder: folderRef(folder, ['train.csv']) }, outputs: ['train'] };
    expect(await failureOf(runKind(runCsv, { with: given, ...job }))).toEqual({
      class: 'user',
      code: 'wrong-type',
      message: 'train.csv:3: expected a text in the column "q", found an empty text',
    });
    await writeFile(join(folder, 'train.csv'), 'id,q,a\nx,One?,1\n');
    const ran = await runKind(runCsv, { with: given, ...job });
    expect((await ran.open('train')).rows).toEqual([
      { id: 'x', prompt: 'One?', response: '1', references: ['1'] },
    ]);
  });

  it('a column that the header lacks is said once, of its line, with the nearest name', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'train.csv'), 'id,prompt,summary\nx,One?,1\ny,Two?,2\nz,Three?,3\n');
    const wrong = { prompt: 'promt', response: 'answer' };
    const given = { ...rowDefaults, files: { train: 'train.csv' }, columns: wrong, delimiter: ',' };
    const inputs = { folder: folderRef(folder, ['train.csv']) };
    expect(await failureOf(runKind(runCsv, { with: given, inputs, outputs: ['train'] }))).toEqual({
      class: 'user',
      code: 'missing-column',
      message:
        'train.csv:1: expected the column "promt" (`columns.prompt`), found id, prompt, summary; did you mean "prompt"?\n' +
        'train.csv:1: expected the column "answer" (`columns.response`), found id, prompt, summary',
    });
  });

  it('refuses delimiters that CSV uses otherwise', () => {
    const given = { ...rowDefaults, files: { train: 'a' }, delimiter: '"' };
    expect(csv.check?.(given, { train: {} })).toMatchObject([{ code: 'csv-delimiter' }]);
  });
});

describe('data/parquet', () => {
  const names = ['brotli', 'dictionary', 'gzip', 'lz4', 'none', 'snappy', 'zstd'];

  it('has a fixture of each compression', async () => {
    expect((await readdir(join(fixtures, 'parquet'))).sort()).toEqual(names.map((name) => `${name}.parquet`));
  });

  it.each(names)('reads nested columns of %s.parquet', async (name) => {
    const train = fileRef(join(fixtures, 'parquet', `${name}.parquet`));
    const values = { ...rowDefaults, files: {}, columns };
    const ran = await runKind(runParquet, { with: values, inputs: { train }, outputs: ['train'] });
    expect((await ran.open('train')).rows).toEqual(rowsTo(0, 7));
  });

  it('leads into lists of objects', async () => {
    const train = fileRef(join(fixtures, 'parquet', 'zstd.parquet'));
    const chat = { prompt: 'messages.0.content', response: 'messages.1.content' };
    const values = { ...rowDefaults, files: {}, columns: chat };
    const ran = await runKind(runParquet, { with: values, inputs: { train }, outputs: ['train'] });
    expect((await ran.open('train')).rows[6]).toMatchObject({ prompt: 'Question 6?', response: 'Answer 6.' });
  });

  it('names the row of what is none', async () => {
    const train = fileRef(join(fixtures, 'parquet', 'none.parquet'));
    const values = { ...rowDefaults, files: {}, columns: { prompt: 'score' } };
    const { message } = await failureOf(
      runKind(runParquet, { with: values, inputs: { train }, outputs: [] }),
    );
    expect(message).toMatch(/^train, row 1: expected a text in the column "score", found the number 0\n/);
    expect(message).toMatch(/\nand 2 more rows of train like these$/);
  });

  it('refuses a file that is none', async () => {
    const file = join(await temporaryFolder(), 'f.parquet');
    await writeFile(file, 'id,text\n1,a\n');
    expect(await failureOf(all(readParquet(file, 'f.parquet')))).toMatchObject({
      class: 'user',
      code: 'wrong-format',
      message: expect.stringMatching(/^f\.parquet: expected Parquet, found something else: /) as string,
    });
  });
});

describe('data/huggingface', () => {
  const files = async (folder: string): Promise<string[]> => {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    return found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  };

  async function runFolder(folder: string, values: Partial<DataHuggingfaceWith> = {}): Promise<Ran> {
    const settings = { ...rowDefaults, columns, splits: { train: 'train' }, ...values };
    const outputs = Object.keys(huggingface.outputs(settings, {}));
    const inputs = { folder: folderRef(folder, await files(folder)) };
    return runKind(runHuggingface, { with: settings, inputs, outputs });
  }

  async function folderOf(contents: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
    const folder = await temporaryFolder();
    for (const [name, content] of Object.entries(contents)) await writeFile(join(folder, name), content);
    return folder;
  }

  it('reads what DatasetDict.save_to_disk wrote, shards in order', async () => {
    const ran = await runFolder(join(fixtures, 'saved'), {
      splits: { train: 'train', test: 'validation' },
    });
    expect((await ran.open('train')).rows).toEqual(rowsTo(0, 5));
    expect((await ran.open('test')).rows).toEqual(rowsTo(5, 7));
  });

  it('reads what Dataset.save_to_disk wrote, and divides it', async () => {
    const values = { splits: { rows: 'train' }, split: { validation: 0, test: 0.5, salt: 'b' } };
    const ran = await runFolder(join(fixtures, 'single'), values);
    const parts = [...(await ran.open('train')).rows, ...(await ran.open('test')).rows];
    expect([...parts].sort((a, b) => Number(a.id) - Number(b.id))).toEqual(rowsTo(0, 7));
  });

  it('reads a repository by the configurations of its README, the default one first', async () => {
    const repository = join(fixtures, 'repository');
    const ran = await runFolder(repository, { splits: { train: 'train', test: 'test' } });
    expect((await ran.open('train')).rows).toEqual(rowsTo(0, 5));
    expect((await ran.open('test')).rows).toEqual(rowsTo(5, 7));
    const other = await runFolder(repository, { config: 'other' });
    expect((await other.open('train')).rows).toEqual(rowsTo(0, 3));
  });

  it('says which configurations and splits there are', async () => {
    const repository = join(fixtures, 'repository');
    expect((await failureOf(runFolder(repository, { config: 'none' }))).message).toBe(
      'expected one of the configurations plain, other, found "none"',
    );
    expect((await failureOf(runFolder(repository, { splits: { train: 'dev' } }))).message).toBe(
      'expected the split "dev", found train, test; name one of them under with.splits.train',
    );
  });

  it('finds splits by the names of files, of any format, gzipped too', async () => {
    const line = (i: number): string =>
      JSON.stringify({ id: i, article: { body: `b${i}` }, summaries: ['s'] });
    const folder = await folderOf({
      'train.jsonl.gz': gzipSync(`${line(1)}\n${line(2)}`),
      'my-dev.json': `[${line(3)}]`,
      'test_0.tsv': 'id\tarticle.body\tsummaries\n4\tb4\ts\n',
      'notes.txt': 'no data',
    });
    const ran = await runFolder(folder, {
      splits: { train: 'train', validation: 'validation', test: 'test' },
    });
    const ids = async (split: string) => (await ran.open(split)).rows.map(({ id }) => id);
    expect([await ids('train'), await ids('validation'), await ids('test')]).toEqual([
      ['1', '2'],
      ['3'],
      ['4'],
    ]);
  });

  it.each([
    {
      names: [
        ...['data/train_sft-00000-of-00001.jsonl', 'data/train_gen-00000-of-00001.jsonl'],
        ...['data/test_sft-00000-of-00001.jsonl', 'data/train-00000-of-00001-abc.jsonl', 'test.jsonl'],
      ],
      wanted: {
        train: ['data/train-00000-of-00001-abc.jsonl'],
        test_sft: ['data/test_sft-00000-of-00001.jsonl'],
        train_gen: ['data/train_gen-00000-of-00001.jsonl'],
        train_sft: ['data/train_sft-00000-of-00001.jsonl'],
      },
    },
    {
      names: ['test-prompts/train.jsonl', 'test-prompts/test.jsonl'],
      wanted: { test: ['test-prompts/test.jsonl', 'test-prompts/train.jsonl'] },
    },
    {
      names: ['data/train/a.csv', 'data/my-dev/x/b.csv', 'test.csv'],
      wanted: { train: ['data/train/a.csv'], validation: ['data/my-dev/x/b.csv'] },
    },
    {
      names: [
        ...['train.csv', 'my test.csv', 'dev_1.csv', 'Train.csv', 'pretrain.csv'],
        ...['__x__/train.csv', '.h/train.csv'],
      ],
      wanted: { train: ['train.csv'], validation: ['dev_1.csv'], test: ['my test.csv'] },
    },
    { names: ['Train.csv', 'Test.csv'], wanted: { train: ['Test.csv', 'Train.csv'] } },
    {
      names: ['testing.csv', 'train-test.csv', 'a.train.csv'],
      wanted: { train: ['a.train.csv', 'train-test.csv'], test: ['testing.csv', 'train-test.csv'] },
    },
  ])('finds the splits that the library finds: $names', async ({ names, wanted }) => {
    const found = await findSplits(folderRef('/nowhere', names), undefined);
    expect(Object.fromEntries(found)).toEqual(wanted);
  });

  it('finds the files of a configuration of which a folder alone is said, and never mixes two', async () => {
    const readme = 'configs:\n- config_name: en\n  data_dir: en\n- config_name: fr\n  data_dir: ./fr/\n';
    const folder = await folderOf({ 'README.md': `---\n${readme}---\n` });
    const names = ['README.md', 'en/train.csv', 'fr/train.csv', 'fr/data/test-00000-of-00001.csv'];
    const find = async (config: string | undefined) =>
      Object.fromEntries(await findSplits(folderRef(folder, names), config));
    expect(await find('en')).toEqual({ train: ['en/train.csv'] });
    expect(await find('fr')).toEqual({ test: ['fr/data/test-00000-of-00001.csv'] });
    expect((await failureOf(find(undefined))).message).toBe(
      'expected `config` to choose among en, fr; README.md makes none of them the default',
    );
  });

  it('reads whole numbers of Arrow beyond those that are exact, as text', async () => {
    const table = tableFromArrays(
      { id: [9007199254740993n, 7n], counts: [[9007199254740993n], [1n]] },
      { types: { id: int64(), counts: list(int64()) } },
    );
    const file = join(await temporaryFolder(), 'f.arrow');
    await writeFile(file, tableToIPC(table, {}) ?? []);
    const rows = (await all(readArrow(file, 'f.arrow'))).map((record) => record.ok && record.value.value);
    expect(rows).toEqual([
      { id: '9007199254740993', counts: ['9007199254740993'] },
      { id: 7, counts: [1] },
    ]);
  });

  it('names rows without an id through all shards', async () => {
    const line = (i: number): string => JSON.stringify({ prompt: `p${i}` });
    const folder = await folderOf({
      'train-0.jsonl': `${line(0)}\n${line(1)}\n`,
      'train-1.jsonl': `${line(2)}\n`,
    });
    const ran = await runFolder(folder, { columns: { prompt: 'prompt' } });
    expect((await ran.open('train')).rows.map(({ id }) => id)).toEqual(['train-1', 'train-2', 'train-3']);
  });

  it('refuses a folder without data, and one of which a part is missing', async () => {
    expect((await failureOf(runFolder(await folderOf({ 'notes.txt': 'a' })))).message).toMatch(
      /^expected \.parquet, .*; found notes\.txt$/,
    );
    const part = await folderOf({ 'dataset_dict.json': '{"splits": ["train"]}' });
    expect((await failureOf(runFolder(part))).message).toContain("the copy isn't whole");
  });
});
