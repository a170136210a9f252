/**
 * The folder that a command works in: the same path for the same key, and nobody else's while the command runs.
 * Beside `<path>` stand `<path>.aside`, for all that isn't the project's, and the folder
 * `<path>.taken`, whose one file says who is there.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { StageFailure } from '../../../contract.js';
import { makeFolder } from '../../../store/disk.js';
import { identifyProcess, isSurelyDead, type ProcessIdentity } from '../../../store/process-identity.js';
import { errorCode } from '../../../store/problem.js';
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
  /** Never throws; @returns what can't be removed, and why: it stays, and the next command works beside it. */
  release(): string | undefined;
}

/** A folder that others can't look into or plant links in. */
function requirePrivate(folder: string): void {
  makeFolder(folder, 0o700);
  const stat = fs.lstatSync(folder);
  const uid = process.getuid?.() ?? stat.uid;
  if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0) return;
  throw new StageFailure(
    'environment',
    'workspace',
    `${folder} must be a folder of your own that nobody else may enter; remove it, or set TMPDIR to another place`,
  );
}

/** Temporary folders are of one machine: what was written before it started, or by another one, is over. */
function isOver({ supervisor }: Owner, self: ProcessIdentity): boolean {
  return supervisor.host !== self.host || supervisor.boot !== self.boot || isSurelyDead(supervisor, self);
}

/** Ends what a killed supervisor left behind; false where it doesn't end. */
const endLeft = ({ group }: Owner, self: ProcessIdentity): Promise<boolean> =>
  group ? endGroup(group, self) : Promise.resolve(true);

/** What refuses to go, in words; undefined where all of it is gone. Another user's files, and mounts, stay. */
export function removalTrouble(...paths: readonly string[]): string | undefined {
  const troubles = paths.flatMap((path) => {
    try {
      removeAll(path);
      return [];
    } catch (error) {
      return [`${path} can't be removed (${(error as Error).message})`];
    }
  });
  return troubles.length === 0 ? undefined : troubles.join('; ');
}

/** Removes a folder whatever rights the command left on it. */
export function removeAll(path: string): void {
  try {
    fs.rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes(errorCode(error) ?? '')) throw error;
    for (const folder of foldersBelow(path)) fs.chmodSync(folder, 0o700);
    fs.rmSync(path, { recursive: true, force: true });
  }
}

function* foldersBelow(path: string): Generator<string> {
  if (!fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  yield path;
  for (const name of fs.readdirSync(path)) yield* foldersBelow(join(path, name));
}

/**
 * Puts the folder that names an owner where none stands, or an empty one, which is all that a rename of a folder
 * replaces. False where an owner stands.
 */
function announce(standing: string, name: string, owner: Owner): boolean {
  const own = `${standing}.${name}`;
  fs.mkdirSync(own, { mode: 0o700 });
  try {
    fs.writeFileSync(join(own, name), JSON.stringify(owner), { mode: 0o600 });
    fs.renameSync(own, standing);
    return true;
  } catch (error) {
    fs.rmSync(own, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
}

/** File of the owner that stands; undefined where it has left meanwhile. */
function ownerFile(standing: string): string | undefined {
  try {
    return fs.readdirSync(standing).map((name) => join(standing, name))[0];
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** @returns file of the owner that this process is now; undefined where another one is at work */
async function claim(path: string, self: ProcessIdentity): Promise<string | undefined> {
  const standing = `${path}.taken`;
  const name = randomBytes(6).toString('hex');
  for (;;) {
    if (announce(standing, name, { supervisor: self })) return join(standing, name);
    const file = ownerFile(standing);
    const owner = file === undefined ? undefined : readOwner(file);
    if (owner && !isOver(owner, self)) return undefined;
    if (owner && !(await endLeft(owner, self))) return undefined;
    // Its name is its own: where another heir was sooner, that one's file stays.
    if (file !== undefined) fs.rmSync(file, { force: true });
  }
}

/** What stays on a disk that refuses is found to be over when this process is. */
function leave(file: string): void {
  try {
    fs.rmSync(file, { force: true });
    fs.rmdirSync(dirname(file));
  } catch {
    // the next one is there already
  }
}

/**
 * Takes the folder of a path and empties it. Where someone else works there (the same key from another store), or where
 * it can't be emptied, the next one beside it.
 */
export async function takePlace(path: string): Promise<Place> {
  requirePrivate(dirname(path));
  const self = identifyProcess();
  let trouble: string | undefined;
  for (let n = 1; n <= most; n += 1) {
    const folder = n === 1 ? path : `${path}-${n}`;
    const file = await claim(folder, self);
    if (file === undefined) continue;
    const left = removalTrouble(folder, asideOf(folder));
    if (left === undefined) return createPlace(folder, file, self);
    leave(file);
    trouble ??= left;
  }
  if (trouble !== undefined)
    throw new StageFailure('environment', 'workspace', `${trouble}; remove it by hand`);
  throw new StageFailure('infrastructure', 'workspace', `${most} others work at ${path}`);
}

const asideOf = (folder: string): string => `${folder}.aside`;

function createPlace(folder: string, file: string, self: ProcessIdentity): Place {
  const aside = asideOf(folder);
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
    fs.mkdirSync(aside, { mode: 0o700 });
  } catch (error) {
    leave(file);
    throw error;
  }
  return {
    folder,
    aside,
    own: (pid) => {
      const group = { ...identifyProcess(pid), mark: aside };
      const next = `${dirname(file)}.${basename(file)}`;
      fs.writeFileSync(next, JSON.stringify({ supervisor: self, group } satisfies Owner), { mode: 0o600 });
      fs.renameSync(next, file);
      return group;
    },
    release: () => {
      const left = removalTrouble(folder, aside);
      leave(file);
      return left;
    },
  };
}
