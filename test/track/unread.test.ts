/** Runs that are sent while their store can't be read, or has lost a part; and by a process that ends before it is done. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import type { CliHost } from '../../cli/host.js';
import { startTracker } from '../../cli/track/tracker.js';
import type { Target } from '../../cli/track/target.js';
import type { ArtifactFolder } from '../../runner/track/mlflow/artifacts.js';
import type { MlflowClient } from '../../runner/track/mlflow/index.js';
import { followRun } from '../../runner/track/outbox/follow.js';
import { Sender } from '../../runner/track/outbox/sender.js';
import { writeStatus, type Status } from '../../runner/track/outbox/sent.js';
import { uploadResult } from '../../runner/track/outbox/upload.js';
import { blobFile, freshStore, recordOf, temporaryFolder, valueOf, writeFiles } from '../store/fixtures.js';

const address = 'http://127.0.0.1:9';

it('a journal that can not be read is no run that said nothing: the rest of it is owed', async () => {
  const store = await freshStore();
  const problem = { class: 'environment', code: 'disk-error', message: 'the disk can not be read' } as const;
  const followJournal = () => ({ read: () => ({ ok: false, error: problem }) as const });
  const client = { address } as MlflowClient;
  const sender = new Sender({ store: { ...store, followJournal }, run: 'r1', client, isGone: () => true });
  expect(await sender.turn()).toMatchObject({
    kind: 'blocked',
    problem: { kind: 'local', message: problem.message, passing: true },
  });
});

it('a blob that the store has lost is left out of what is sent, and is in the way of nothing else', async () => {
  const store = await freshStore();
  const lost = valueOf(await store.cas.putTree(writeFiles(temporaryFolder(), { a: 'lost', b: 'kept' })));
  const kept = valueOf(store.cas.putBytes('kept too'));
  const record = recordOf({ cell: 1 }, [
    { name: 'model', type: 'directory', put: lost },
    { name: 'scores', type: 'file', put: kept },
  ]);
  const files = valueOf(store.cas.artifactRef('directory', lost.digest)).files ?? {};
  fs.rmSync(files.a ?? '');
  const names: string[] = [];
  const put: ArtifactFolder['put'] = (name) => {
    names.push(name);
    return Promise.resolve({ ok: true, value: undefined });
  };
  const folder = { put } as ArtifactFolder;
  expect(valueOf(await uploadResult(store, folder, { record }))).toEqual([expect.stringMatching(/^model /)]);
  expect(names.join(' ')).toContain('scores');
  expect(fs.existsSync(blobFile(store, kept.digest))).toBe(true);
});

it('a disk that refuses to take how the sending stands is in the way of nothing else', async () => {
  const root = temporaryFolder();
  fs.writeFileSync(path.join(root, 'track'), 'no folder');
  const sender = {
    turn: () => Promise.resolve({ kind: 'complete' }),
    sent: { refusedCells: new Map() },
    owed: 0,
  } as unknown as Sender;
  const onStatus = vi.fn((status: Status) => writeStatus(root, 'r1', status));
  const status = await followRun({ sender, address, follow: true, drain: 0, onStatus });
  expect(status).toEqual({ state: 'done', address, owed: 0 });
  expect(onStatus).toHaveReturnedTimes(0);
  const bug = (): void => {
    throw new Error('internal error');
  };
  await expect(followRun({ sender, address, follow: true, drain: 0, onStatus: bug })).rejects.toThrow(
    'internal',
  );
});

it('a run whose sender has died is not said to be still on its way', async () => {
  const root = path.join(temporaryFolder(), '.moft');
  writeStatus(root, 'r1', { state: 'sending', address, page: `${address}/#/r1`, owed: 2 });
  const said: string[] = [];
  const host = {
    env: {},
    cwd: temporaryFolder(),
    moftCommand: [process.execPath, '-e', ''],
    stderr: { write: (text: string) => said.push(text) },
  } as unknown as CliHost;
  const target = { settings: { address }, traces: true, uri: address } as unknown as Target;
  await startTracker(target, { run: 'r1', root }, { ...host, farewell: 60_000 }).end('work');
  expect(said.join('')).toContain('moft sync r1');
  expect(said.join('')).not.toContain('still being sent');
});
