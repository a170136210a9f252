/** Runs every key that nobody else runs, and notes each execution. argv: root, log, number of keys, order seed. */
import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { keyOf, openStore, type Store } from '../../../runner/store/index.js';

const [root = '', log = '', count = '', order = ''] = process.argv.slice(2);

async function execute(store: Store, cell: number): Promise<void> {
  fs.appendFileSync(log, `${cell}\n`);
  // Long enough for the other process to come by and find the lease.
  await pause(2);
  const put = store.cas.putBytes(`made by ${store.runner}`);
  if (!put.ok) throw new Error(put.error.message);
  const preimage = { cell };
  const published = await store.records.publish({
    v: 1,
    key: keyOf(preimage),
    preimage,
    kind: 'race',
    artifacts: [{ name: 'out', type: 'file', ...put.value }],
    seconds: 0,
    finished: '2026-01-01T00:00:00.000Z',
    run: store.runner,
    environment: {},
  });
  if (!published.ok) throw new Error(published.error.message);
}

/** True where the cell is done, by whomever. */
async function visit(store: Store, cell: number): Promise<boolean> {
  const claim = await store.claim(keyOf({ cell }));
  if (!claim.ok) throw new Error(claim.error.message);
  if (claim.value.kind === 'hit') return true;
  if (claim.value.kind === 'held') return false;
  const { lease } = claim.value;
  await execute(store, cell);
  lease.release();
  return true;
}

const store = await openStore(root);
if (!store.ok) throw new Error(store.error.message);
let left = Array.from({ length: Number(count) }, (_, i) => i);
if (order === 'backwards') left.reverse();
while (left.length > 0) {
  const waiting: number[] = [];
  for (const cell of left) if (!(await visit(store.value, cell))) waiting.push(cell);
  left = waiting;
  await pause(1);
}
await store.value.close();
