import { describe, expect, it } from 'vitest';
import declaration, { type DataNewsWith } from '../../stages/kinds/data-news.js';
import { run } from '../../stages/kinds/data-news.run.js';
import { worldOf } from '../../stages/data/world.js';
import type { Static } from 'typebox';
import { factsName, type NewsFacts } from '../../stages/worlds/news/facts.js';
import { runKind, type Ran } from './job.js';

type Values = Static<typeof DataNewsWith>;
const values: Values = { documents: 400, test: 60, validation: 40, dial: 'opposed', size: 'small', seed: 0 };
const outputs = ['train', 'validation', 'test'];
const draw = (changed: Partial<Values> = {}): Promise<Ran> =>
  runKind(run, { with: { ...values, ...changed }, outputs });

describe('data/news', () => {
  it('writes splits of the sizes asked for, none of whose facts are shared', async () => {
    const ran = await draw();
    const names = new Set<string>();
    for (const [split, rows] of [
      ['train', 400],
      ['validation', 40],
      ['test', 60],
    ] as const) {
      const dataset = await ran.open(split);
      expect(dataset.rows).toHaveLength(rows);
      for (const row of dataset.rows) names.add(factsName(row.facts as NewsFacts));
    }
    expect(names.size).toBe(500);
  });

  it('writes what its declaration says: columns, rewards, outputs', async () => {
    const declared = declaration.outputs(values, {});
    expect(Object.keys(declared)).toEqual(outputs);
    const { manifest } = await (await draw()).open('train');
    expect(manifest.columns).toEqual(declared.train?.traits?.columns);
    expect(manifest.rewards).toEqual(declared.train?.traits?.rewards);
  });

  it.each([
    ['aligned', 0.2],
    ['opposed', 0.75],
    [0.4, 0.4],
  ] as const)('records the dial %s as kappa %f', async (dial, kappa) => {
    const dataset = await (await draw({ dial, documents: 1 })).open('train');
    expect(dataset.manifest.world).toEqual({ name: 'news', parameters: { kappa, seed: 0, size: 'small' } });
  });

  it('writes the same bytes twice', async () => {
    const [a, b] = [await draw(), await draw()];
    for (const output of outputs)
      for (const file of ['manifest.json', 'rows.jsonl'])
        expect(await a.text(output, file)).toBe(await b.text(output, file));
  });

  it('leaves the test split as it is when more documents are asked for', async () => {
    const [a, b] = [await draw(), await draw({ documents: 500 })];
    expect(await a.text('test', 'rows.jsonl')).toBe(await b.text('test', 'rows.jsonl'));
  });

  it('refuses, before anything runs, more items than there are facts for', () => {
    expect(declaration.check?.({ ...values, documents: 6000 }, {})).toMatchObject([
      { code: 'news-too-many', path: ['documents'] },
    ]);
    expect(declaration.check?.({ ...values, documents: 6000, size: 'full' }, {})).toEqual([]);
  });

  it('opens as a world that lists its responses', async () => {
    const dataset = await (await draw()).open('test');
    const world = await worldOf(dataset);
    const [row] = dataset.rows;
    if (!world || !row) throw new Error('no world, or no row');
    const [first] = world.responses(row);
    expect(world.responses(row)).toHaveLength(126);
    expect(world.rewards.map((reward) => reward.score(row, first?.text ?? ''))).toEqual(
      ['nli', 'rouge', 'tldr'].map((name) => first?.rewards[name]),
    );
  });
});
