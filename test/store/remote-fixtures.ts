/** Results that are put into shared caches, and servers that are one. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Store, StoredRecord } from '../../runner/store/index.js';
import { publicText } from '../../runner/store/remote/envelope.js';
import { httpRemote } from '../../runner/store/remote/http.js';
import { push } from '../../runner/store/remote/transfer.js';
import type { Remote } from '../../runner/store/remote/types.js';
import { freshStore, recordOf, temporaryFolder, valueOf, writeFiles } from './fixtures.js';

export const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;
export const signing = newKey();
export const trusted = [publicText(signing)];

/** A result with a file and a folder. */
export async function publish(store: Store, note = 'one'): Promise<StoredRecord> {
  const folder = writeFiles(temporaryFolder(), { 'a.txt': `a of ${note}`, 'sub/b.txt': 'b', 'empty/': '' });
  const file = valueOf(store.cas.putBytes(`file of ${note}`));
  const tree = valueOf(await store.cas.putTree(folder));
  const outputs = [
    { name: 'scores', type: 'file', put: file },
    { name: 'model', type: 'directory', put: tree },
  ] as const;
  return valueOf(await store.records.publish(recordOf({ note }, outputs)));
}

export async function pushed(remote: Remote, note?: string): Promise<StoredRecord> {
  const store = await freshStore();
  const stored = await publish(store, note);
  valueOf(await push(store, remote, { stored, signing }));
  return stored;
}

/** A server that answers as it is told. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const at = (url: string, timeout = 10_000): Remote => httpRemote({ url, timeout });
