import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openDataset, writeDataset } from '../../stages/data/dataset.js';
import { datasetRef, temporaryFolder } from './job.js';

const text = fc.string({ unit: 'grapheme', minLength: 1 });
const rows = fc.array(
  fc.record({ id: text, prompt: text, response: text, references: fc.array(text, { minLength: 1 }) }),
  { maxLength: 8 },
);

describe('a dataset artifact', () => {
  it('gives back the rows that were written, whatever their text', async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (written) => {
        const folder = await temporaryFolder();
        await writeDataset(folder, { rows: written, rewards: ['nli'] });
        const opened = await openDataset(datasetRef(folder));
        expect(opened.rows).toEqual(written);
        expect(opened.manifest).toMatchObject({ rows: written.length, rewards: ['nli'] });
      }),
      { numRuns: 30 },
    );
  });

  it('has the same bytes in two folders, in whatever order the keys come', async () => {
    const [a, b] = [await temporaryFolder(), await temporaryFolder()];
    await writeDataset(a, { rows: [{ id: '1', prompt: 'p', response: 'r' }] });
    await writeDataset(b, { rows: [{ response: 'r', prompt: 'p', id: '1' }] });
    for (const file of ['manifest.json', 'rows.jsonl'])
      expect(await readFile(join(a, file), 'utf8')).toBe(await readFile(join(b, file), 'utf8'));
  });

  it('names only columns that every row has', async () => {
    const rows = [
      { id: '1', prompt: 'p', response: 'r' },
      { id: '2', prompt: 'p' },
    ];
    expect((await writeDataset(await temporaryFolder(), { rows })).columns).toEqual(['id', 'prompt']);
  });

  it('refuses rows that are not those of the manifest', async () => {
    const folder = await temporaryFolder();
    await writeDataset(folder, { rows: [{ id: '1', prompt: 'p' }] });
    await writeFile(join(folder, 'rows.jsonl'), '{"id":"2","prompt":"p"}\n');
    await expect(openDataset(datasetRef(folder))).rejects.toMatchObject({
      failure: { class: 'user', code: 'dataset-damaged' },
    });
  });

  it('refuses a folder whose manifest is something else', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'manifest.json'), '{"name":"a package"}');
    await expect(openDataset(datasetRef(folder))).rejects.toThrow('not the manifest of a dataset');
  });
});
