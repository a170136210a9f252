/** Where everything lies below `.moft`, and the version of that. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { StoreError, errorCode, guard } from './problem.js';
import type { Disk } from './disk.js';

export const layoutVersion = 1;

const versionFile = 'layout.json';

const hex = /^[0-9a-f]{64}$/;

/** A digest or key that came from a file, before any path is built from it. */
export const isDigest = (text: unknown): text is string => typeof text === 'string' && hex.test(text);

/** A run's id as a file name: letters, digits, `.`, `_`, `-`, at most 64. */
export const isRunName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);

function digestPart(digest: string): string {
  if (!isDigest(digest)) {
    throw new Error(
      `internal error: ${JSON.stringify(digest)} was to name a file of the store; please report it`,
    );
  }
  return digest;
}

function runPart(run: string): string {
  if (!isRunName(run)) {
    throw new Error(`internal error: ${JSON.stringify(run)} is no run id; please report it`);
  }
  return run;
}

// These two are asked for thousands of times, and `path.join` is slow; a root is absolute and normal.
export const blobPath = (root: string, digest: string): string =>
  `${root}/cas/${digestPart(digest).slice(0, 2)}/${digest}`;
export const recordFolder = (root: string, key: string): string => `${root}/records/${digestPart(key)}`;
export const leaseFolder = (root: string, key: string): string => path.join(root, 'leases', digestPart(key));
export const runFile = (root: string, run: string): string => path.join(root, 'runs', `${runPart(run)}.json`);
export const journalFile = (root: string, run: string): string =>
  path.join(root, 'journal', `${runPart(run)}.jsonl`);
export const attemptsFolder = (root: string, run: string): string =>
  path.join(root, 'attempts', runPart(run));
export const runnerFile = (root: string, runner: string): string =>
  path.join(root, 'runners', `${runPart(runner)}.json`);
export const heartbeatFile = (root: string, runner: string): string =>
  path.join(root, 'runners', `${runPart(runner)}.beat`);
export const temporaryFolder = (root: string, runner: string): string =>
  path.join(root, 'tmp', runPart(runner));

/** Names in a folder, by code unit; none where there is no folder. */
export function names(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** Text of a file, or undefined where there is none. */
export function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined where the text is torn or there is none. */
export function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The parsed JSON of a file; undefined where there is none or it is torn. */
export const readJson = (file: string): unknown => parseJson(readText(file));

/**
 * Refuses a folder of another layout.
 * Returns false where there is no store yet.
 */
export function checkLayout(root: string): boolean {
  const file = path.join(root, versionFile);
  if (readText(file) === undefined) return false;
  const layout = readJson(file);
  const version =
    typeof layout === 'object' && layout !== null && 'version' in layout ? layout.version : null;
  if (version === layoutVersion) return true;
  throw new StoreError({
    class: 'environment',
    code: 'store-layout',
    message: `the store ${root} has layout ${JSON.stringify(version)}; this moft reads layout ${layoutVersion}`,
    hint: 'use the moft that wrote it, or start a fresh store beside it: MOFT_HOME=<another folder> moft run FILE',
    path: file,
  });
}

/** Room for the few small files of a collection, which gives it up where the disk is full. */
const reserve = 'reserve';
const reserveBytes = 1 << 17;

/** Of bytes that no file system makes smaller; a disk without room for it has none to lay by. */
export function layReserve(root: string, disk: Disk): void {
  const file = path.join(root, reserve);
  if (!fs.existsSync(file)) guard(() => disk.write(file, randomBytes(reserveBytes)));
}

/** False where there is none. */
export function giveReserveUp(root: string, disk: Disk): boolean {
  const file = path.join(root, reserve);
  if (!fs.existsSync(file)) return false;
  disk.remove(file);
  return true;
}

const folders = ['cas', 'records', 'runs', 'leases', 'attempts', 'checkpoints', 'journal', 'runners', 'tmp'];

/**
 * Makes the folders of a store; the version file last, so that it stands only in a whole one.
 *
 * @param announce says who the runner is, before anything of its own stands that somebody would have to sweep
 */
export function createLayout(root: string, disk: Disk, runner: string, announce: () => void): void {
  for (const folder of folders) disk.folder(path.join(root, folder));
  announce();
  disk.folder(temporaryFolder(root, runner));
  if (checkLayout(root)) return;
  const put = (name: string, content: string): void => {
    const temporary = path.join(temporaryFolder(root, runner), name);
    disk.write(temporary, content);
    disk.rename(temporary, path.join(root, name));
  };
  put('.gitignore', '*\n');
  put(versionFile, `${JSON.stringify({ store: 'moft', version: layoutVersion })}\n`);
}
