/** What becomes of a checkpoint when its attempt is over: it goes with a kept result, and with any doubt of what it is of. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WorkerPool } from '../../runner/execute/pool.js';
import type { Store } from '../../runner/store/index.js';
import { Rig } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

/** The folder that the job of a running cell names, with something in it. */
function keep(store: Store, cell: string): string {
  const started = rig.journal.findLast((event) => event.type === 'cell-started' && event.cell === cell);
  const key = started?.type === 'cell-started' ? started.key : '';
  const folder = join(store.root, 'checkpoints', key);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'state'), cell);
  return folder;
}

describe('a checkpoint', () => {
  it('goes when the result is kept', async () => {
    const { summary, store } = await rig.start([rig.step('a')]);
    const a = await rig.commander.next('a');
    const folder = keep(store, 'a');
    a.finish();
    expect((await summary).status).toBe('done');
    expect(existsSync(folder)).toBe(false);
  });

  it('stays where the result could not be kept: what was computed is not lost to a full disk', async () => {
    const { summary, store } = await rig.start([rig.step('a')]);
    const a = await rig.commander.next('a');
    const folder = keep(store, 'a');
    // No record can be filed where a file stands.
    writeFileSync(join(store.root, 'records', folder.slice(-64)), '');
    a.finish();
    expect((await summary).status).toBe('environment');
    expect(readdirSync(folder)).toEqual(['state']);
  });

  it('stays where the cell was stopped', async () => {
    const { execution, summary, store } = await rig.start([rig.step('a')]);
    await rig.commander.next('a');
    const folder = keep(store, 'a');
    execution.interrupt('grace');
    expect((await summary).status).toBe('interrupted');
    expect(readdirSync(folder)).toEqual(['state']);
  });

  it.each(['finish', 'interrupt'] as const)('goes where the code changed meanwhile (%s)', async (how) => {
    const { execution, summary, store } = await rig.start([rig.step('a')], {
      changedCode: () => ['dist/a.js'],
    });
    const a = await rig.commander.next('a');
    const folder = keep(store, 'a');
    if (how === 'finish') a.finish();
    else execution.interrupt('grace');
    await summary;
    expect(existsSync(folder)).toBe(false);
  });

  it('goes where an input was damaged while it was read: the second try begins from nothing', async () => {
    const { summary, store } = await rig.start([rig.step('a'), rig.step('b', { after: ['a'] })]);
    (await rig.commander.next('a')).finish();
    const reading = await rig.commander.next('b');
    const folder = keep(store, 'b');
    const [blob = ''] = readdirSync(join(store.root, 'cas'), { recursive: true, encoding: 'utf8' })
      .map((name) => join(store.root, 'cas', name))
      .filter((file) => statSync(file).isFile() && readFileSync(file, 'utf8') === 'a\n');
    chmodSync(blob, 0o644);
    writeFileSync(blob, 'x\n');
    reading.finish();
    const a = await rig.commander.next('a');
    expect(existsSync(folder)).toBe(false);
    a.finish();
    (await rig.commander.next('b')).finish();
    expect((await summary).counts).toMatchObject({ ran: 2, failed: 0 });
  });
});

describe('a fault of the environment', () => {
  it('asks what still runs for a checkpoint, and lets it end', async () => {
    let asked = 0;
    const asking = vi.spyOn(WorkerPool.prototype, 'checkpoint').mockImplementation(() => void (asked += 1));
    onTestFinished(() => asking.mockRestore());
    const { summary } = await rig.start([rig.step('a'), rig.step('b')]);
    const b = await rig.commander.next('b');
    (await rig.commander.next('a')).send('fail environment the disk is full');
    await rig.until((event) => event.type === 'cell-finished' && event.cell === 'a');
    expect(asked).toBe(1);
    b.finish();
    expect(await summary).toMatchObject({ status: 'environment', counts: { ran: 1, failed: 1 } });
  });
});
