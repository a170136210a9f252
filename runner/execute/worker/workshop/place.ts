/**
 * The folder that a command works in: the same path for the same key, and nobody else's while the command runs.
 * Beside `<path>` stand `<path>.aside`, for all that isn't the project's, and `<path>.owner`, which says who is there.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { StageFailure } from '../../../contract.js';
import { identifyProcess, isSurelyDead, type ProcessIdentity } from '../../../store/process-identity.js';
import { endGroup, type CommandGroup } from './group.js';

/** More than so many others at work under one key on one machine: something is wrong. */
const most = 32;

interface Owner {
  readonly supervisor: ProcessIdentity;
  readonly group?: CommandGroup;
}

export interface Place {
  readonly folder: string;
  readonly aside: string;
  /** Notes the command's process group, so that whoever comes later can end what a kill of its supervisor left. */
  own(group: number): CommandGroup;
  release(): void;
}

const systemCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A folder that others can't look into or plant links in. */
function requirePrivate(folder: string): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = fs.lstatSync(folder);
  const uid = process.getuid?.() ?? stat.uid;
  if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0) return;
  throw new StageFailure(
    'environment',
    'workspace',
    `${folder} must be a folder of your own that nobody else may enter; remove it, or set TMPDIR to another place`,
  );
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** Temporary folders are of one machine: what was written before it started, or by another one, is over. */
function isOver({ supervisor }: Owner, self: ProcessIdentity): boolean {
  if (supervisor.host !== self.host || supervisor.boot !== self.boot) return true;
  if (supervisor.started !== undefined) return isSurelyDead(supervisor, self);
  try {
    process.kill(supervisor.pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
}

/** Ends what a killed supervisor left behind; false where it doesn't end. */
const endLeft = ({ group }: Owner, self: ProcessIdentity): Promise<boolean> =>
  group ? endGroup(group, self) : Promise.resolve(true);

/** Removes a folder whatever rights the command left on it. */
export function removeAll(path: string): void {
  try {
    fs.rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes(systemCode(error) ?? '')) throw error;
    for (const folder of foldersBelow(path)) fs.chmodSync(folder, 0o700);
    fs.rmSync(path, { recursive: true, force: true });
  }
}

function* foldersBelow(path: string): Generator<string> {
  if (!fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  yield path;
  for (const name of fs.readdirSync(path)) yield* foldersBelow(join(path, name));
}

/** Writes an owner file that appears whole; false where one stands. */
function announce(file: string, owner: Owner): boolean {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  fs.writeFileSync(temporary, JSON.stringify(owner), { mode: 0o600 });
  try {
    fs.linkSync(temporary, file);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    fs.unlinkSync(temporary);
  }
}

/** Takes a dead owner's file away; of several who try one succeeds, and all may announce themselves again. */
function bury(file: string): void {
  const away = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    fs.renameSync(file, away);
    fs.unlinkSync(away);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

async function claim(path: string, self: ProcessIdentity): Promise<string | undefined> {
  const file = `${path}.owner`;
  for (;;) {
    if (announce(file, { supervisor: self })) return file;
    const owner = readOwner(file);
    if (owner && !isOver(owner, self)) return undefined;
    if (owner && !(await endLeft(owner, self))) return undefined;
    bury(file);
  }
}

/**
 * Takes the folder of a path and empties it. Where someone else works there (the same key from another store), the
 * next free one beside it.
 */
export async function takePlace(path: string): Promise<Place> {
  requirePrivate(dirname(path));
  const self = identifyProcess();
  for (let n = 1; n <= most; n += 1) {
    const folder = n === 1 ? path : `${path}-${n}`;
    const file = await claim(folder, self);
    if (file !== undefined) return createPlace(folder, file, self);
  }
  throw new StageFailure('infrastructure', 'workspace', `${most} others work at ${path}`);
}

function createPlace(folder: string, file: string, self: ProcessIdentity): Place {
  const aside = `${folder}.aside`;
  const clear = (): void => {
    removeAll(folder);
    removeAll(aside);
  };
  clear();
  fs.mkdirSync(folder, { mode: 0o700 });
  fs.mkdirSync(aside, { mode: 0o700 });
  return {
    folder,
    aside,
    own: (pid) => {
      const group = { ...identifyProcess(pid), mark: aside };
      fs.writeFileSync(`${file}.next`, JSON.stringify({ supervisor: self, group } satisfies Owner), {
        mode: 0o600,
      });
      fs.renameSync(`${file}.next`, file);
      return group;
    },
    release: () => {
      clear();
      fs.rmSync(file, { force: true });
    },
  };
}
