/** What becomes of a checkpoint when its attempt is over: it goes with a kept result, and with any doubt of what it is of. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { attemptCheckpoints } from '../../runner/execute/attempt-checkpoints.js';
import { openCheckpoints, sparing } from '../../runner/execute/worker/checkpoints.js';
import type { Key } from '../../runner/pipeline.js';
import { tryName } from '../../runner/store/checkpoint-folders.js';
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

/** The file of what a cell made. */
function blobOf({ root }: Store, cell: string): string {
  const [blob = ''] = readdirSync(join(root, 'cas'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, 'cas', name))
    .filter((file) => statSync(file).isFile() && readFileSync(file, 'utf8') === `${cell}\n`);
  return blob;
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
    const blob = blobOf(store, 'a');
    chmodSync(blob, 0o644);
    writeFileSync(blob, 'x\n');
    reading.finish();
    const a = await rig.commander.next('a');
    expect(existsSync(folder)).toBe(false);
    a.finish();
    (await rig.commander.next('b')).finish();
    expect((await summary).counts).toMatchObject({ ran: 2, failed: 0 });
  });

  it('stays where an input is found lost before the cell is tried: it is of an earlier, good try', async () => {
    const steps = [rig.step('a'), rig.step('c'), rig.step('b', { after: ['a', 'c'] })];
    const first = await rig.start(steps);
    (await rig.commander.next('a')).finish();
    (await rig.commander.next('c')).finish();
    await rig.commander.next('b');
    const folder = keep(first.store, 'b');
    first.execution.interrupt('grace');
    await first.summary;
    const started = rig.journal.find((event) => event.type === 'cell-started' && event.cell === 'c');
    if (started?.type !== 'cell-started') throw new Error('c was not started');
    rmSync(join(first.store.root, 'records', started.key), { recursive: true });
    const second = await rig.start(steps);
    const c = await rig.commander.next('c');
    rmSync(blobOf(second.store, 'a'));
    c.finish();
    const a = await rig.commander.next('a');
    expect(readdirSync(folder)).toEqual(['state']);
    a.finish();
    (await rig.commander.next('b')).finish();
    expect((await second.summary).counts).toMatchObject({ failed: 0 });
    expect(existsSync(folder)).toBe(false);
  });
});

describe('checkpoints of a family', () => {
  function family(): { readonly root: string; readonly at: (name: string) => string } {
    const root = mkdtempSync(join(tmpdir(), 'moft-family-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    return { root, at: (name) => join(root, 'checkpoints', 'family', 'environment', name) };
  }

  it('of other tries stay where one is doubted: they may be at work, or of a finished shorter training', () => {
    const { root, at } = family();
    for (const name of [tryName(1, 'finished'), tryName(1, 'doubtful')])
      mkdirSync(at(name), { recursive: true });
    attemptCheckpoints(root, 'key' as Key, { name: 'family', most: 4 }).distrust(tryName(1, 'doubtful'));
    expect(readdirSync(at('.'))).toEqual([tryName(1, 'finished')]);
  });

  it('that a full disk refuses are said once, leave nothing half written, and fail no cell', async () => {
    const { root } = family();
    const kept = openCheckpoints({
      ...{
        folder: join(root, 'checkpoints', 'family'),
        environment: {},
        epoch: 1,
        nonce: 'n',
        most: Infinity,
      },
      ...{ atEnd: false, every: 0, monotonic: () => 0, asked: () => false },
    });
    const notes: string[] = [];
    const checkpoints = sparing(kept, (text) => notes.push(text));
    const refuse = (code: string) => (folder: string) => {
      writeFileSync(join(folder, 'state'), 'half');
      throw Object.assign(new Error(`${code}: refused`), { code, syscall: 'write' });
    };
    await checkpoints.save(1, (folder) => writeFile(join(folder, 'state'), 'whole'));
    for (const code of ['ENOSPC', 'EDQUOT', 'EROFS']) await checkpoints.save(2, refuse(code));
    expect(notes).toEqual(['the checkpoint of step 2 could not be kept: ENOSPC: refused']);
    const [numeric = ''] = readdirSync(join(root, 'checkpoints', 'family'));
    expect(readdirSync(join(root, 'checkpoints', 'family', numeric, tryName(1, 'n')))).toEqual(['1']);
    await expect(checkpoints.save(2, refuse('EIO'))).rejects.toThrow('EIO');
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
