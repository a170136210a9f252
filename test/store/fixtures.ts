import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { ArtifactType } from '../../schemas/artifact.js';
import type { JsonObject } from '../../schemas/json.js';
import type { ResultRecord } from '../../schemas/protocol.js';
import type { Result } from '../../schemas/result.js';
import { keyOf, openStore, type OpenOptions, type Put, type Store } from '../../runner/store/index.js';
import type { CellId, Key } from '../../runner/pipeline.js';

export const cellId = (text: string): CellId => text as CellId;

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'moft-test-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function valueOf<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`expected a value, got ${JSON.stringify(result.error)}`);
  return result.value;
}

export function errorOf<T, E>(result: Result<T, E>): E {
  if (result.ok) throw new Error(`expected an error, got ${JSON.stringify(result.value)}`);
  return result.error;
}

/** An open store in a fresh folder, closed after the test. */
export async function freshStore(options: OpenOptions = {}, root?: string): Promise<Store> {
  const store = valueOf(await openStore(root ?? path.join(temporaryFolder(), '.moft'), options));
  onTestFinished(async () => {
    await store.close();
  });
  return store;
}

export interface Output {
  readonly name: string;
  readonly type: ArtifactType;
  readonly put: Put;
}

/** A record with a preimage of its own for each `content`. */
export function recordOf(content: JsonObject, outputs: readonly Output[], seconds = 1): ResultRecord {
  return {
    v: 1,
    key: keyOf(content),
    preimage: content,
    kind: 'test',
    artifacts: outputs.map(({ name, type, put }) => ({ name, type, digest: put.digest, bytes: put.bytes })),
    seconds,
    finished: '2026-01-01T00:00:00.000Z',
    run: 'r1',
    environment: {},
  };
}

export const keyFor = (content: JsonObject): Key => keyOf(content);

/** Writes files by relative path; a path that ends in `/` is an empty folder. */
export function writeFiles(root: string, files: Readonly<Record<string, string>>): string {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    fs.mkdirSync(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
    if (!name.endsWith('/')) fs.writeFileSync(file, content);
  }
  return root;
}

/** The only blob file of a store with this digest. */
export const blobFile = (store: Store, digest: string): string =>
  path.join(store.root, 'cas', digest.slice(0, 2), digest);
