/** How long a plan would take, with durations and machines that are made up. */
import { describe, expect, it } from 'vitest';
import { forecast } from '../../runner/execute/forecast.js';
import { estimateSeconds } from '../../runner/execute/estimates.js';
import type { Cell } from '../../runner/pipeline.js';
import type { Plan, PlannedCell } from '../../runner/plan/index.js';
import { cell, execute, from, kind, pipelineOf, planOf, registry, registryOf } from '../plan/fixtures.js';
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
  const cells = [cell('one/x=1'), cell('one/x=2'), cell('other', { kind: 'gather' })];

  it('is what the cell took, else the mean of its stage, else of its kind, else unknown', async () => {
    const store = await freshStore();
    await execute(
      store,
      await planOf(
        store,
        cells.slice(0, 2).map((item, i) => ({ ...item, with: { i } })),
      ),
      'r1',
    );
    // What each record says it took is one second; another run of the first cell took three.
    const plan = await planOf(store, [{ ...cell('one/x=1'), with: { i: 7 } }]);
    await execute(store, plan, 'r2');
    const manifest = store.runs.read('r2');
    const bound = manifest?.cells['one/x=1'];
    if (!manifest || !bound) throw new Error('r2 has no such cell');
    const slow = store.records.read(bound.key, bound.record)?.record;
    if (!slow) throw new Error('no record');
    // Published beside the chosen one, as a forced run would; the manifest names it.
    valueOf(await store.records.publish({ ...slow, seconds: 3 }));
    const other = store.records.all(bound.key).find(({ record }) => record.seconds === 3);
    const cellsOfRun = { 'one/x=1': { ...bound, record: other?.digest ?? '' } };
    valueOf(store.runs.write({ ...manifest, cells: cellsOfRun }));
    const measured = estimateSeconds(pipelineOf(cells), store, registry);
    expect(cells.map(measured)).toEqual([3, 1, undefined]);
    expect(measured(cell('one/x=3'))).toBe(2);
    expect(measured(cell('new'))).toBeCloseTo((3 + 1 + 1) / 3);
  });

  it('takes cells and stages from runs of the same file only', async () => {
    const store = await freshStore();
    await execute(store, await planOf(store, cells.slice(0, 1)), 'r1');
    const elsewhere = estimateSeconds(pipelineOf(cells, { file: '/q/q.yaml' }), store, registry);
    expect(elsewhere(cell('other', { kind: 'gather' }))).toBeUndefined();
    expect(elsewhere(cell('anything'))).toBe(1);
  });

  it('scales by the extent that a kind declares, and says so', async () => {
    const store = await freshStore();
    const far = (id: string, steps: number) => cell(id, { with: { steps } });
    await execute(store, await planOf(store, [far('one/x=1', 100), far('one/x=2', 300)]), 'r1');
    const kinds = registryOf(kind('make', { extent: () => 'steps' }));
    const estimate = estimateSeconds(pipelineOf([]), store, kinds);
    const told = (id: string, steps: number) => {
      const asked = far(id, steps);
      return [estimate(asked), estimate.scaledBy?.(asked)];
    };
    // Each record says one second.
    expect(told('one/x=1', 100)).toEqual([1, undefined]);
    expect(told('one/x=1', 250)).toEqual([2.5, 'steps']);
    expect(told('one/x=3', 400)).toEqual([2, 'steps']);
    const without = estimateSeconds(pipelineOf([]), store, registry);
    expect([without(far('one/x=1', 250)), without.scaledBy?.(far('one/x=1', 250))]).toEqual([1, undefined]);
  });
});
