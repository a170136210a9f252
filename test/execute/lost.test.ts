/** Results that vanish from the store while a run goes on: whoever made them makes them again. */
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CellId, Key } from '../../runner/pipeline.js';
import type { Outcome, Task } from '../../runner/execute/actions.js';
import { Schedule } from '../../runner/execute/schedule.js';
import type { Store } from '../../runner/store/index.js';
import type { FailureClass } from '../../schemas/protocol.js';
import { Rig } from './rig.js';

const id = (name: string): CellId => name as CellId;

const task = (name: string, needs: readonly string[] = []): Task => ({
  cell: id(name),
  needs: needs.map(id),
  demand: { cpu: 1, memory: 0, gpu: 0, tokens: {} },
  seconds: 1,
  retries: {},
});

describe('the schedule', () => {
  const schedule = (tasks: readonly Task[]): Schedule =>
    new Schedule(
      tasks,
      { cpu: 4, memory: 0, gpus: [], tokens: {} },
      { onFailure: 'keep-going', backoff: () => 0, leasePoll: 1, keyWait: 1000 },
    );
  /** Resolves every key to the cell's own name, unless told another; what else is to be done, as text. */
  function settle(of: Schedule, now = 0, keyOf: (cell: CellId) => string = (cell) => cell): string[] {
    const seen: string[] = [];
    for (let actions = of.next(now); actions.length > 0; actions = of.next(now))
      for (const action of actions)
        if (action.kind === 'resolve')
          of.resolved(action.cell, { kind: 'run', key: keyOf(action.cell) as Key });
        else if (action.kind !== 'retry') seen.push(`${action.kind} ${action.cell}`);
    return seen;
  }
  const done = (of: Schedule, name: string): void => of.ended(id(name), { kind: 'done' }, 0);

  it('opens the producer again, and what waits for others of its children waits on', () => {
    const it = schedule([task('a'), task('slow'), task('b', ['a']), task('c', ['a', 'slow'])]);
    settle(it);
    done(it, 'a');
    expect(settle(it)).toEqual(['settle a', 'start b']);
    it.ended(id('b'), { kind: 'lost', producers: [id('a')] }, 0);
    expect(settle(it)).toEqual(['reopen a', 'start a']);
    done(it, 'slow');
    expect(settle(it)).toEqual(['settle slow']);
    done(it, 'a');
    expect(settle(it).sort()).toEqual(['settle a', 'start b', 'start c']);
    done(it, 'b');
    done(it, 'c');
    expect(settle(it)).toEqual(['settle b', 'settle c']);
    expect(it.finished).toBe(true);
  });

  it('opens a producer once for two readers', () => {
    const it = schedule([task('a'), task('b', ['a']), task('c', ['a'])]);
    settle(it);
    done(it, 'a');
    settle(it);
    it.ended(id('b'), { kind: 'lost', producers: [id('a')] }, 0);
    it.ended(id('c'), { kind: 'lost', producers: [id('a')] }, 0);
    expect(settle(it)).toEqual(['reopen a', 'start a']);
    done(it, 'a');
    expect(settle(it)).toEqual(['settle a', 'start b', 'start c']);
  });

  it('tries again at once where the input came from outside', () => {
    const it = schedule([task('a')]);
    settle(it);
    it.ended(id('a'), { kind: 'lost', producers: [] }, 0);
    expect(settle(it)).toEqual(['start a']);
  });

  it('lets a second reader wait for what is open already, and starts it after that', () => {
    const it = schedule([task('a'), task('b', ['a']), task('c', ['a'])]);
    settle(it);
    done(it, 'a');
    settle(it);
    it.ended(id('b'), { kind: 'lost', producers: [id('a')] }, 0);
    expect(settle(it)).toEqual(['reopen a', 'start a']);
    // What made its input is forgotten already: nobody is named.
    it.ended(id('c'), { kind: 'lost', producers: [] }, 0);
    expect(settle(it)).toEqual([]);
    done(it, 'a');
    expect(settle(it)).toEqual(['settle a', 'start b', 'start c']);
  });

  it.each([[['data', 'model']], [['model', 'data']]])(
    'opens parents in their order where all are lost (%j)',
    (lost) => {
      const it = schedule([task('data'), task('model', ['data']), task('front', ['data', 'model'])]);
      for (const name of ['data', 'model']) {
        settle(it);
        done(it, name);
      }
      settle(it);
      it.ended(id('front'), { kind: 'lost', producers: lost.map(id) }, 0);
      expect(settle(it).sort()).toEqual(['reopen data', 'reopen model', 'start data']);
      done(it, 'data');
      expect(settle(it)).toEqual(['settle data', 'start model']);
      done(it, 'model');
      expect(settle(it)).toEqual(['settle model', 'start front']);
    },
  );

  /** `b` has found its input lost, `a` is open again; before that, `c` began to wait for a time. */
  function sleeper(outcome: Outcome): Schedule {
    const it = schedule([task('a'), task('b', ['a']), task('c', ['a'])]);
    settle(it);
    done(it, 'a');
    settle(it);
    it.ended(id('c'), outcome, 100);
    it.ended(id('b'), { kind: 'lost', producers: [id('a')] }, 100);
    settle(it);
    return it;
  }

  const failed = (failureClass: FailureClass): Outcome => ({
    kind: 'failed',
    failure: { class: failureClass, code: 'x', message: 'x' },
  });

  it.each([
    ['another runner was at', { kind: 'held' } as const],
    ['is to be tried again', failed('infrastructure')],
  ])('keeps a cell that %s behind a parent that is open when it wakes', (_, outcome) => {
    const it = sleeper(outcome);
    expect(settle(it, 200)).toEqual([]);
    done(it, 'a');
    expect(settle(it, 200)).toEqual(['settle a', 'start b', 'start c']);
  });

  it('skips a cell that wakes below a parent which failed this time', () => {
    const it = sleeper({ kind: 'held' });
    it.ended(id('a'), failed('user'), 0);
    expect(settle(it)).toEqual(['settle a', 'settle b']);
    expect(settle(it, 200)).toEqual(['settle c']);
    expect(it.finished).toBe(true);
  });

  it('lets twins look for themselves where the cell that they wait for has another key the next time', () => {
    const it = schedule([task('a'), task('b', ['a']), task('c', ['a']), task('twin')]);
    const keys = (c: string) => (cell: CellId) => (cell === 'twin' ? 'same' : cell === 'c' ? c : cell);
    settle(it, 0, keys('same'));
    done(it, 'a');
    // `twin` has the key first and `c` waits for it, unless `twin` is given up.
    it.ended(id('twin'), { kind: 'held' }, 0);
    expect(settle(it, 0, keys('same'))).toEqual(['settle a', 'start b']);
    expect(settle(it, 200, (cell) => (cell === 'twin' ? 'other' : cell))).toEqual(['start twin', 'start c']);
  });

  it('skips the reader where the producer fails this time', () => {
    const it = schedule([task('a'), task('b', ['a'])]);
    settle(it);
    done(it, 'a');
    settle(it);
    it.ended(id('b'), { kind: 'lost', producers: [id('a')] }, 0);
    settle(it);
    it.ended(id('a'), { kind: 'failed', failure: { class: 'user', code: 'x', message: 'x' } }, 0);
    expect(settle(it)).toEqual(['settle a', 'settle b']);
    expect(it.finished).toBe(true);
  });
});

describe('a run', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.close());

  const removeBlobs = (store: Store): void => {
    rmSync(join(store.root, 'cas'), { recursive: true });
  };

  it('makes what was lost again, and counts each cell once', async () => {
    const { summary, store } = await rig.start([
      rig.step('a'),
      rig.step('slow'),
      rig.step('b', { after: ['a', 'slow'] }),
    ]);
    (await rig.commander.next('a')).finish();
    await rig.until((event) => event.type === 'cell-finished' && event.cell === 'a');
    removeBlobs(store);
    (await rig.commander.next('slow')).finish();
    (await rig.commander.next('a')).finish();
    (await rig.commander.next('b')).finish();
    expect(await summary).toMatchObject({
      status: 'done',
      counts: { ran: 3, hit: 0, failed: 0, skipped: 0 },
    });
    expect(rig.commander.seen.slice(2)).toEqual(['a', 'b']);
    expect(rig.journal.filter(({ type }) => type === 'cell-reopened')).toEqual([
      { type: 'cell-reopened', cell: 'a', reader: 'b', was: 'ran' },
    ]);
  });

  it('makes a whole chain of lost results again, in its order', async () => {
    const cells = [
      rig.step('data'),
      rig.step('model', { after: ['data'] }),
      rig.step('front', { after: ['data', 'model'] }),
    ];
    let again = false;
    const { summary, store } = await rig.start(cells, {
      listener: (event) => {
        if (event.type !== 'cell-finished' || event.cell !== 'model' || again) return;
        again = true;
        removeBlobs(store);
      },
    });
    for (const name of ['data', 'model', 'data', 'model', 'front']) (await rig.commander.next(name)).finish();
    expect(await summary).toMatchObject({ status: 'done', counts: { ran: 3, hit: 0, failed: 0 } });
  });

  it('keeps nothing that was made of an input that was damaged while it was read', async () => {
    const { summary, store } = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })]);
    (await rig.commander.next('a')).finish();
    const reading = await rig.commander.next('b');
    const [blob = ''] = readdirSync(join(store.root, 'cas'), { recursive: true, encoding: 'utf8' })
      .map((name) => join(store.root, 'cas', name))
      .filter((file) => statSync(file).isFile() && readFileSync(file, 'utf8') === 'a\n');
    chmodSync(blob, 0o644);
    writeFileSync(blob, 'x\n');
    reading.finish();
    (await rig.commander.next('a')).finish();
    (await rig.commander.next('b')).finish();
    expect(await summary).toMatchObject({ status: 'done', counts: { ran: 2, hit: 0, failed: 0 } });
    expect(rig.commander.seen).toEqual(['a', 'b', 'a', 'b']);
    // Of `b` the one that was made of whole bytes; of `a` both, which are the same.
    expect(
      store.records
        .keys()
        .map((key) => store.records.all(key).length)
        .sort(),
    ).toEqual([1, 2]);
  });

  it('gives up with a fault of the environment where it is lost time and again', async () => {
    const { summary, store } = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })], {
      listener: (event) => {
        if (event.type === 'cell-finished' && event.cell === 'a') removeBlobs(store);
      },
    });
    for (let n = 0; n < 3; n++) (await rig.commander.next('a')).finish();
    const { status, failures } = await summary;
    expect(status).toBe('environment');
    expect(failures[0]?.failure).toMatchObject({ class: 'environment', code: 'missing-blob' });
  });
});
