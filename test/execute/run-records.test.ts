/** What a run reads and leaves of records, in real worker processes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CellId } from '../../runner/pipeline.js';
import type { Store, StoredRecord } from '../../runner/store/index.js';
import type { ResultRecord } from '../../schemas/protocol.js';
import { Rig } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

const id = (name: string): CellId => name as CellId;

/** Files another result of the only key that there is, and pins it. */
async function pinAnother(
  store: Store,
  change: (made: ResultRecord) => Partial<ResultRecord>,
): Promise<{ readonly first: StoredRecord; readonly other: StoredRecord }> {
  const [key] = store.records.keys();
  const [first] = key ? store.records.all(key) : [];
  if (!first) throw new Error('there is no result');
  await store.records.publish({ ...first.record, ...change(first.record) });
  const other = store.records.all(first.key).find(({ digest }) => digest !== first.digest);
  if (!other) throw new Error('the other result was not filed');
  await store.records.pin(other);
  return { first, other };
}

describe('a run', () => {
  it('reads one record a key from beginning to end, whatever is pinned meanwhile', async () => {
    const same = { with: { label: 'same', socket: rig.commander.path } };
    const { summary, store } = await rig.start([
      rig.step('a', same),
      rig.step('gate', { needs: [id('a')] }),
      rig.step('b', { ...same, needs: [id('gate')] }),
    ]);
    (await rig.commander.next('same')).finish();
    const gate = await rig.commander.next('gate');
    const put = store.cas.putBytes('another result');
    if (!put.ok) throw new Error(put.error.message);
    const { first, other } = await pinAnother(store, ({ artifacts }) => ({
      artifacts: artifacts.map((artifact) => ({ ...artifact, ...put.value })),
    }));
    gate.finish();
    expect((await summary).counts).toMatchObject({ ran: 2, hit: 1 });
    expect(await store.records.chosen(first.key)).toMatchObject({ record: { digest: other.digest } });
    const { a, b } = store.runs.read('run-1')?.cells ?? {};
    expect([a?.record, b?.record]).toEqual([first.digest, first.digest]);
  });

  it('warns where a cell gathers results of different numeric environments', async () => {
    const first = await rig.start([rig.step('a')]);
    (await rig.commander.next('a')).finish();
    await first.summary;
    await pinAnother(first.store, () => ({ environment: { node: 'v1.2.3' } }));
    const { summary } = await rig.start([
      rig.step('a'),
      rig.step('b'),
      rig.step('c', { after: ['a', 'b'] }),
      rig.step('d', { after: ['b'] }),
    ]);
    for (const name of ['b', 'c', 'd']) (await rig.commander.next(name)).finish();
    await summary;
    const major = process.version.split('.')[0] ?? '';
    expect(rig.journal.filter(({ type }) => type === 'run-note')).toEqual([
      {
        type: 'run-note',
        cell: 'c',
        text: `it gathers results of different numeric environments: node "v1" (a) and node "${major}" (b); \`reproducible: strict\` computes all in one`,
      },
    ]);
  });

  it('leaves records that know no name of a cell, and a manifest that does', async () => {
    const { summary, store } = await rig.start([
      rig.step('unmistakable', { with: { label: 'x', socket: rig.commander.path } }),
    ]);
    (await rig.commander.next('x')).finish();
    await summary;
    const bound = store.runs.read('run-1')?.cells.unmistakable;
    const record = bound && store.records.read(bound.key, bound.record);
    expect(record?.record.artifacts).toHaveLength(1);
    expect(JSON.stringify(record)).not.toContain('unmistakable');
  });
});
