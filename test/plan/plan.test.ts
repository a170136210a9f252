import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openStore, type Store } from '../../runner/store/index.js';
import { explainCell, inOrder, planPipeline, type Plan } from '../../runner/plan/index.js';
import type { Cell } from '../../runner/pipeline.js';
import type { JsonObject } from '../../schemas/json.js';
import { blobFile, errorOf, freshStore, temporaryFolder, valueOf, writeFiles } from '../store/fixtures.js';
import {
  cell,
  codeOf,
  execute,
  from,
  gathered,
  pipelineOf,
  place,
  planOf,
  planned,
  registry,
  statuses,
} from './fixtures.js';

/** news -> reference -> expert(2) -> soup, and report, which reads news. */
function family(change: { steps?: number; seedAxis?: boolean } = {}): Cell[] {
  const seed = change.seedAxis ? ',seed=0' : '';
  const expert = (reward: string): Cell =>
    cell(`expert/reward=${reward}${seed}`, {
      kind: 'train',
      with: { reward },
      seed: 0,
      inputs: { reference: from('reference') },
    });
  return [
    cell('news', { with: { documents: 10 }, origins: { documents: place(3) } }),
    cell('reference', {
      kind: 'train',
      with: { steps: change.steps ?? 100, log_every: 1 },
      seed: 0,
      inputs: { data: from('news') },
      origins: { steps: place(7) },
    }),
    expert('nli'),
    expert('rouge'),
    cell(`soup${change.seedAxis ? '/seed=0' : ''}`, {
      kind: 'gather',
      inputs: {
        experts: gathered(
          [`expert/reward=nli${seed}`, { reward: 'nli' }],
          [`expert/reward=rouge${seed}`, { reward: 'rouge' }],
        ),
      },
    }),
    cell('report', { kind: 'gather', with: { title: 'x' }, inputs: { data: from('news') } }),
  ];
}

async function executed(): Promise<{ store: Store; plan: Plan }> {
  const store = await freshStore();
  await execute(store, await planOf(store, family()), 'r1');
  return { store, plan: await planOf(store, family()) };
}

describe('planPipeline', () => {
  it('runs everything in an empty store, and then nothing', async () => {
    const store = await freshStore();
    const first = await planOf(store, family());
    expect(first.counts).toEqual({ hit: 0, run: 6, depends: 0 });
    expect(first.cells.map(({ reason }) => reason.code)).toEqual(Array(6).fill('first'));
    expect(planned(first, 'news').key).toBeDefined();
    expect(planned(first, 'reference').key).toBeUndefined();
    expect(await execute(store, first, 'r1')).toHaveLength(6);
    const second = await planOf(store, family());
    expect(second.counts).toEqual({ hit: 6, run: 0, depends: 0 });
    expect(await execute(store, second, 'r2')).toEqual([]);
  });

  it('is the same for the same store, and open for reading writes nothing', async () => {
    const { store, plan } = await executed();
    const files = (): string[] => fs.readdirSync(store.root, { recursive: true, encoding: 'utf8' });
    const before = files();
    const reading = valueOf(await openStore(store.root, { access: 'read' }));
    const again = await planOf(reading, family());
    valueOf(await reading.close());
    expect(again.cells).toEqual(plan.cells);
    expect(files()).toEqual(before);
  });

  it('runs an edited cell, says where, and lets what is below depend on it', async () => {
    const { store } = await executed();
    const plan = await planOf(store, family({ steps: 200 }));
    expect(statuses(plan)).toEqual({
      news: 'hit',
      reference: 'run',
      'expert/reward=nli': 'depends',
      'expert/reward=rouge': 'depends',
      soup: 'depends',
      report: 'hit',
    });
    expect(planned(plan, 'reference').reason).toEqual({
      code: 'changed',
      message: 'steps 100 -> 200',
      changes: [{ what: 'with', name: 'steps', before: 100, after: 200, place: place(7) }],
    });
    expect(planned(plan, 'expert/reward=nli').reason.message).toBe('hit if reference is unchanged');
    expect(planned(plan, 'soup').reason.message).toBe(
      'hit if expert/reward=nli, expert/reward=rouge are unchanged',
    );
    expect(await execute(store, plan, 'r2')).toEqual([
      'reference',
      'expert/reward=nli',
      'expert/reward=rouge',
      'soup',
    ]);
    // Going back finds everything again.
    expect((await planOf(store, family())).counts.hit).toBe(6);
  });

  it('cuts off early: a parent that runs again and gives the same bytes leaves its children hits', async () => {
    const store = await freshStore();
    const deaf = (preimage: JsonObject): string =>
      preimage['kind'] === 'train' ? 'the same' : JSON.stringify(preimage);
    await execute(store, await planOf(store, family()), 'r1', { compute: deaf });
    const plan = await planOf(store, family({ steps: 200 }));
    expect(planned(plan, 'expert/reward=nli').status).toBe('depends');
    expect(await execute(store, plan, 'r2', { compute: deaf })).toEqual(['reference']);
  });

  it('runs a cell for sure where no content of its parents could make it a hit', async () => {
    const { store } = await executed();
    const cells = family({ steps: 200 }).map((item) =>
      item.id === 'expert/reward=nli' ? { ...item, with: { reward: 'tldr' } } : item,
    );
    const plan = await planOf(store, cells);
    expect(planned(plan, 'expert/reward=nli')).toMatchObject({ status: 'run', reason: { code: 'changed' } });
    expect(planned(plan, 'expert/reward=rouge').status).toBe('depends');
  });

  it('changes nothing for an inert value, for other resources, or for `seeds` on seed 0', async () => {
    const { store } = await executed();
    const inert = family().map((item) =>
      item.id === 'reference'
        ? { ...item, with: { ...item.with, log_every: 50 }, resources: { cpu: 2 }, timeout: 9 }
        : item,
    );
    expect((await planOf(store, inert)).counts.hit).toBe(6);
    expect((await planOf(store, family({ seedAxis: true }))).counts.hit).toBe(6);
  });

  it('runs a report again where a gathered coordinate was renamed, though no content changed', async () => {
    const { store } = await executed();
    const cells = family().map((item) =>
      item.id === 'soup'
        ? cell('soup', {
            kind: 'gather',
            inputs: {
              experts: gathered(
                ['expert/reward=nli', { reward: 'NLI' }],
                ['expert/reward=rouge', { reward: 'rouge' }],
              ),
            },
          })
        : item,
    );
    expect(statuses(await planOf(store, cells))).toMatchObject({ soup: 'run', 'expert/reward=nli': 'hit' });
  });

  it('names the modules of changed code', async () => {
    const { store } = await executed();
    const plan = await planOf(store, family(), { code: codeOf({ gather: 'edited' }) });
    expect(statuses(plan)).toMatchObject({ reference: 'hit', soup: 'run', report: 'run' });
    expect(planned(plan, 'soup').reason).toMatchObject({
      code: 'changed',
      message: 'its code changed: stages/kinds/gather.js',
      changes: [{ what: 'code', modules: ['stages/kinds/gather.js'], packages: [] }],
    });
  });

  it('reads what code was once for all cells of an edit, and tells two edits apart', async () => {
    const { store } = await executed();
    const read = vi.spyOn(store.cas, 'read');
    const edited = async (text: Record<string, string>) => {
      read.mockClear();
      const plan = await planOf(store, family(), { code: codeOf(text) });
      const named = plan.cells.flatMap(({ reason }) =>
        reason.changes.flatMap((change) => (change.what === 'code' ? [change] : [])),
      );
      const old = named.map(({ before }) => before);
      return { named, reads: read.mock.calls.filter(([digest]) => old.includes(digest)).length };
    };
    const first = await edited({ train: 'edited' });
    expect(first.named.length).toBeGreaterThan(1);
    expect(first.named.map(({ modules }) => modules)).toEqual(
      first.named.map(() => ['stages/kinds/train.js']),
    );
    expect(first.reads).toBe(1);
    // The same once more is known; another edit from the same code is another difference.
    const again = await edited({ train: 'edited' });
    expect(again).toEqual({ named: first.named, reads: 0 });
    const second = await edited({ train: 'edited anew', gather: 'edited' });
    expect(second.named.flatMap(({ modules }) => modules)).toContain('stages/kinds/gather.js');
    expect(second.named[0]).not.toEqual(first.named[0]);
  });

  it('states a lost artifact, and serves the cell no more', async () => {
    const { store, plan } = await executed();
    const artifact = planned(plan, 'reference').record?.record.artifacts[0];
    fs.rmSync(blobFile(store, artifact?.digest ?? ''));
    const again = await planOf(store, family());
    expect(planned(again, 'reference')).toMatchObject({
      status: 'run',
      reason: {
        code: 'incomplete',
        message: 'its result is damaged: the artifact out is missing or corrupt',
      },
    });
    // The content will be the same again, and the children are hits then.
    expect(await execute(store, again, 'r2')).toEqual(['reference']);
    expect((await planOf(store, family())).counts.hit).toBe(6);
  });

  it('says where nothing changed and the result is gone', async () => {
    const { store, plan } = await executed();
    fs.renameSync(
      path.join(store.root, 'records', planned(plan, 'report').key ?? '', 'chosen.1'),
      path.join(store.root, 'gone'),
    );
    expect(planned(await planOf(store, family()), 'report').reason).toMatchObject({
      code: 'evicted',
      message: 'nothing changed, but its result of run r1 is no longer in the store',
    });
  });

  it('marks hits from another numeric environment', async () => {
    const { store } = await executed();
    const plan = await planOf(store, family(), { environment: { backend: 'tensorflow', threads: 2 } });
    expect(plan.counts.hit).toBe(6);
    expect(planned(plan, 'news').foreign).toBe('computed elsewhere: backend "wasm", here "tensorflow"');
    expect(
      planned(await planOf(store, family(), { environment: { backend: 'wasm' } }), 'news').foreign,
    ).toBeUndefined();
    const other = await freshStore();
    const there = { backend: 'webgpu', device: 'one', node: 'v20.1.0' };
    await execute(other, await planOf(other, family()), 'r1', { environmentOf: () => there });
    const environment = { ...there, device: 'two', node: 'v20.9.0' };
    expect(planned(await planOf(other, family(), { environment }), 'news').foreign).toBe(
      'computed elsewhere: device "one", here "two"',
    );
  });

  it('warns of a cell that gathers results of different numeric environments', async () => {
    const store = await freshStore();
    const environmentOf = (id: string) => ({
      backend: id === 'expert/reward=rouge' ? 'webgpu' : 'wasm',
      host: id,
    });
    await execute(store, await planOf(store, family()), 'r1', { environmentOf });
    const { cells } = await planOf(store, family());
    expect(cells.flatMap(({ cell, mixed }) => (mixed === undefined ? [] : [[cell.id, mixed]]))).toEqual([
      [
        'soup',
        'it gathers results of different numeric environments: backend "wasm" (expert/reward=nli) and backend "webgpu" (expert/reward=rouge); `reproducible: strict` computes all in one',
      ],
    ]);
  });

  it('reads what is chosen once a key, whatever is pinned meanwhile', async () => {
    const store = await freshStore();
    const twins = [cell('a', { with: { n: 1 } }), cell('b', { with: { n: 1 } })];
    await execute(store, await planOf(store, twins), 'r1');
    const { record } = planned(await planOf(store, twins), 'a');
    if (!record) throw new Error('expected a hit');
    const chosen = vi.spyOn(store.records, 'chosen').mockImplementation(async (key) => {
      chosen.mockRestore();
      const first = await store.records.chosen(key);
      const put = valueOf(store.cas.putBytes('another result'));
      const artifacts = record.record.artifacts.map((artifact) => ({ ...artifact, ...put }));
      valueOf(await store.records.publish({ ...record.record, artifacts }));
      const alternate = store.records.all(key).find(({ digest }) => digest !== record.digest);
      if (alternate) valueOf(await store.records.pin(alternate));
      return first;
    });
    const plan = await planOf(store, twins);
    expect(plan.cells.map(({ record }) => record?.digest)).toEqual([record.digest, record.digest]);
    expect(planned(await planOf(store, twins), 'b').record?.digest).not.toBe(record.digest);
  });
});

describe('paths', () => {
  const reader = (file: string): Cell =>
    cell('read', { inputs: { data: { kind: 'path', type: 'directory', path: file, place: place(4) } } });

  it('enter by content, relative to the file', async () => {
    const store = await freshStore();
    const folder = writeFiles(temporaryFolder(), { 'data/a.jsonl': 'a', 'moved/a.jsonl': 'a' });
    const pipeline = (name: string) => ({
      pipeline: pipelineOf([reader(name)], { file: path.join(folder, 'p.yaml') }),
    });
    await execute(store, await planOf(store, [], pipeline('data')), 'r1');
    expect((await planOf(store, [], pipeline('data'))).counts.hit).toBe(1);
    expect((await planOf(store, [], pipeline('moved'))).counts.hit).toBe(1);
    writeFiles(folder, { 'data/a.jsonl': 'b' });
    const plan = await planOf(store, [], pipeline('data'));
    expect(planned(plan, 'read').reason.message).toBe('input data has new content');
    // The plan holds the bytes that it read: a later change is the next plan's.
    writeFiles(folder, { 'data/a.jsonl': 'c' });
    expect(valueOf(await plan.resolve(planned(plan, 'read').cell.id, new Map())).key).toBe(
      planned(plan, 'read').key,
    );
  });

  it('that are missing are told together, each where it is written', async () => {
    const store = await freshStore();
    const cells = ['nowhere', 'neither'].map((name) => ({ ...reader(name), id: cell(name).id }));
    const result = await planPipeline({
      pipeline: pipelineOf(cells),
      store,
      code: codeOf(),
      registry,
      env: {},
    });
    expect(errorOf(result)).toMatchObject({
      kind: 'file',
      diagnostics: [
        { code: 'missing-file', line: 4, message: 'there is no folder /p/nowhere' },
        { code: 'missing-file', line: 4, message: 'there is no folder /p/neither' },
      ],
    });
  });
});

describe('inOrder', () => {
  it('puts parents first and else keeps the order of the file', () => {
    const cells = family();
    expect(inOrder(pipelineOf([...cells].reverse())).map(({ id }) => id)).toEqual([
      'news',
      'report',
      'reference',
      'expert/reward=nli',
      'expert/reward=rouge',
      'soup',
    ]);
    expect(inOrder(pipelineOf(cells))).toEqual(cells);
  });
});

describe('explainCell', () => {
  it('follows a changed input to the cell where the change began', async () => {
    const { store } = await executed();
    const plan = await planOf(store, family({ steps: 200 }));
    const explanation = explainCell(plan, store, planned(plan, 'soup').cell.id);
    expect(explanation.against?.run).toBe('r1');
    expect(explanation.causes.map(({ cell: id, depth, status }) => [id, depth, status])).toEqual([
      ['soup', 0, 'depends'],
      ['expert/reward=nli', 1, 'depends'],
      ['expert/reward=rouge', 1, 'depends'],
      ['reference', 2, 'run'],
    ]);
    expect(explanation.causes.at(-1)?.reason.changes).toMatchObject([
      { what: 'with', name: 'steps', place: { line: 7 } },
    ]);
  });

  it('finds the cause also where it has been run in between', async () => {
    const { store } = await executed();
    const cells = family({ steps: 200 });
    // A run of the ancestors alone.
    await execute(store, await planOf(store, cells.slice(0, 4)), 'r2');
    const plan = await planOf(store, cells);
    expect(statuses(plan)).toMatchObject({ reference: 'hit', 'expert/reward=nli': 'hit', soup: 'run' });
    const explanation = explainCell(plan, store, planned(plan, 'soup').cell.id);
    expect(explanation.causes.map(({ cell: id, status }) => [id, status])).toEqual([
      ['soup', 'run'],
      ['expert/reward=nli', 'hit'],
      ['expert/reward=rouge', 'hit'],
      ['reference', 'hit'],
    ]);
    expect(explanation.causes.at(-1)?.reason.changes).toMatchObject([{ what: 'with', name: 'steps' }]);
  });
});
