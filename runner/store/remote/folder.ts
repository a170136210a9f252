/** A shared cache in a folder, such as one on a network disk. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { err, ok, type Result } from '../../../schemas/result.js';
import { isDigest } from '../layout.js';
import { errorCode } from '../problem.js';
import { recordLimit, type Remote, type RemoteProblem } from './types.js';

export function folderRemote(folder: string): Remote {
  const place = (kind: 'ac' | 'cas', digest: string): string => path.join(folder, kind, checked(digest));
  return {
    name: folder,
    record: (key) => attempt(folder, () => readRecord(place('ac', key))),
    blob: (digest, signal) => attempt(folder, () => openBlob(place('cas', digest), signal)),
    has: (digest) => attempt(folder, () => Promise.resolve(fs.existsSync(place('cas', digest)))),
    putBlob: (digest, file) =>
      attempt(folder, () =>
        write(place('cas', digest), (temporary) =>
          pipeline(fs.createReadStream(file), fs.createWriteStream(temporary, { flags: 'wx' })),
        ),
      ),
    putRecord: (key, content) =>
      attempt(folder, () =>
        write(place('ac', key), (temporary) => fs.promises.writeFile(temporary, content, { flag: 'wx' })),
      ),
  };
}

/** No path is built from what isn't 64 hexadecimal digits. */
export function checked(digest: string): string {
  if (isDigest(digest)) return digest;
  throw new Error(`internal error: ${JSON.stringify(digest)} was to be asked of a cache; please report it`);
}

async function readRecord(file: string): Promise<Buffer | undefined> {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) return undefined;
  const handle = await fs.promises.open(file, 'r');
  try {
    // One byte more than is allowed is enough to be refused.
    const buffer = Buffer.alloc(Math.min(stat.size, recordLimit + 1));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function openBlob(file: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
  const isFile = fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  return Promise.resolve(isFile ? fs.createReadStream(file, signal ? { signal } : {}) : undefined);
}

/** Beside its place, then renamed: whoever reads sees all or nothing. */
async function write(file: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    await fill(temporary);
    fs.renameSync(temporary, file);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

async function attempt<T>(folder: string, work: () => Promise<T>): Promise<Result<T, RemoteProblem>> {
  try {
    return ok(await work());
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return err({
      code: 'unreachable',
      message: `the shared cache ${folder} can't be used: ${(error as Error).message}`,
    });
  }
}
