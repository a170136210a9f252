/** Takes the lease of a key, says so, and keeps its main thread busy until it is killed. argv: root, key, beat in ms. */
import fs from 'node:fs';
import { openStore, toKey } from '../../../runner/store/index.js';

const [root = '', text = '', everyMs = ''] = process.argv.slice(2);
const store = await openStore(root, { heartbeat: { everyMs: Number(everyMs), silenceMs: 90_000 } });
const key = toKey(text);
if (!store.ok || key === undefined) throw new Error('the store does not open');
const acquired = store.value.leases.acquire(key);
fs.writeSync(1, `${acquired.ok ? acquired.value.kind : acquired.error.message} ${store.value.runner}\n`);
for (;;);
