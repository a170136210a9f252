/** Takes a command's output: copied, not moved, since something may still hold its file open for writing. */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ArtifactType } from '../../../../schemas/artifact.js';
import type { Failure } from '../../../../schemas/protocol.js';
import type { Result } from '../../../../schemas/result.js';
import { StageFailure } from '../../../contract.js';
import { checkOutput, checkRows, rowsFile } from '../../outputs.js';
import { Searcher, type Pattern } from './secrets.js';

const chunkBytes = 1 << 20;

export interface Taking {
  readonly name: string;
  readonly type: ArtifactType;
  /** Where the command was to write it. */
  readonly path: string;
  /** How messages call that path. */
  readonly shown: string;
  /** What must hold it, links followed. */
  readonly folder: string;
  readonly destination: string;
  readonly secrets: readonly Pattern[];
  /** A path that means nothing elsewhere. */
  readonly local: string;
}

/** @returns whether the output names the local path */
export async function takeOutput(taking: Taking): Promise<boolean> {
  const source = locate(taking);
  const searches = { secrets: taking.secrets, local: [{ name: 'path', text: taking.local }], named: false };
  const copy = new Copy(taking, searches);
  if (taking.type === 'file') await copy.file(source, taking.destination, '');
  else await copy.folder(source, taking.destination);
  const checked = await checkTaken(taking);
  if (!checked.ok) throw new StageFailure('user', checked.error.code, checked.error.message);
  return searches.named;
}

async function checkTaken({ name, type, destination }: Taking): Promise<Result<unknown, Failure>> {
  const checked = await checkOutput(name, type, destination);
  if (!checked.ok || checked.value.rows === undefined) return checked;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(join(destination, rowsFile))) hash.update(chunk as Buffer);
  return checkRows(name, checked.value.rows, hash.digest('hex'));
}

/** The real place of an output, which must be of the right sort and inside the working folder. */
function locate({ name, type, path, shown, folder }: Taking): string {
  const what = JSON.stringify(name);
  if (!lstatSync(path, { throwIfNoEntry: false }))
    throw new StageFailure(
      'user',
      'output-missing',
      `the command ended well and left no ${shown} for its output ${what}`,
    );
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    throw new StageFailure(
      'user',
      'output-missing',
      `${shown}, the output ${what}, is a link that leads to nothing`,
    );
  }
  if (relative(folder, real).startsWith('..'))
    throw new StageFailure(
      'user',
      'output-outside',
      `${shown}, the output ${what}, is a link that leads out of the working folder, to ${real}`,
    );
  const stat = lstatSync(real);
  if (type === 'file' ? stat.isFile() : stat.isDirectory()) return real;
  const found = stat.isDirectory() ? 'a folder' : stat.isFile() ? 'a file' : 'neither a file nor a folder';
  throw new StageFailure('user', 'output-invalid', `the output ${what} is no ${type}: ${shown} is ${found}`);
}

interface Searches {
  readonly secrets: readonly Pattern[];
  readonly local: readonly Pattern[];
  named: boolean;
}

class Copy {
  readonly #taking: Taking;
  readonly #searches: Searches;

  constructor(taking: Taking, searches: Searches) {
    this.#taking = taking;
    this.#searches = searches;
  }

  async folder(source: string, destination: string, below = ''): Promise<void> {
    mkdirSync(destination);
    for (const name of readdirSync(source).sort()) {
      const inside = below === '' ? name : `${below}/${name}`;
      this.#look(Buffer.from(name), inside);
      const from = join(source, name);
      const stat = lstatSync(from);
      if (stat.isDirectory()) await this.folder(from, join(destination, name), inside);
      else if (stat.isSymbolicLink()) this.#link(from, join(destination, name), inside);
      else await this.file(from, join(destination, name), inside);
    }
  }

  /** @param inside path below the output, for messages */
  async file(source: string, destination: string, inside: string): Promise<void> {
    const from = await this.#open(source, inside);
    try {
      const { size, mode } = await from.stat();
      const to = await open(destination, 'wx', mode & 0o100 ? 0o755 : 0o644);
      await this.#pump(from, to, { size, inside }).finally(() => to.close());
    } finally {
      await from.close();
    }
  }

  #link(from: string, to: string, inside: string): void {
    const target = readlinkSync(from);
    this.#look(Buffer.from(target), inside);
    symlinkSync(target, to);
  }

  async #open(source: string, inside: string): Promise<FileHandle> {
    const special = new StageFailure(
      'user',
      'output-special',
      `${this.#shown(inside)} is no regular file; an output holds files, folders and links inside them`,
    );
    if (!lstatSync(source).isFile()) throw special;
    return open(source, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  }

  /** Up to the size that it has now: what grows while it is read has no end. */
  async #pump(
    from: FileHandle,
    to: FileHandle,
    { size, inside }: { readonly size: number; readonly inside: string },
  ): Promise<void> {
    const secrets = new Searcher(this.#searches.secrets);
    const local = new Searcher(this.#searches.local);
    for (let left = size; left > 0;) {
      const { bytesRead, buffer } = await from.read(Buffer.allocUnsafe(Math.min(chunkBytes, left)), 0);
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      secrets.push(chunk);
      local.push(chunk);
      if (secrets.found) break;
      await to.writeFile(chunk);
      left -= bytesRead;
    }
    this.#judge(secrets, inside);
    this.#searches.named ||= local.found !== undefined;
  }

  #look(bytes: Buffer, inside: string): void {
    const secrets = new Searcher(this.#searches.secrets);
    secrets.push(bytes);
    this.#judge(secrets, inside);
  }

  #judge({ found }: Searcher, inside: string): void {
    if (!found) return;
    throw new StageFailure(
      'user',
      'secret-in-output',
      `${this.#shown(inside)} holds the secret ${found.name}, as it is or encoded; nothing of it was kept. Write it nowhere`,
    );
  }

  #shown(inside: string): string {
    const { name, shown } = this.#taking;
    return `${inside === '' ? shown : `${shown}/${inside}`} of the output ${JSON.stringify(name)}`;
  }
}
