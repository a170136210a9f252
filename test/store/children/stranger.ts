/** Opens a store as somebody without rights and prints what comes of it. argv: root, access, uid. */
import { openStore } from '../../../runner/store/index.js';

const [root = '', access = '', uid = ''] = process.argv.slice(2);
process.setgid?.(Number(uid));
process.setuid?.(Number(uid));
const store = await openStore(root, { access: access === 'read' ? 'read' : 'write' });
const keys = store.ok ? store.value.records.keys() : [];
if (store.ok) await store.value.close();
process.stdout.write(JSON.stringify(store.ok ? { ok: true, keys } : store));
