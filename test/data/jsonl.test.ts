import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StageFailure } from '../../runner/contract.js';
import { splitsOf } from '../../stages/data/options.js';
import declaration, { type DataJsonlWith } from '../../stages/kinds/data-jsonl.js';
import { run } from '../../stages/kinds/data-jsonl.run.js';
import { fileRef, folderRef, rowDefaults, runKind, temporaryFolder, type Ran } from './job.js';

const defaults: DataJsonlWith = {
  ...rowDefaults,
  files: { train: 'train.jsonl', test: 'test.jsonl' },
  columns: { prompt: 'document', response: 'summaries', id: 'id' },
};

const line = (id: string, document = `Text of ${id}.`, summaries: unknown = ['short', 'shorter']): string =>
  JSON.stringify({ id, document, summaries });

async function folderOf(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folderRef(folder, Object.keys(files));
}

async function runFolder(
  files: Readonly<Record<string, string | Uint8Array>>,
  values: Partial<DataJsonlWith> = {},
): Promise<Ran> {
  const settings = { ...defaults, ...values };
  const inputs = { folder: await folderOf(files) };
  return runKind(run, { with: settings, inputs, outputs: splitsOf(settings, (name) => name === 'folder') });
}

/** The failure of reading a training file with this text. */
async function failure(
  train: string | Uint8Array,
  values: Partial<DataJsonlWith> = {},
): Promise<StageFailure['failure']> {
  const ran = runFolder({ 'train.jsonl': train }, { files: { train: 'train.jsonl' }, ...values });
  return ran.then(
    () => expect.unreachable('the file should have been refused'),
    (error: unknown) => (error as StageFailure).failure,
  );
}

describe('data/jsonl', () => {
  it('reads the splits of a folder, the first reference being the response', async () => {
    const ran = await runFolder({
      'train.jsonl': `${line('a')}\n\n${line('b')}\n`,
      'test.jsonl': line('c'),
    });
    expect((await ran.open('train')).rows).toEqual([
      { id: 'a', prompt: 'Text of a.', response: 'short', references: ['short', 'shorter'] },
      { id: 'b', prompt: 'Text of b.', response: 'short', references: ['short', 'shorter'] },
    ]);
    expect((await ran.open('test')).rows).toHaveLength(1);
  });

  it('reads files given one by one, with dotted columns and ids of its own', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'anything');
    await writeFile(path, JSON.stringify({ article: { body: 'A Body' }, 'a.b': 'An Answer' }));
    const values = { ...defaults, columns: { prompt: 'article.body', response: 'a.b' } };
    const ran = await runKind(run, { with: values, inputs: { train: fileRef(path) }, outputs: ['train'] });
    expect((await ran.open('train')).rows).toEqual([
      { id: 'train-1', prompt: 'A Body', response: 'An Answer', references: ['An Answer'] },
    ]);
  });

  it('reads prompts without responses where no response column is named', async () => {
    const ran = await runFolder(
      { 'test.jsonl': line('a') },
      { files: { test: 'test.jsonl' }, columns: { prompt: 'document' } },
    );
    expect((await ran.open('test')).manifest.columns).toEqual(['id', 'prompt']);
  });

  it('takes no more rows than told', async () => {
    const train = Array.from({ length: 5 }, (_, i) => line(`${i}`)).join('\n');
    const ran = await runFolder(
      { 'train.jsonl': train },
      { files: { train: 'train.jsonl' }, documents: { train: 3, validation: 0, test: 0 } },
    );
    expect((await ran.open('train')).rows.map((row) => row.id)).toEqual(['0', '1', '2']);
  });

  it('writes the same bytes from two folders', async () => {
    const files = { 'train.jsonl': line('a'), 'test.jsonl': line('b') };
    const [one, two] = [await runFolder(files), await runFolder(files)];
    for (const file of ['manifest.json', 'rows.jsonl'])
      expect(await one.text('train', file)).toBe(await two.text('train', file));
  });

  it('warns of prompts that are in train and in test', async () => {
    const ran = await runFolder({ 'train.jsonl': line('a', 'same'), 'test.jsonl': line('b', 'same') });
    expect(ran.events).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        text: expect.stringContaining('1 prompts of test') as string,
      }),
    );
  });
});

describe('a document longer than the limit', () => {
  const train = `${line('long', 'one two, three four.')}\n${line('fits', 'one two.')}`;
  const limit = (longer: 'error' | 'truncate' | 'drop'): Partial<DataJsonlWith> => ({
    files: { train: 'train.jsonl' },
    prompt: { words: 4, longer, fewest: 0 },
  });

  it('is an error unless told otherwise', async () => {
    expect(await failure(train, limit('error'))).toMatchObject({
      class: 'user',
      code: 'too-long',
      message: expect.stringMatching(
        /^train\.jsonl:1: expected a prompt of at most 4 words and marks, found 6;/,
      ) as string,
    });
  });

  it('is cut after its last allowed word, and the count is said', async () => {
    const ran = await runFolder({ 'train.jsonl': train }, limit('truncate'));
    expect((await ran.open('train')).rows.map((row) => row.prompt)).toEqual(['one two, three', 'one two.']);
    expect(ran.events).toContainEqual({
      type: 'log',
      level: 'warning',
      text: 'train: 2 rows, 1 prompts cut to 4 words and marks',
    });
  });

  it('is left out, and the count is said', async () => {
    const ran = await runFolder({ 'train.jsonl': train }, limit('drop'));
    expect((await ran.open('train')).rows.map((row) => row.id)).toEqual(['fits']);
    expect(ran.events).toContainEqual(
      expect.objectContaining({ text: 'train: 1 rows, 1 rows left out as too long' }),
    );
  });

  it('leaves an error where nothing is left', async () => {
    expect(await failure(line('a', 'one two three four five'), limit('drop'))).toMatchObject({
      code: 'empty-dataset',
      message: expect.stringContaining('all 1 rows are outside the limits') as string,
    });
  });

  it('cuts the response but keeps its references whole', async () => {
    const ran = await runFolder(
      { 'train.jsonl': line('a', 'text', ['one two three']) },
      { files: { train: 'train.jsonl' }, response: { words: 2, longer: 'truncate', fewest: 0 } },
    );
    const [row] = (await ran.open('train')).rows;
    expect(row).toMatchObject({ response: 'one two', references: ['one two three'] });
  });
});

describe('bad input', () => {
  it.each([
    [
      'a line that is not JSON',
      `${line('a')}\nnot json\n`,
      'not-json',
      'train.jsonl:2: expected a JSON object, found "not json"',
    ],
    ['a line that is a list', '[1]', 'not-object', 'train.jsonl:1: expected a JSON object, found a list'],
    [
      'a missing column',
      '{"id":"a","text":"t"}',
      'missing-column',
      'train.jsonl:1: expected a text in the column "document", found no such column; there are id, text',
    ],
    [
      'a number where a text is taken',
      '{"id":"a","document":7}',
      'wrong-type',
      'train.jsonl:1: expected a text in the column "document", found the number 7',
    ],
    [
      'an empty list of references',
      line('a', 'text', []),
      'wrong-type',
      'train.jsonl:1: expected a text or a list of texts in the column "summaries", found an empty list',
    ],
    [
      'a reference that is no text',
      line('a', 'text', ['fine', null]),
      'wrong-type',
      'train.jsonl:1: expected a text or a list of texts in the column "summaries", found a list whose item 2 is null',
    ],
    [
      'an empty document',
      line('a', ' '),
      'wrong-type',
      'train.jsonl:1: expected a text in the column "document", found the text " "',
    ],
    [
      'an id used twice',
      `${line('a')}\n${line('a')}`,
      'repeated-id',
      'train.jsonl:2: expected an id of its own, found "a", which train.jsonl:1 has too',
    ],
    [
      'a number as id whose last digits JSON loses',
      '{"id":9007199254740993,"document":"a"}',
      'large-id',
      'train.jsonl:1: expected a whole number of at most 9007199254740991 or a text in the column "id", found a larger number, whose last digits are lost; write it as text',
    ],
    [
      'an empty file',
      '',
      'empty-dataset',
      'train.jsonl: expected at least one row, found none: there is no row in it',
    ],
  ])('%s', async (_name, text, code, message) => {
    expect(await failure(text)).toEqual({ class: 'user', code, message });
  });

  it('bytes that are no UTF-8', async () => {
    expect(await failure(Uint8Array.from([0x7b, 0xff, 0x7d]))).toMatchObject({ code: 'not-utf8' });
  });

  it('many lines with the same mistake: it is said once, and how many have it', async () => {
    const { message } = await failure(Array.from({ length: 9 }, () => '{"id":"a","documnt":"t"}').join('\n'));
    expect(message).toBe(
      'train.jsonl:1: expected a text in the column "document", found no such column; there are id, documnt; ' +
        'did you mean "document"? (and 8 more lines of train.jsonl like this)'.replace('document', 'documnt'),
    );
  });

  it('many bad lines: the first five, and how many more', async () => {
    const { message } = await failure(Array.from({ length: 9 }, (_, i) => `x${i}`).join('\n'));
    expect(message.split('\n')).toHaveLength(6);
    expect(message).toMatch(/train\.jsonl:5: .*\nand 4 more lines of train\.jsonl like these$/);
  });

  it('a file that the folder has not', async () => {
    await expect(runFolder({ 'dev.jsonl': line('a') })).rejects.toMatchObject({
      failure: {
        class: 'user',
        code: 'missing-file',
        message:
          'expected the file "train.jsonl" of the split train in the folder, found dev.jsonl; name it under with.files.train',
      },
    });
  });
});

describe('the declaration', () => {
  const names = (inputs: object) => Object.keys(declaration.outputs(defaults, inputs as never));

  it('has an output for each split that will be made', () => {
    expect(names({ folder: {} })).toEqual(['train', 'test']);
    expect(names({ train: {}, validation: {} })).toEqual(['train', 'validation']);
  });

  it('says so where neither folder nor file is given, or both', () => {
    expect(declaration.check?.(defaults, {})).toHaveLength(1);
    expect(declaration.check?.(defaults, { folder: {}, train: {} })).toMatchObject([{ path: ['train'] }]);
    expect(declaration.check?.(defaults, { folder: {} })).toEqual([]);
  });
});
