import { inflateSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { CellId, Key } from '../../runner/pipeline.js';
import type { Store } from '../../runner/store/index.js';
import { Makers } from '../../runner/track/outbox/makers.js';
import { Picturing, type CellPicture, type RunPicture } from '../../runner/track/outbox/picture.js';
import {
  describeCell,
  describePoint,
  describeRun,
  drawnOf,
  isKnownVersion,
  statusOfCell,
  statusOfRun,
  tellCell,
  tellRun,
  traceOfJudgment,
  viewTags,
  type RunStory,
} from '../../runner/track/shape/index.js';
import { frontShown as shown } from './front-shown.js';
import { Colours, pointName, shortName } from '../../runner/track/shape/names.js';

const front = 'front/conditioning=full,method=clp,seed=1' as CellId;
const other = 'front/conditioning=logits,method=clp,seed=1' as CellId;
const cached = 'reference/seed=1' as CellId;

function pictured(end: object = { type: 'run-finished', status: 'done' }): RunPicture {
  const picturing = new Picturing('r1');
  const lines = [
    {
      ...{ type: 'run-started', pipeline: 'quick', file: '/x/quick.yaml', experiment: 'e', cells: 3 },
      params: { alpha: 0.05, anneal: { from: 0.3 } },
      source: { user: 'ada', commit: '0123456789abcdef', branch: 'main', dirty: true },
    },
    { type: 'cell-finished', cell: cached, status: 'hit', key: 'k0', record: 'd0', seconds: 7 },
    { type: 'cell-started', cell: front, key: 'k1', attempt: 1 },
    { type: 'cell-started', cell: other, key: 'k2', attempt: 1 },
    { type: 'cell-finished', cell: front, status: 'ran', key: 'k1', record: 'd1', seconds: 4 },
    {
      ...{ type: 'cell-finished', cell: other, status: 'failed', seconds: 1 },
      failure: { class: 'user', code: 'exit-code', message: 'it is wrong' },
    },
    { counts: { ran: 1, hit: 1, failed: 1, skipped: 0 }, seconds: 75, saved_seconds: 7, ...end },
  ];
  picturing.add(lines.map((line, n) => ({ ...line, time: 1000 + n, seq: n + 1 })));
  const { picture } = picturing;
  if (!picture) throw new Error('the run has not begun');
  return picture;
}

/** A run of so many fronts, each with a record of its own. */
function manyFronts(count: number): RunPicture {
  const ids = Array.from({ length: count }, (_, i) => `front/alpha=${i},seed=0` as CellId);
  const cells = new Map(ids.map((id, i) => [id, cellWith(id, `d${i}`, i)]));
  return { ...pictured(), cells, seq: count };
}
function cellWith(id: CellId, record: string, seq: number): CellPicture {
  const key = `k${seq}` as Key;
  return { id, key, tries: 1, end: { status: 'ran', record, key, time: 0, seq } };
}

const cellOf = (run: RunPicture, id: CellId) => {
  const cell = run.cells.get(id);
  if (!cell) throw new Error(`no cell ${id}`);
  return cell;
};

describe('names in a list that shows twenty characters', () => {
  it.each([
    ['front/conditioning=full,method=clp,seed=1', 'front full clp s1'],
    ['report', 'report'],
    ['reference/seed=12', 'reference s12'],
    ['front/method=rewarded-soup,seed=0', 'front rewarded-s… s0'],
  ])('%s is %s', (id, name) => expect(shortName(id)).toBe(name));

  it('keep the point and the seed', () => {
    expect(pointName(front, '.3/.7')).toBe('.3/.7 full clp s1');
    expect(pointName('front/method=rewarded-soup,seed=0', '.3/.7')).toHaveLength(20);
  });

  it('have one colour a series, whatever the seed', () => {
    const replicate = 'front/conditioning=full,method=clp,seed=0';
    const colours = new Colours([front, other, replicate]);
    expect(colours.of(replicate)).toBe(colours.of(front));
    expect(colours.of(other)).not.toBe(colours.of(front));
  });

  it('are coloured by one look at all cells, however many there are', () => {
    const run = manyFronts(500);
    const looked = vi.spyOn(run.cells as Map<CellId, CellPicture>, 'keys');
    const found = [...run.cells.values()].map((cell) => describeCell(run, cell, undefined));
    expect(new Set(found.map(({ tags }) => tags['mlflow.runColor'])).size).toBe(8);
    expect(looked).toHaveBeenCalledTimes(1);
  });
});

describe('who made what of a run', () => {
  it('is found by one look at all cells until the journal goes on, however often it is asked', () => {
    const run = manyFronts(500);
    const looked = vi.spyOn(run.cells as Map<CellId, CellPicture>, 'values');
    const read = vi.fn((_: string, digest: string) => ({
      record: { artifacts: [{ name: 'front', type: 'front', digest: `of ${digest}`, bytes: 1 }] },
    }));
    const makers = new Makers({ records: { read } } as unknown as Store);
    for (let i = 0; i < 500; i++) expect(makers.of(run, `of d${i}`)?.cell).toBe(`front/alpha=${i},seed=0`);
    expect(looked).toHaveBeenCalledTimes(1);
    expect(read).toHaveBeenCalledTimes(500);
    const id = 'front/alpha=500,seed=0' as CellId;
    (run.cells as Map<CellId, CellPicture>).set(id, cellWith(id, 'd500', 501));
    expect(makers.of({ ...run, seq: 501 }, 'of d500')?.cell).toBe(id);
    expect(looked).toHaveBeenCalledTimes(2);
  });
});

describe('a run, a cell and a point', () => {
  const run = pictured();

  it('carry the state of the project, the coordinates and the key', () => {
    expect(describeRun(run)).toMatchObject({
      name: 'quick',
      params: { alpha: '0.05', 'anneal.from': '0.3' },
      tags: {
        ...{ 'mlflow.user': 'ada', 'mlflow.source.git.commit': '0123456789abcdef', 'moft.git.dirty': 'true' },
        'moft.role': 'run',
      },
    });
    const { name, tags } = describeCell(run, cellOf(run, front), undefined);
    expect(name).toBe('front full clp s1');
    expect(tags).toMatchObject({
      ...{ 'moft.role': 'cell', 'moft.cell': front, 'moft.stage': 'front', 'moft.series': 'full clp' },
      ...{ 'moft.key': 'k1', 'moft.axis.seed': '1', 'moft.run': 'r1' },
    });
  });

  it('say weights and alpha as numbers', () => {
    const [point] = shown.points ?? [];
    expect(point && describePoint(run, cellOf(run, front), point)).toMatchObject({
      name: '0.3 full clp s1',
      params: { method: 'clp', conditioning: 'full', seed: '1', alpha: '0.05', 'w.nli': '0.3' },
      tags: { 'moft.role': 'point', 'moft.series': 'full clp' },
    });
  });

  it('never change a param that was said when the cell began', () => {
    const cell = cellOf(run, front);
    const story = { cell, samples: [], notes: [], last: new Map() };
    const told = tellCell(run, story, { ...shown, params: { ...shown.params, method: 'another' } });
    expect(told.params).toEqual({ alpha: '0.05', 'w.nli': '1' });
    expect(told.metrics).toEqual([{ key: 'front/span', value: 0.75, timestamp: 1004, step: 0 }]);
    expect(told.files).toEqual([
      { path: 'tables/front.json', text: '{"columns":["w.nli","nli"],"data":[[0.3,0.5]]}' },
    ]);
    expect(JSON.parse(told.tags['mlflow.loggedArtifacts'] ?? '')).toEqual([
      { path: 'tables/front.json', type: 'table' },
    ]);
  });
});

describe('the note on a run', () => {
  const story = (run: RunPicture): RunStory => ({
    rows: [
      { cell: cellOf(run, cached), server: 'earlier' },
      { cell: cellOf(run, front), server: 'mine' },
      { cell: cellOf(run, other) },
    ],
    shown: [shown],
    files: [{ path: 'report.html', from: '/cas/x' }],
    page: (id) => `#/e/${id}`,
    own: 'parent',
  });

  it('begins with the verdict, and tells what ran, what was cached and where all is', () => {
    const run = pictured();
    const told = tellRun(run, story(run));
    expect(told.tags['mlflow.note.content']).toBe(
      [
        '**clp is best**',
        'quick: done in 1 min 15 s: 1 ran, 1 cached, 1 failed, 7 s saved by the cache · commit `0123456789` with changes · `r1`',
        '[report.html](#/e/parent/artifacts/report.html)',
        '| method | regret |\n| --- | --- |\n| clp | 0.1 |',
        '| stage | ran | cached | not done | time |\n| --- | ---: | ---: | ---: | ---: |\n' +
          '| reference | 0 | 1 | 0 |  |\n| front | 1 | 0 | 1 | 4 s |',
        '| cell, and the run that made it | |\n| --- | --- |\n| [reference s1](#/e/earlier) | cached |\n' +
          '| [front full clp s1](#/e/mine) | ran |\n| front logits clp s1 | failed |',
      ].join('\n\n'),
    );
  });

  it('links a cached cell to the run that made it, and copies none of its figures', () => {
    const run = pictured();
    const { tags, metrics = [] } = tellRun(run, story(run));
    expect(tags['moft.cached/reference/seed=1']).toBe('earlier');
    expect(Object.keys(tags).filter((name) => name.startsWith('moft.cached/'))).toHaveLength(1);
    expect(metrics.map(({ key }) => key)).toContain('cells/cached');
    expect(metrics.every(({ step }) => step === 0)).toBe(true);
  });

  it('fits into a tag, whatever the number of cells', () => {
    const run = pictured();
    const many = { ...story(run), shown: [{ ...shown, story: 'x'.repeat(20_000) }] };
    expect(tellRun(run, many).tags['mlflow.note.content']?.length).toBeLessThanOrEqual(8_000);
  });

  it('knows how a run and its cells ended', () => {
    const run = pictured();
    expect([front, other].map((id) => statusOfCell(cellOf(run, id)))).toEqual(['FINISHED', 'FAILED']);
    const ends = ['done', 'failed', 'environment', 'interrupted'].map((status) =>
      statusOfRun(pictured({ type: 'run-finished', status })),
    );
    expect(ends).toEqual(['FINISHED', 'FAILED', 'FAILED', 'KILLED']);
    expect(statusOfRun(pictured({ type: 'run-note', text: 'the machine went away' }))).toBe('KILLED');
  });
});

describe('the views of an experiment', () => {
  interface State {
    readonly searchFilter: string;
    readonly groupBy: { readonly groupByKeys: readonly unknown[] };
    readonly compareRunCharts: readonly Readonly<Record<string, unknown>>[];
    readonly compareRunSections: readonly { readonly uuid: string }[];
  }
  const stateOf = (tag = '{}'): State => {
    const { state } = JSON.parse(tag) as { state: string };
    expect(state).toMatch(/^deflate;/);
    return JSON.parse(inflateSync(Buffer.from(state.slice(8), 'base64')).toString()) as State;
  };
  const tags = viewTags(drawnOf([shown]), 5);

  it('draw the front, parallel coordinates and the curves, grouped so that children show', () => {
    const state = stateOf(tags['mlflow.sharedViewState.moft']);
    expect(state.compareRunCharts.map(({ type }) => type)).toEqual(['SCATTER', 'PARALLEL', 'BAR', 'LINE']);
    expect(state.compareRunCharts[0]).toMatchObject({
      xaxis: { key: 'eval/rewards/nli/mean', type: 'METRIC' },
      yaxis: { key: 'eval/rewards/rouge/mean', type: 'METRIC' },
    });
    // alpha is the same at all points: no axis.
    expect(state.compareRunCharts[1]).toMatchObject({ selectedParams: ['w.nli'] });
    expect(state.groupBy.groupByKeys).toEqual([{ mode: 'tag', groupByData: 'moft.series' }]);
    const sections = new Set(state.compareRunSections.map(({ uuid }) => uuid));
    expect(state.compareRunCharts.every((chart) => sections.has(String(chart.metricSectionId)))).toBe(true);
  });

  it('show points alone, and cells alone', () => {
    expect(stateOf(tags['mlflow.sharedViewState.moft-front']).searchFilter).toContain("'point'");
    expect(stateOf(tags['mlflow.sharedViewState.moft-training']).searchFilter).toContain("'cell'");
  });

  it('are none where there is nothing to draw, and none for a server of another version', () => {
    expect(viewTags(drawnOf([{}]), 5)).toEqual({});
    expect(['3.17.2', '3.0.1', '2.22.0', '4.0.0'].map(isKnownVersion)).toEqual([true, true, false, false]);
  });
});

describe('a judgment', () => {
  const judgment = {
    ...{ judge: 'j', rubric: 'brief', prompt: 'p', responses: ['x', 'y'], time: 1_000, milliseconds: 250 },
    ...{ status: 'ok' as const, verdict: 'first' },
  };
  const place = { experiment: '1', run: 'r', clientKey: 'r1/judge/7' };

  it('is a trace with its verdict, the same whenever it is sent', () => {
    const { trace, assessment } = traceOfJudgment({ ...judgment, rationale: 'shorter' }, place);
    expect(trace).toMatchObject({ run: 'r', ok: true, start: 750, milliseconds: 250 });
    expect(assessment).toMatchObject({ trace: trace.id, name: 'brief', value: 'first', time: 1_000 });
    expect(traceOfJudgment(judgment, place).trace.id).toBe(trace.id);
    expect(traceOfJudgment(judgment, { ...place, clientKey: 'k' }).trace.id).not.toBe(trace.id);
  });

  it('that failed is a trace that failed, and no value', () => {
    const { trace, assessment } = traceOfJudgment({ ...judgment, status: 'refused' }, place);
    expect(trace.ok).toBe(false);
    expect(assessment).toMatchObject({ failure: { code: 'REFUSED' } });
    expect(assessment.value).toBeUndefined();
  });
});
