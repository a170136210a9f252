import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../runner/store/index.js';
import { cells, keyFor, work } from './children/workload.js';
import { useChildren } from './compiled.js';
import { freshStore, temporaryFolder, valueOf } from './fixtures.js';

const seeds = 50;
const children = useChildren();

/** A number in [0, 1) for a seed, the same on every machine. */
const draw = (seed: number): number => {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return x - Math.floor(x);
};

async function expectWholeRecords(store: Store): Promise<void> {
  for (const key of store.records.keys()) {
    const chosen = await store.records.chosen(key);
    if (chosen.kind === 'none') continue;
    if (chosen.kind === 'incomplete') throw new Error(`a chosen record lacks ${chosen.missing}`);
    for (const { type, digest } of chosen.record.record.artifacts) {
      expect(await store.cas.verify(type, digest)).toEqual({ ok: true, value: undefined });
    }
  }
}

/** Every blob is what its name says: there is no half one. */
function blobNames(store: Store): string[] {
  return fs
    .readdirSync(path.join(store.root, 'cas'), { recursive: true, encoding: 'utf8' })
    .map((name) => path.basename(name))
    .filter((name) => name.length === 64)
    .sort();
}

/**
 * The store of a run that was killed at a write. How many writes there are depends on what each group commit caught:
 * a run that ended before that write is tried again with an earlier one, in a folder of its own.
 */
async function killedAt(write: number, share: number): Promise<string> {
  const root = path.join(temporaryFolder(), '.moft');
  const { signal, code, stderr } = await children.run('killed', root, String(write), String(share));
  if (signal === 'SIGKILL') return root;
  expect({ signal, code }, stderr).toEqual({ signal: null, code: 0 });
  expect(write).toBeGreaterThan(1);
  return killedAt(Math.max(1, Math.floor(write * 0.9)), share);
}

describe('kill -9 at a random write', () => {
  it(`leaves a store that the next run completes, in ${seeds} places`, async () => {
    const fresh = await freshStore();
    const expected = await work(fresh, 'r1');
    const undisturbed = await children.run('killed', path.join(temporaryFolder(), '.moft'), '0', '0');
    const writes = Number(undisturbed.stdout);
    expect(writes).toBeGreaterThan(seeds);
    for (let seed = 1; seed <= seeds; seed += 1) {
      const root = await killedAt(1 + Math.floor(draw(seed) * writes), draw(seed + 0.5));
      const store = valueOf(await openStore(root));
      await expectWholeRecords(store);
      for (const run of store.runs.list()) expect(store.runs.read(run)?.run).toBe(run);
      for (const digest of blobNames(store)) expect(store.cas.read(digest).ok).toBe(true);
      // The records differ in nothing: the work is deterministic, and the run has the same name.
      expect(await work(store, 'r1')).toEqual(expected);
      await expectWholeRecords(store);
      expect(blobNames(store)).toEqual(blobNames(fresh));
      expect(store.records.keys()).toEqual(cells.map(keyFor).sort());
      const { events, torn } = valueOf(store.readJournal('r1'));
      expect(torn).toBe(0);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1));
      valueOf(await store.close());
      expect(fs.readdirSync(path.join(root, 'tmp'))).toEqual([]);
    }
  });
});
