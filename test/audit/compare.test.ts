import { writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareResults, type Comparison } from '../../runner/audit/compare.js';
import { differingFields } from '../../runner/audit/fields.js';
import type { Tolerance } from '../../runner/contract.js';
import { freshStore, recordOf, temporaryFolder, valueOf, writeFiles } from '../store/fixtures.js';

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('the fields that differ', () => {
  it('of JSON are named by their path', () => {
    const before = json({ a: [1, { b: 'x' }], gone: true, same: null });
    const after = json({ a: [1.5, { b: 'y' }], same: null, fresh: 0 });
    expect(differingFields('x.json', before, after)).toEqual([
      { field: 'a[0]', before: 1, after: 1.5 },
      { field: 'a[1].b', before: 'x', after: 'y' },
      { field: 'gone', before: true, after: undefined },
      { field: 'fresh', before: undefined, after: 0 },
    ]);
  });

  it('of JSONL are named by their line, and another number of lines is one', () => {
    expect(
      differingFields('x.jsonl', Buffer.from('{"n":1}\n{"n":2}\n'), Buffer.from('{"n":1}\n{"n":3}\n')),
    ).toEqual([{ field: 'line 2.n', before: 2, after: 3 }]);
    expect(differingFields('x.jsonl', Buffer.from('1\n2\n'), Buffer.from('1\n'))).toEqual([
      { field: 'lines', before: 2, after: '1 lines' },
    ]);
  });

  it('of other formats and of torn files are not known', () => {
    expect(differingFields('x.html', json(1), json(2))).toBeUndefined();
    expect(differingFields('x.json', json(1), Buffer.from('{'))).toBeUndefined();
    expect(differingFields('x.safetensors', Buffer.alloc(3), Buffer.alloc(4))).toBeUndefined();
  });
});

describe('two results', () => {
  async function compare(
    before: Record<string, string>,
    after: Record<string, string>,
    tolerance?: Tolerance,
  ): Promise<Comparison> {
    const store = await freshStore();
    const record = async (files: Record<string, string>) =>
      recordOf({ cell: 1 }, [
        {
          name: 'out',
          type: 'directory',
          put: valueOf(await store.cas.putTree(writeFiles(temporaryFolder(), files))),
        },
      ]);
    return valueOf(
      compareResults(store.cas, { before: await record(before), after: await record(after) }, tolerance),
    );
  }

  it('are within tolerance where only numbers differ, each by no more than its part and the absolute one', async () => {
    const tolerance = { absolute: 0.1, relative: 0.01 };
    const within = await compare({ 'a.json': '[0,100]' }, { 'a.json': '[0.1,101.1]' }, tolerance);
    expect(within).toMatchObject({
      verdict: 'within',
      largest: { file: 'out/a.json', field: '[1]' },
      differences: [],
    });
    expect(await compare({ 'a.json': '[0,100]' }, { 'a.json': '[0.12,100]' }, tolerance)).toMatchObject({
      verdict: 'different',
      differences: [{ file: 'out/a.json', field: '[0]', before: '0', after: '0.12' }],
    });
    const text = await compare({ 'a.json': '["x",1]' }, { 'a.json': '["y",1]' }, tolerance);
    expect(text).toMatchObject({ verdict: 'different', differences: [{ field: '[0]' }] });
  });

  it('differ in any byte where nothing is tolerated', async () => {
    expect((await compare({ 'a.json': '0' }, { 'a.json': '-0' })).verdict).toBe('different');
    expect((await compare({ 'a.json': '1' }, { 'a.json': ' 1' })).verdict).toBe('different');
    expect((await compare({ 'a.json': '1' }, { 'a.json': '1' })).verdict).toBe('same');
  });

  it('differ in files that one of them lacks, and in empty folders', async () => {
    const files = await compare({ a: 'x', b: 'y' }, { a: 'x', c: 'z' }, { absolute: 1, relative: 1 });
    expect(files.differences.map(({ file, after }) => [file, after.slice(0, 6)])).toEqual([
      ['out/b', 'no fil'],
      ['out/c', 'sha256'],
    ]);
    expect(await compare({ a: 'x', 'empty/': '' }, { a: 'x' })).toMatchObject({
      verdict: 'different',
      differences: [{ file: 'out/' }],
    });
  });

  it('with a number against none are as far apart as can be', async () => {
    const store = await freshStore();
    const header = JSON.stringify({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } });
    const tensor = (values: readonly number[]) => {
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(BigInt(header.length));
      const folder = join(temporaryFolder(), 'model');
      mkdirSync(folder);
      writeFileSync(
        join(folder, 'w.safetensors'),
        Buffer.concat([head, Buffer.from(header), Buffer.from(Float32Array.from(values).buffer)]),
      );
      return folder;
    };
    const record = async (values: readonly number[]) =>
      recordOf({ cell: 1 }, [
        { name: 'm', type: 'directory', put: valueOf(await store.cas.putTree(tensor(values))) },
      ]);
    const found = compareResults(
      store.cas,
      { before: await record([1, 2]), after: await record([1.5, NaN]) },
      { absolute: 10, relative: 10 },
    );
    expect(valueOf(found)).toMatchObject({
      verdict: 'different',
      largest: { field: 'w[1]', distance: Infinity },
    });
  });
});
