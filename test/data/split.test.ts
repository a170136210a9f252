import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divide } from '../../stages/data/divide.js';
import type { RowSettings } from '../../stages/data/options.js';
import type { Row } from '../../stages/data/types.js';
import declaration, { type DataJsonlWith } from '../../stages/kinds/data-jsonl.js';
import { run } from '../../stages/kinds/data-jsonl.run.js';
import { fileRef, rowDefaults, runKind, temporaryFolder, type Ran } from './job.js';

type Texts = Readonly<Record<string, string>>;

/** Runs data/jsonl on a file a name. */
async function runFiles(
  files: Readonly<Record<string, readonly Texts[]>>,
  settings: Partial<RowSettings>,
  outputs: readonly string[],
): Promise<Ran> {
  const folder = await temporaryFolder();
  const inputs: Record<string, ReturnType<typeof fileRef>> = {};
  for (const [name, rows] of Object.entries(files)) {
    const path = join(folder, name);
    await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'));
    inputs[name] = fileRef(path);
  }
  const values: DataJsonlWith = {
    ...{ ...rowDefaults, columns: { prompt: 'prompt' }, ...settings },
    files: { train: 'train.jsonl', test: 'test.jsonl' },
  };
  return runKind(run, { with: values, inputs, outputs });
}

const prompts = async (ran: Ran, split: string): Promise<string[]> =>
  (await ran.open(split)).rows.map(({ prompt }) => prompt);

const logs = (ran: Ran): string[] =>
  ran.events.flatMap((event) => (event.type === 'log' ? [event.text] : []));

const many: readonly Row[] = Array.from({ length: 4000 }, (_, i) => ({
  id: `row ${i}`,
  prompt: `prompt ${i}`,
}));
const shares = { validation: 0.1, test: 0.2, salt: '' };

describe('rows divided by a hash of the id', () => {
  it('fall to each split in its share: within four standard deviations of a binomial', () => {
    const { train, validation, test } = divide(many, shares, true);
    expect(train.length + validation.length + test.length).toBe(many.length);
    for (const [rows, share] of [
      [test, 0.2],
      [validation, 0.1],
    ] as const) {
      const deviation = Math.sqrt(many.length * share * (1 - share));
      expect(Math.abs(rows.length - many.length * share)).toBeLessThan(4 * deviation);
    }
  });

  it('stay where they are when others come, go or are reordered', () => {
    const whole = divide(many, shares, true);
    fc.assert(
      fc.property(fc.shuffledSubarray([...many], { minLength: 1, maxLength: 50 }), (some) => {
        const part = divide(some, shares, true);
        for (const split of ['train', 'validation', 'test'] as const)
          expect(whole[split]).toEqual(expect.arrayContaining([...part[split]]));
      }),
      { numRuns: 20 },
    );
  });

  it('a share that grows takes rows of the training split alone', () => {
    const [before, after] = [divide(many, shares, true), divide(many, { ...shares, test: 0.3 }, true)];
    expect(after.test).toEqual(expect.arrayContaining([...before.test]));
    expect(after.validation).toEqual(before.validation);
  });

  it('another salt draws another division', () => {
    expect(divide(many, { ...shares, salt: 'b' }, true).test).not.toEqual(divide(many, shares, true).test);
  });

  it('without ids never stand on both sides with one prompt', () => {
    const twice = [...many, ...many.map((row) => ({ ...row, id: `again ${row.id}` }))];
    const { train, test } = divide(twice, shares, false);
    const learnt = new Set(train.map(({ prompt }) => prompt));
    expect(test.filter(({ prompt }) => learnt.has(prompt))).toEqual([]);
    expect(test.length).toBeGreaterThan(0);
  });

  it('come from one file, in its order, and as many as are asked for', async () => {
    const rows = many.slice(0, 200).map(({ id, prompt }) => ({ id, prompt }));
    const ran = await runFiles(
      { rows },
      {
        columns: { prompt: 'prompt', id: 'id' },
        split: shares,
        documents: { train: 3, validation: 0, test: 0 },
      },
      ['train', 'validation', 'test'],
    );
    const expected = divide(many.slice(0, 200), shares, true);
    expect((await ran.open('train')).rows).toEqual(expected.train.slice(0, 3));
    expect((await ran.open('test')).rows).toEqual(expected.test);
    expect(logs(ran)[0]).toBe('200 rows');
  });

  it('are refused where a split comes out empty', async () => {
    await expect(runFiles({ rows: [{ prompt: 'only' }] }, {}, ['train', 'test'])).rejects.toMatchObject({
      failure: {
        code: 'empty-dataset',
        message: expect.stringContaining('of 1 rows came out empty') as string,
      },
    });
  });
});

describe('repeated rows', () => {
  const columns = { prompt: 'prompt', response: 'response' };
  const train = [
    { prompt: 'a', response: 'one' },
    { prompt: 'a', response: 'two' },
    { prompt: 'a', response: 'one' },
    { prompt: 'b', response: 'one' },
  ];

  it.each([
    ['keep', ['a', 'a', 'a', 'b'], 'train: 4 rows'],
    ['rows', ['a', 'a', 'b'], 'train: 3 rows, 1 rows left out as repeated'],
    ['prompts', ['a', 'b'], 'train: 2 rows, 2 rows left out as repeated'],
  ] as const)('with deduplicate: %s', async (deduplicate, expected, said) => {
    const ran = await runFiles({ train }, { columns, deduplicate }, ['train']);
    expect(await prompts(ran, 'train')).toEqual(expected);
    expect(logs(ran)).toEqual([said]);
  });
});

describe('training rows whose prompts are held out', () => {
  const files = {
    train: [{ prompt: 'a' }, { prompt: 'b' }, { prompt: 'c' }],
    validation: [{ prompt: 'b' }],
    test: [{ prompt: 'c' }, { prompt: 'd' }],
  };

  it('leave the training split, and are counted', async () => {
    const ran = await runFiles(files, { overlap: 'remove' }, ['train', 'validation', 'test']);
    expect(await prompts(ran, 'train')).toEqual(['a']);
    expect(await prompts(ran, 'test')).toEqual(['c', 'd']);
    expect(logs(ran)).toContain('train: 1 rows, 2 left out whose prompts are held out');
  });

  it('stay where only a warning is asked for', async () => {
    const ran = await runFiles(files, {}, ['train', 'validation', 'test']);
    expect(await prompts(ran, 'train')).toEqual(['a', 'b', 'c']);
    expect(logs(ran).filter((text) => text.includes('not held out'))).toHaveLength(2);
  });

  it('are refused where none would be left', async () => {
    const all = { train: [{ prompt: 'a' }], test: [{ prompt: 'a' }] };
    await expect(runFiles(all, { overlap: 'remove' }, ['train', 'test'])).rejects.toMatchObject({
      failure: { code: 'empty-dataset' },
    });
  });
});

it('texts shorter than the fewest words and marks are left out, and counted', async () => {
  const train = [{ prompt: 'one two' }, { prompt: 'one two three' }];
  const ran = await runFiles({ train }, { prompt: { words: 0, longer: 'error', fewest: 3 } }, ['train']);
  expect(await prompts(ran, 'train')).toEqual(['one two three']);
  expect(logs(ran)).toEqual(['train: 1 rows, 1 rows left out as too short']);
});

it('pairs of a chosen and a rejected response are kept, in the limits of a response', async () => {
  const train = [{ q: 'p', good: 'one two three', bad: 'four' }];
  const ran = await runFiles(
    { train },
    {
      columns: { prompt: 'q', chosen: 'good', rejected: 'bad' },
      response: { words: 2, longer: 'truncate', fewest: 0 },
    },
    ['train'],
  );
  const { rows, manifest } = await ran.open('train');
  expect(rows).toEqual([{ id: 'train-1', prompt: 'p', chosen: 'one two', rejected: 'four' }]);
  expect(manifest.columns).toEqual(['id', 'prompt', 'chosen', 'rejected']);
});

describe('settings that contradict each other', () => {
  const values = { ...rowDefaults, files: { train: 'train.jsonl', test: 'test.jsonl' } } as DataJsonlWith;
  const codes = (given: Partial<DataJsonlWith>, inputs: object): string[] =>
    (declaration.check?.({ ...values, ...given }, inputs as never) ?? []).map(({ code }) => code);

  it.each([
    ['a file to divide beside a split', {}, { rows: {}, train: {} }, ['data-inputs']],
    ['both named in a folder', { files: { rows: 'all.jsonl', test: 'b' } }, { folder: {} }, ['data-inputs']],
    ['half a pair', { columns: { prompt: 'p', chosen: 'c' } }, { train: {} }, ['half-pair']],
    [
      'shares of everything',
      { split: { validation: 0.5, test: 0.5, salt: '' } },
      { rows: {} },
      ['no-training-share'],
    ],
    ['nothing', {}, { rows: {} }, []],
  ])('%s', (_, given, inputs, expected) => {
    expect(codes(given, inputs)).toEqual(expected);
  });
});
