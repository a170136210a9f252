import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDisk, openStore, type Lease, type Store } from '../../runner/store/index.js';
import { identifyProcess, type ProcessIdentity } from '../../runner/store/process-identity.js';
import { ended, useChildren } from './compiled.js';
import { freshStore, keyFor, recordOf, temporaryFolder, valueOf } from './fixtures.js';

const children = useChildren();
const key = keyFor({ cell: 1 });
const elsewhere = { host: 'another-host', pid: 1, boot: 'b', started: '1', namespace: 'n' };

function leaseOf(store: Store): Lease {
  const acquired = valueOf(store.leases.acquire(key));
  if (acquired.kind !== 'lease')
    throw new Error(`expected the lease, it is held by ${acquired.holder.runner}`);
  return acquired.lease;
}

describe('leases', () => {
  it('have one owner, and go on to the next when released', async () => {
    const one = await freshStore();
    const other = await freshStore({}, one.root);
    const lease = leaseOf(one);
    expect(valueOf(other.leases.acquire(key))).toEqual({
      kind: 'held',
      holder: { runner: one.runner, host: os.hostname(), pid: process.pid },
    });
    lease.release();
    const next = leaseOf(other);
    expect(next.epoch).toBe(2);
    expect(one.leases.standing(key)).toEqual({ epoch: 2, runner: other.runner });
  });

  it('are kept by a sign of life that is never empty, and is made anew where somebody removed it', async () => {
    const store = await freshStore({ heartbeat: { everyMs: 1, silenceMs: 90_000 } });
    leaseOf(store);
    const file = path.join(store.root, 'runners', `${store.runner}.beat`);
    const beats = (): string => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
    while (beats().length < 16) await pause(1);
    // On a full disk what is emptied stays so, and who is silent is dead.
    for (let text = beats(); Number(text) < 200; text = beats()) expect(text).toHaveLength(16);
    fs.unlinkSync(file);
    while (Number(beats()) < 201) await pause(1);
  });

  it('of a runner elsewhere end after 90 s without a beat, by the clock of who watches', async () => {
    let now = 0;
    const silent = await freshStore({ identity: elsewhere, heartbeat: { everyMs: 1e9, silenceMs: 90_000 } });
    const watching = await freshStore({ monotonic: () => now }, silent.root);
    leaseOf(silent);
    const beat = path.join(silent.root, 'runners', `${silent.runner}.beat`);
    // The thread's own first beat comes at any time; it is waited for, then written over.
    while (!fs.existsSync(beat)) await pause(1);
    const held = { kind: 'held', holder: { runner: silent.runner, host: 'another-host', pid: 1 } };
    for (let count = 0; count < 5; count += 1) {
      fs.writeFileSync(beat, `count ${count}`);
      expect(valueOf(watching.leases.acquire(key))).toEqual(held);
      now += 89_999;
      expect(valueOf(watching.leases.acquire(key))).toEqual(held);
    }
    now += 1;
    expect(leaseOf(watching).epoch).toBe(2);
    expect(silent.leases.standing(key)).toEqual({ epoch: 2, runner: watching.runner });
  });

  it.each([['late'], ['right']] as const)(
    'decide nothing: of a superseded owner (late) and the new one (right), who is first (%s) stands for both',
    async (first) => {
      let now = 0;
      const heartbeat = { everyMs: 1e9, silenceMs: 10 };
      const silent = await freshStore({ identity: elsewhere, heartbeat });
      const watching = await freshStore({ monotonic: () => now, heartbeat }, silent.root);
      leaseOf(silent);
      const beat = path.join(silent.root, 'runners', `${silent.runner}.beat`);
      while (!fs.existsSync(beat)) await pause(1);
      valueOf(watching.leases.acquire(key));
      now = 11;
      leaseOf(watching);
      expect(silent.leases.standing(key)).toEqual({ epoch: 2, runner: watching.runner });
      const publish = async (content: 'late' | 'right'): Promise<string> => {
        const store = content === 'late' ? silent : watching;
        const put = valueOf(store.cas.putBytes(content));
        const record = recordOf({ cell: 1 }, [{ name: 'out', type: 'file', put }]);
        return valueOf(await store.records.publish(record)).digest;
      };
      const digest = await publish(first);
      expect(await publish(first === 'late' ? 'right' : 'late')).toBe(digest);
      expect(await watching.records.chosen(key)).toMatchObject({ kind: 'chosen', record: { digest } });
      expect(watching.records.all(key)).toHaveLength(2);
    },
  );

  it.each([
    ['empty', ''],
    ['torn', '{"runner":"ab'],
    ['of no runner', '{}'],
  ])('whose file is %s end after 90 s, by the clock of who watches', async (_, content) => {
    let now = 0;
    const store = await freshStore({ monotonic: () => now });
    const folder = path.join(store.root, 'leases', key);
    fs.mkdirSync(folder, { recursive: true });
    for (const epoch of [1, 2]) {
      fs.writeFileSync(path.join(folder, String(epoch)), content);
      expect(valueOf(store.leases.acquire(key))).toEqual({ kind: 'held', holder: { runner: 'unknown' } });
      now += 89_999;
      expect(valueOf(store.leases.acquire(key))).toEqual({ kind: 'held', holder: { runner: 'unknown' } });
    }
    now += 1;
    expect(leaseOf(store).epoch).toBe(3);
  });

  it.each<[string, Partial<ProcessIdentity>, boolean]>([
    ['seen from here', {}, true],
    ['on another host', { host: 'another-host' }, false],
    ['of another boot', { boot: 'another' }, false],
    ['in another container', { namespace: 'another' }, false],
  ])(
    'of a process that is gone, %s, end before the silence only where that can be seen',
    async (_, where, over) => {
      const self = identifyProcess();
      // No process has this start time.
      const gone = await freshStore({
        identity: { ...self, started: '0', ...where },
        heartbeat: { everyMs: 1e9, silenceMs: 90_000 },
      });
      leaseOf(gone);
      const watching = await freshStore({ identity: self }, gone.root);
      expect(valueOf(watching.leases.acquire(key)).kind).toBe(over ? 'lease' : 'held');
    },
  );

  it('of a killed process on this host end at once, those of a busy one do not', async () => {
    const store = await freshStore();
    const holder = children.start('holder', store.root, key, '10');
    onTestFinished(() => {
      holder.kill('SIGKILL');
    });
    const end = ended(holder);
    const [said] = (await once(holder.stdout ?? holder, 'data')) as [Buffer];
    const [kind, runner = ''] = said.toString().trim().split(' ');
    expect(kind).toBe('lease');
    // Its main thread spins; the beat goes on from another one.
    const beat = path.join(store.root, 'runners', `${runner}.beat`);
    const counts = new Set<string>();
    while (counts.size < 3) {
      if (fs.existsSync(beat)) counts.add(fs.readFileSync(beat, 'utf8'));
      await pause(5);
    }
    expect(valueOf(store.leases.acquire(key))).toEqual({
      kind: 'held',
      holder: { runner, host: os.hostname(), pid: holder.pid },
    });
    holder.kill('SIGKILL');
    await end;
    expect(leaseOf(store).epoch).toBe(2);
  });

  it('that no disk takes the end of is over for who held it, and for others with its process', async () => {
    let full = false;
    const disk = createDisk(({ path: file }) => {
      if (!full || !file.endsWith('.released')) return;
      throw Object.assign(new Error(`ENOSPC: ${file}`), { code: 'ENOSPC', syscall: 'link', path: file });
    });
    const own = await freshStore({ disk });
    const other = await freshStore({}, own.root);
    const lease = leaseOf(own);
    full = true;
    lease.release();
    expect(own.leases.standing(key)).toBeUndefined();
    expect(valueOf(other.leases.acquire(key))).toMatchObject({
      kind: 'held',
      holder: { runner: own.runner },
    });
    const next = leaseOf(own);
    expect(next).toMatchObject({ epoch: 2 });
    expect(next.takenFrom).toBeUndefined();
    full = false;
    next.release();
    expect(leaseOf(other).epoch).toBe(3);
  });

  it('let two processes that race run every key once', async () => {
    const root = path.join(temporaryFolder(), '.moft');
    const log = path.join(temporaryFolder(), 'executed');
    const count = 60;
    const results = await Promise.all(
      ['forwards', 'backwards', 'forwards'].map((order) =>
        children.run('racer', root, log, String(count), order),
      ),
    );
    for (const { code, stderr } of results) expect(code, stderr).toBe(0);
    const executed = fs.readFileSync(log, 'utf8').trim().split('\n').map(Number);
    expect(executed.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    const store = valueOf(await openStore(root, { access: 'read' }));
    const runners = new Set<string>();
    for (const each of store.records.keys()) {
      expect(store.records.all(each)).toHaveLength(1);
      runners.add(store.records.all(each)[0]?.record.run ?? '');
    }
    expect(store.records.keys()).toHaveLength(count);
    expect(runners.size).toBeGreaterThan(1);
  });
});
