/** How long a plan would take, with durations and machines that are made up. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forecast } from '../../runner/execute/forecast.js';
import { estimateSeconds, type Expected } from '../../runner/execute/estimates.js';
import type { Cell } from '../../runner/pipeline.js';
import type { Plan, PlannedCell } from '../../runner/plan/index.js';
import type { RunManifest, Store } from '../../runner/store/index.js';
import type { JsonObject } from '../../schemas/json.js';
import { cell, execute, from, kind, pipelineOf, planOf, registryOf } from '../plan/fixtures.js';
import { freshStore, valueOf } from '../store/fixtures.js';

const machine = (cpu: number) => ({ cpu, memory: 2 ** 30, gpus: [], tokens: {} });

/** A plan of cells that all run, but for those that are hits. */
function planned(cells: readonly Cell[], hits: readonly string[] = []): Plan {
  const code = { digest: '', listing: { modules: {}, packages: {} } };
  const items = cells.map((item): PlannedCell => {
    const status = hits.includes(item.id) ? 'hit' : 'run';
    const partial = { kind: '', version: 1, with: {}, inputs: {}, code: '', env: {}, outputs: {} };
    return { cell: item, status, partial, code, reason: { code: 'first', message: '', changes: [] } };
  });
  const counts = { hit: hits.length, run: cells.length - hits.length, depends: 0 };
  return {
    pipeline: pipelineOf(cells),
    cells: items,
    counts,
    resolve: () => Promise.reject(new Error('unused')),
  };
}

const diamond = [
  cell('top'),
  cell('left', { inputs: { a: from('top') } }),
  cell('right', { inputs: { a: from('top') } }),
  cell('end', { inputs: { a: from('left'), b: from('right') } }),
];
const seconds: Record<string, number> = { top: 1, left: 10, right: 4, end: 2 };
const estimate = ({ id }: Cell): number | undefined => seconds[id];

describe('forecast', () => {
  it('is the sum on one core, and the longest chain where there are cores enough', () => {
    expect(forecast(planned(diamond), estimate, machine(1))).toEqual({
      seconds: 17,
      path: 13,
      work: 17,
      unknown: 0,
    });
    expect(forecast(planned(diamond), estimate, machine(2))).toMatchObject({ seconds: 13, path: 13 });
  });

  it('counts only what is no hit', () => {
    const { work, seconds: wall } = forecast(planned(diamond, ['top', 'left']), estimate, machine(2));
    expect({ work, wall }).toEqual({ work: 6, wall: 6 });
  });

  it('starts long paths first, as the scheduler does', () => {
    const cells = [...['a', 'b', 'c'].map((id) => cell(id)), cell('long')];
    const of = ({ id }: Cell): number => (id === 'long' ? 3 : 1);
    expect(forecast(planned(cells), of, machine(2)).seconds).toBe(3);
  });

  it('gives a cell the cores that it asks for, at most the machine', () => {
    const wide = ['a', 'b'].map((id) => cell(id, { resources: { cpu: 2 } }));
    expect(forecast(planned(wide), () => 5, machine(2)).seconds).toBe(10);
    expect(forecast(planned(wide), () => 5, machine(4)).seconds).toBe(5);
    expect(forecast(planned(wide), () => 5, machine(1)).seconds).toBe(10);
  });

  it('says of how many cells nothing is known', () => {
    const known = ({ id }: Cell): number | undefined => (id === 'end' ? undefined : 1);
    expect(forecast(planned(diamond), known, machine(2))).toMatchObject({ unknown: 1, work: 3 });
    expect(forecast(planned([]), known, machine(2))).toEqual({ seconds: 0, path: 0, work: 0, unknown: 0 });
  });
});

describe('estimateSeconds', () => {
  const kinds = registryOf(
    kind('make', { pace: { proportional: ['steps', 'batch'], timeless: ['rate'] }, inert: ['log_every'] }),
    kind('gather'),
  );
  const make = (id: string, values: JsonObject, inputs: Cell['inputs'] = {}): Cell =>
    cell(id, { with: values, inputs });

  /** Of cells that would all run, by what runs of the store measured: each record says one second. */
  async function estimates(
    store: Store,
    cells: readonly Cell[],
    more: Parameters<typeof pipelineOf>[1] = {},
  ): Promise<readonly (Expected | undefined)[]> {
    const plan = await planOf(store, cells, { registry: kinds, pipeline: pipelineOf(cells, more) });
    const estimate = estimateSeconds(plan, store, kinds);
    return cells.map((one) => estimate(one));
  }

  async function ran(store: Store, run: string, ...cells: readonly Cell[]): Promise<void> {
    await execute(store, await planOf(store, cells, { registry: kinds }), run);
  }

  const exactly = (seconds: number): Expected => ({ seconds, least: seconds, most: seconds });

  it('is what was measured of the same work, whatever it is called and whatever takes no time', async () => {
    const store = await freshStore();
    await ran(store, 'r1', make('one/x=1', { steps: 5, width: 8, rate: 1, log_every: 1 }));
    const asked = [
      make('one/x=1', { steps: 5, width: 8, rate: 2, log_every: 7 }),
      make('other', { steps: 5, width: 8, rate: 3 }),
    ];
    expect(await estimates(store, asked)).toEqual([exactly(1), exactly(1)]);
    expect(await estimates(store, asked, { file: '/q/q.yaml' })).toEqual([exactly(1), exactly(1)]);
  });

  it('says nothing of a cell whose settings, or those of what it reads, make another pace', async () => {
    const store = await freshStore();
    const pair = (width: number, steps = 5, name = 'reader'): Cell[] => [
      make('model', { steps, width }),
      make(name, { steps: 1, width: 1 }, { a: from('model') }),
    ];
    await ran(store, 'r1', ...pair(8));
    expect(await estimates(store, pair(16))).toEqual([undefined, undefined]);
    expect(await estimates(store, [cell('one', { kind: 'gather' })])).toEqual([undefined]);
    // How long a model is trained makes those who read it no slower.
    const [model, reader] = await estimates(store, pair(8, 10));
    expect(model).toEqual({ seconds: 2, least: 1, most: 2, scaledBy: ['steps'] });
    expect(reader).toEqual(exactly(1));
  });

  it('gives both ends where another amount was measured, from the nearest one', async () => {
    const store = await freshStore();
    await ran(store, 'r1', make('a', { steps: 10, batch: 4 }), make('b', { steps: 100, batch: 4 }));
    const found = await estimates(store, [
      make('c', { steps: 20, batch: 2 }),
      make('d', { steps: 20, batch: 4 }),
      make('e', { steps: 50, batch: 4 }),
    ]);
    expect(found).toEqual([
      exactly(1),
      { seconds: 2, least: 1, most: 2, scaledBy: ['steps'] },
      { seconds: 0.5, least: 0.5, most: 1, scaledBy: ['steps'] },
    ]);
  });

  it('prefers the cell itself, then its stage, then the newest run', async () => {
    const store = await freshStore();
    await ran(store, 'r1', make('one/x=1', { x: 1 }), make('one/x=2', { x: 2 }));
    await slower(store, 'r1', 'one/x=1', 3);
    await ran(store, 'r2', make('two', { x: 1, rate: 2 }));
    await slower(store, 'r2', 'two', 9);
    const found = await estimates(store, [
      make('one/x=1', { x: 1, rate: 7 }),
      make('one/x=3', { x: 1, rate: 7 }),
      make('three', { x: 1, rate: 7 }),
    ]);
    expect(found).toEqual([exactly(3), exactly(3), exactly(9)]);
  });

  it('is told of a cell that hands on what it read, which by its content reads itself', async () => {
    const store = await freshStore();
    const copy = make('copy', { x: 1 }, { a: from('source') });
    const cells = [make('source', {}), copy];
    const plan = await planOf(store, cells, { registry: kinds });
    await execute(store, plan, 'r1', { compute: () => 'the same' });
    expect((await estimates(store, cells))[0]).toEqual(exactly(1));
  });

  it('takes no time of another machine: what was pulled was made by no run of the store', async () => {
    const store = await freshStore();
    await ran(store, 'r1', make('one', {}));
    const manifest = store.runs.read('r1');
    valueOf(store.runs.write({ ...manifest, run: 'r2' } as RunManifest));
    rmSync(join(store.root, 'runs/r1.json'));
    expect(await estimates(store, [make('one', {})])).toEqual([undefined]);
  });

  it('scales by the extent of a kind that says nothing else', async () => {
    const store = await freshStore();
    const walks = registryOf(kind('make', { extent: () => 'steps' }));
    await ran(store, 'r1', make('one', { steps: 100 }));
    const plan = await planOf(store, [make('one', { steps: 250 })], { registry: walks });
    const [walk] = plan.cells.map((one) => estimateSeconds(plan, store, walks)(one.cell));
    expect(walk).toEqual({ seconds: 2.5, least: 1, most: 2.5, scaledBy: ['steps'] });
  });
});

/** As if a cell had taken longer: its record is another one, which the manifest names. */
async function slower(store: Store, run: string, id: string, took: number): Promise<void> {
  const manifest = store.runs.read(run);
  const bound = manifest?.cells[id];
  const record = bound && store.records.read(bound.key, bound.record)?.record;
  if (!manifest || !bound || !record) throw new Error(`${run} has no ${id}`);
  valueOf(await store.records.publish({ ...record, seconds: took }));
  const other = store.records.all(bound.key).find((one) => one.record.seconds === took);
  const cells = { ...manifest.cells, [id]: { ...bound, record: other?.digest ?? '' } };
  valueOf(store.runs.write({ ...manifest, cells }));
}
