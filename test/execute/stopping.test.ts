/** Stops, with grace and at once, of real worker processes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkerPool, type Work, type Workers } from '../../runner/execute/pool.js';
import { moftScript, Rig } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

describe('stopping', () => {
  it('with grace lets a cell end by its signal; what was finished is kept', async () => {
    const { execution, summary, store } = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })]);
    (await rig.commander.next('a')).finish();
    await rig.commander.next('b');
    execution.interrupt('grace');
    const { status, counts } = await summary;
    expect(status).toBe('interrupted');
    expect(counts).toEqual({ ran: 1, hit: 0, failed: 0, skipped: 1 });
    expect(store.runs.read('run-1')).toMatchObject({ status: 'interrupted', cells: { a: { how: 'ran' } } });
    const again = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })]);
    (await rig.commander.next('b')).finish();
    expect((await again.summary).counts).toEqual({ ran: 1, hit: 1, failed: 0, skipped: 0 });
  });

  it('with grace reaches a loop that never returns to the event loop', async () => {
    const { execution, summary } = await rig.start([rig.step('a')], { pool: { grace: 60_000 } });
    const heard = rig.until((event) => event.type === 'progress');
    (await rig.commander.next('a')).send('spin');
    await heard;
    execution.interrupt('grace');
    expect((await summary).status).toBe('interrupted');
  });

  it('kills what does not end in the grace period', async () => {
    const { execution, summary } = await rig.start([rig.step('a')], { pool: { grace: 1 } });
    await (await rig.commander.next('a')).tell('deaf');
    execution.interrupt('grace');
    expect((await summary).counts.skipped).toBe(1);
  });

  it('at once does not wait', async () => {
    const { execution, summary } = await rig.start([rig.step('a')], { pool: { grace: 600_000 } });
    await (await rig.commander.next('a')).tell('deaf');
    execution.interrupt('grace');
    execution.interrupt('now');
    expect((await summary).status).toBe('interrupted');
  });

  it('a worker leaves it without another cell, even where its cell ends well all the same', async () => {
    const pool = new WorkerPool({ command: [process.execPath, moftScript, 'worker'], cwd: rig.folder });
    const works: Work[] = [];
    const workers: Workers = {
      run: (order) => {
        const work = pool.run(order);
        works.push(work);
        return work;
      },
      retire: () => pool.retire(),
      checkpoint: () => pool.checkpoint(),
      close: () => pool.close(),
    };
    const { summary } = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })], { workers });
    const a = await rig.commander.next('a');
    await a.tell('deaf');
    works[0]?.stop('grace');
    await a.tell('print so that the signal was there first');
    a.finish();
    const b = await rig.commander.next('b');
    b.finish();
    expect((await summary).counts).toEqual({ ran: 2, hit: 0, failed: 0, skipped: 0 });
    expect(b.hello.pid).not.toBe(a.hello.pid);
    await pool.close();
  });

  it('after a timeout is a failure of resources', async () => {
    const { summary } = await rig.start([rig.step('a', { timeout: 0.05 })]);
    const [group] = (await summary).failures;
    expect(group?.failure).toMatchObject({ class: 'resource', code: 'timeout' });
  });
});
