/** Works in a store and dies by SIGKILL before (or in the middle of) its n-th write. argv: root, n, how much of a chunk. */
import fs from 'node:fs';
import { createDisk, openStore } from '../../../runner/store/index.js';
import { work } from './workload.js';

const [root = '', at = '', share = ''] = process.argv.slice(2);
let writes = 0;

const disk = createDisk(({ path, bytes }) => {
  writes += 1;
  if (writes !== Number(at)) return;
  if (bytes) fs.appendFileSync(path, bytes.subarray(0, Math.floor(bytes.length * Number(share))));
  process.kill(process.pid, 'SIGKILL');
});
const store = await openStore(root, { disk });
if (!store.ok) throw new Error(store.error.message);
await work(store.value, 'r1');
await store.value.close();
process.stdout.write(String(writes));
