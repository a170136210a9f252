/** gc and checkpoints: what a longer training goes on from stays, what it has left behind goes. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sealStep } from '../../runner/store/checkpoint-folders.js';
import { openStore, type CheckpointFamily, type Collection, type Store } from '../../runner/store/index.js';
import { sha256 } from '../../schemas/json.js';
import { freshStore, recordOf, valueOf } from './fixtures.js';

const day = 24 * 3_600_000;
const [done, longer, unfinished] = ['done', 'longer', 'unfinished'].map((name) => sha256(name)) as [
  string,
  string,
  string,
];

function keep(store: Store, family: string, place: string, step: number): string {
  const folder = path.join(store.root, 'checkpoints', family, place, String(step));
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'state'), `step ${step}`);
  sealStep(folder, step, 1);
  return path.relative(store.root, folder);
}

/** A store with a finished cell of each of two families, and checkpoints of three, all two days old. */
async function finished(): Promise<Store> {
  const store = await freshStore();
  const put = valueOf(store.cas.putBytes('model'));
  for (const family of [done, longer])
    valueOf(await store.records.publish(recordOf({ family }, [{ name: 'out', type: 'file', put }])));
  keep(store, done, 'here/1-a', 40);
  keep(store, longer, 'here/1-a', 40);
  keep(store, longer, 'here/2-b', 60);
  keep(store, longer, 'here/2-b', 80);
  keep(store, longer, 'elsewhere/1-c', 20);
  keep(store, unfinished, 'here/1-a', 10);
  return store;
}

function age(folder: string): void {
  const past = new Date(Date.now() - 2 * day);
  for (const entry of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    fs.utimesSync(path.join(folder, entry), past, past);
}

const familyOf = ({ preimage }: { preimage: { family?: unknown } }): CheckpointFamily => ({
  name: String(preimage.family),
  goesOn: preimage.family === longer,
});

const weigh = async (store: Store): Promise<Collection> =>
  valueOf((await store.upkeep()).weigh({ minAge: day, familyOf }));

const below = (store: Store): string[] =>
  fs
    .readdirSync(path.join(store.root, 'checkpoints'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('manifest.json'))
    .map((name) => path.dirname(name))
    .sort();

describe('checkpoints', () => {
  it('of finished cells go, but for the furthest of each machine that a longer training goes on from', async () => {
    const store = await finished();
    age(path.join(store.root, 'checkpoints'));
    const collection = await weigh(store);
    const paths = collection.checkpoints.superseded.map((one) => path.relative(store.root, one.path));
    expect(paths.sort()).toEqual(
      [`checkpoints/${done}`, `checkpoints/${longer}/here/1-a`, `checkpoints/${longer}/here/2-b/60`].sort(),
    );
    expect(collection.checkpoints.keptBytes).toBeGreaterThan(0);
    expect(below(store)).toHaveLength(6); // weighing changes nothing
    valueOf(await (await store.upkeep()).collect(collection, () => Promise.resolve()));
    expect(below(store)).toEqual(
      [`${longer}/elsewhere/1-c/20`, `${longer}/here/2-b/80`, `${unfinished}/here/1-a/10`].sort(),
    );
    expect((await weigh(store)).checkpoints.superseded).toEqual([]);
  });

  it('that are corrupt do not stand for those that are whole', async () => {
    const store = await finished();
    fs.writeFileSync(path.join(store.root, 'checkpoints', longer, 'here/2-b/80/state'), 'step 8x');
    age(path.join(store.root, 'checkpoints'));
    const paths = (await weigh(store)).checkpoints.superseded.map((one) =>
      path.relative(store.root, one.path),
    );
    expect(paths).toContain(`checkpoints/${longer}/here/2-b/80`);
    expect(paths).not.toContain(`checkpoints/${longer}/here/2-b/60`);
  });

  it('stay while they are young, and while a run may live: it could go on from any', async () => {
    const store = await finished();
    expect((await weigh(store)).checkpoints.superseded).toEqual([]);
    age(path.join(store.root, 'checkpoints'));
    const collection = await weigh(store);
    expect(collection.checkpoints.superseded).toHaveLength(3);
    const other = valueOf(await openStore(store.root));
    expect((await weigh(store)).checkpoints.superseded).toEqual([]);
    valueOf(await (await store.upkeep()).collect(collection, () => Promise.resolve()));
    expect(below(store)).toHaveLength(6);
    valueOf(await other.close());
  });
});
