import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { advance, initialProgress, screen, stageLine, type Progress } from '../../cli/progress/state.js';
import { plainLine, plainPresenter } from '../../cli/progress/presenter.js';
import type { CliHost } from '../../cli/host.js';
import { bytes, clean, columns, duration } from '../../cli/text.js';
import type { CellId, Key } from '../../runner/pipeline.js';
import type { CellEvent, LifecycleEvent } from '../../runner/track/events.js';
import { Project } from './moft.js';

const id = (text: string): CellId => text as CellId;
const started = (cell: string): LifecycleEvent => ({
  type: 'cell-started',
  cell: id(cell),
  key: '' as Key,
  attempt: 1,
});
const finished = (cell: string, status: 'ran' | 'hit' | 'failed' | 'skipped'): LifecycleEvent => ({
  type: 'cell-finished',
  cell: id(cell),
  status,
});

function after(progress: Progress, ...events: readonly (LifecycleEvent | CellEvent)[]): Progress {
  return events.reduce((state, event) => advance(state, { time: 0, run: 'r', ...event }), progress);
}

const stages = (...names: string[]): Progress =>
  initialProgress(
    [...new Set(names)].map((stage) => ({ stage, cells: names.filter((name) => name === stage).length })),
  );

describe('a row', () => {
  it('counts cells and shows what the current one is at', () => {
    const progress = after(
      stages('clp', 'clp', 'clp'),
      finished('clp/seed=0', 'hit'),
      started('clp/seed=1'),
      started('clp/seed=2'),
      { type: 'progress', cell: id('clp/seed=1'), seq: 1, done: 12, total: 300, unit: 'steps' },
      { type: 'metric', cell: id('clp/seed=1'), seq: 2, name: 'train/loss', value: 2.30259, step: 12 },
      { type: 'metric', cell: id('clp/seed=1'), seq: 3, name: 'tokens', value: 5, step: 12 },
    );
    expect(screen(progress, 9)).toEqual([
      'clp  1/3  1 hit  clp/seed=1  12/300 steps  train/loss 2.303 and 1 more',
    ]);
  });

  it('prefers the reward to other metrics, and anything to the count of excluded responses', () => {
    const metrics = ['tokens', 'train/loss', 'rewards/mean', 'train/loss', 'rewards/excluded'];
    const shown = metrics.map((_, i) => {
      const events = metrics.slice(0, i + 1).map((name, seq) => {
        return { type: 'metric', cell: id('clp/seed=0'), seq, name, value: 0, step: 0 } as const;
      });
      return screen(after(stages('clp'), started('clp/seed=0'), ...events), 9)[0];
    });
    expect(shown.map((row) => row?.split('  ').at(-1))).toEqual([
      'tokens 0',
      'train/loss 0',
      'rewards/mean 0',
      'rewards/mean 0',
      'rewards/mean 0',
    ]);
  });

  it('forgets the current cell when it ends or is tried again', () => {
    const failure = { class: 'infrastructure', code: 'x', message: 'x' } as const;
    const ended = after(stages('a'), started('a'), finished('a', 'failed'));
    expect([...ended.values()].map(stageLine)).toEqual(['a  1/1  1 failed']);
    const again = after(stages('a'), started('a'), {
      type: 'cell-retried',
      cell: id('a'),
      attempt: 1,
      failure,
      backoff: 1,
    });
    expect([...again.values()].map(stageLine)).toEqual(['a  0/1']);
  });
});

it('a warning stands in full, however long it is', () => {
  const text = `${'the span is low, '.repeat(40)}and here is the point`;
  expect(plainLine({ type: 'log', cell: id('a'), seq: 1, level: 'warning', text })).toBe(
    `warning  a  ${text}`,
  );
});

describe('a screen', () => {
  const many = stages('a', 'b', 'c', 'd', 'e');

  it('shows all stages in the order of the file where they fit', () =>
    expect(screen(many, 5)).toEqual(['a  0/1', 'b  0/1', 'c  0/1', 'd  0/1', 'e  0/1']));

  it('else keeps what runs and what failed, and counts the rest', () => {
    const busy = after(
      many,
      finished('a', 'ran'),
      finished('b', 'ran'),
      finished('c', 'failed'),
      started('e'),
    );
    expect(screen(busy, 3)).toEqual([
      'c  1/1  1 failed',
      'e  0/1  e',
      'and 3 more stages, 2 of them finished',
    ]);
    expect(screen(busy, 1)).toEqual(['and 5 more stages, 3 of them finished']);
  });
});

describe('text', () => {
  it('loses what could move a cursor or write a clipboard', () => {
    expect(clean('a\u001b[31mb\u001b[0m\u001b]52;c;aGk=\u0007c\r\n\u0008d\u009b2Je\tf\n')).toBe(
      'abc\nd2Je\tf\n',
    );
  });

  it('names durations and sizes', () => {
    expect([0.04, 9.96, 59.4, 61, 3600 * 2 + 60 * 5].map(duration)).toEqual([
      '0.0 s',
      '10.0 s',
      '59 s',
      '1 min 1 s',
      '2 h 5 min',
    ]);
    expect([0, 1, 1023, 1024, 3 * 2 ** 20, 5 * 2 ** 40].map(bytes)).toEqual([
      '0 B',
      '1 B',
      '1023 B',
      '1.0 KiB',
      '3.0 MiB',
      '5120.0 GiB',
    ]);
  });

  it('aligns columns and leaves the last ragged', () => {
    expect(
      columns([
        ['a', 'bb', 'c'],
        ['aaa', 'b', ''],
        ['x', '', 'y'],
      ]),
    ).toEqual(['a    bb  c', 'aaa  b', 'x        y']);
  });
});

describe('a terminal', () => {
  it('gets a row a stage, at most a screenful, and ends with a mark each', (context) => {
    if (process.platform !== 'linux') {
      console.warn('SKIPPED: `script` makes a terminal in this way on Linux only');
      context.skip();
    }
    const project = new Project(
      'name: rows\nstages:\n  one: {uses: test/sum}\n  two: {uses: test/sum, with: {value: 2}}\n',
    );
    try {
      const script = new URL('../fixtures/execute/moft.mjs', import.meta.url).pathname;
      const command = `stty rows 10 cols 70; '${process.execPath}' '${script}' run p.yaml`;
      let drawn = '';
      try {
        drawn = execFileSync('script', ['-qec', command, '/dev/null'], {
          cwd: project.folder,
          encoding: 'utf8',
          stdio: 'pipe',
        });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        console.warn('SKIPPED: there is no `script` here to make a terminal with');
        context.skip();
      }
      expect(drawn).toContain('one  0/1');
      expect(drawn).toMatch(/✔.{0,10} one {2}1\/1 {2}1 ran/);
      expect(drawn).toMatch(/✔.{0,10} two {2}1\/1 {2}1 ran/);
      expect(drawn).toContain('rows: done in');
    } finally {
      project.close();
    }
  });
});

it('without a terminal, a cell that goes on for long says how far it is once a minute', () => {
  const lines: string[] = [];
  const host = { stdout: { write: (text: string) => lines.push(text) } } as unknown as CliHost;
  const presenter = plainPresenter(host);
  const at = (seconds: number, event: LifecycleEvent | CellEvent): void => {
    presenter.show({ time: 1000 * seconds, run: 'r', ...event });
  };
  const way = (seconds: number, done: number): void => {
    at(seconds, { type: 'progress', cell: id('a'), seq: 1, done, total: 300, unit: 'steps' });
  };
  at(0, started('a'));
  for (let second = 1; second <= 150; second++) way(second, 2 * second);
  at(151, { ...finished('a', 'ran'), seconds: 151 } as LifecycleEvent);
  expect(lines).toEqual([
    'start    a\n',
    'going    a  120/300 steps\n',
    'going    a  240/300 steps\n',
    'ran      a  2 min 31 s\n',
  ]);
});
