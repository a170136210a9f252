/** A shared cache in a folder, such as one on a network disk. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { err, ok, type Result } from '../../../schemas/result.js';
import { isDigest } from '../layout.js';
import { errorCode } from '../problem.js';
import { FaultElsewhere, oneAtATime, type Ask } from './one-at-a-time.js';
import { recordLimit, type Remote, type RemoteProblem } from './types.js';

const pieceBytes = 1 << 18;

/** @param timeout milliseconds without an answer: a network disk that is gone gives none, ever */
export function folderRemote(folder: string, timeout = 10_000): Remote {
  const place = (kind: 'ac' | 'cas', digest: string): string => path.join(folder, kind, checked(digest));
  const ask = oneAtATime(folder, timeout);
  const stat = (digest: string): ReturnType<typeof statOf> => ask(() => statOf(place('cas', digest)));
  return {
    name: folder,
    record: (key) => attempt(folder, () => ask(() => readRecord(place('ac', key)))),
    blob: (digest, signal) =>
      attempt(folder, async () =>
        (await stat(digest))?.isFile() === true ? pieces(place('cas', digest), ask, signal) : undefined,
      ),
    has: (digest) => attempt(folder, async () => (await stat(digest)) !== undefined),
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

/** Not at once: a dead mount would hold up everything else. */
async function statOf(file: string): Promise<fs.Stats | undefined> {
  try {
    return await fs.promises.stat(file);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function readRecord(file: string): Promise<Buffer | undefined> {
  const stat = await statOf(file);
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

/** What a file holds, each piece asked for by itself. */
async function* pieces(file: string, ask: Ask, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const opened: { handle?: Promise<fs.promises.FileHandle> } = {};
  try {
    const handle = await ask(() => (opened.handle = fs.promises.open(file, 'r')));
    for (;;) {
      if (signal?.aborted === true) throw new FaultElsewhere('ABORT_ERR', 'it was given up');
      const buffer = Buffer.allocUnsafe(pieceBytes);
      const { bytesRead } = await ask(() => handle.read(buffer, 0, pieceBytes));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    const code = errorCode(error);
    throw code === undefined ? error : new FaultElsewhere(code, (error as Error).message);
  } finally {
    // Not waited for: what is stuck is closed when its answer comes.
    opened.handle?.then((handle) => handle.close()).catch(() => undefined);
  }
}

/** Beside its place, then renamed: whoever reads sees all or nothing. */
async function write(file: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  await fs.promises.mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    await fill(temporary);
    await fs.promises.rename(temporary, file);
  } finally {
    await fs.promises.rm(temporary, { force: true });
  }
}

async function attempt<T>(folder: string, work: () => Promise<T>): Promise<Result<T, RemoteProblem>> {
  try {
    return ok(await work());
  } catch (error) {
    if (error instanceof FaultElsewhere) return err({ code: 'timeout', message: error.message });
    if (errorCode(error) === undefined) throw error;
    return err({
      code: 'unreachable',
      message: `the shared cache ${folder} can't be used: ${(error as Error).message}`,
    });
  }
}
