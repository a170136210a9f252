import type { Store, StoredRecord } from '../../runner/store/index.js';
import { recordOf, valueOf } from './fixtures.js';

export async function publish(
  store: Store,
  content: string,
  seconds = 1,
  note = content,
): Promise<StoredRecord> {
  const put = valueOf(store.cas.putBytes(content));
  return valueOf(
    await store.records.publish(recordOf({ note }, [{ name: 'out', type: 'file', put }], seconds)),
  );
}

/** Two results of one key, the first of which is chosen. */
export async function publishTwice(store: Store): Promise<{ first: StoredRecord; second: StoredRecord }> {
  const first = await publish(store, 'first', 1, 'same');
  const put = valueOf(store.cas.putBytes('second'));
  valueOf(await store.records.publish(recordOf({ note: 'same' }, [{ name: 'out', type: 'file', put }])));
  const second = store.records.all(first.key).find(({ digest }) => digest !== first.digest);
  if (!second) throw new Error('the second result was not filed');
  return { first, second };
}

/** A run of a file that is there, as its manifest has it. */
export function nameRun(
  store: Store,
  record: StoredRecord,
  status: 'running' | 'done',
  runner: string,
  { run = 'r1', ...extra }: { readonly run?: string; readonly part?: string } = {},
): void {
  valueOf(
    store.runs.write({
      v: 1,
      run,
      pipeline: 'p',
      file: import.meta.filename,
      started: '2026-01-01T00:00:00.000Z',
      status,
      cells: { a: { key: record.key, record: record.digest, how: 'ran' } },
      extra: { runner, ...extra },
    }),
  );
}
