/**
 * A store of several users: its folders belong to a group that may write to them and hand that on (setgid), and so may
 * what is made in them. That it is one stands in the mode of its own folder: whoever opens it then writes for all.
 */
import fs from 'node:fs';
import path from 'node:path';
import { StoreError, errorCode } from './problem.js';

const groupWrites = 0o020;
const handsOn = 0o2000;
/** What members of the group may not do to what this process makes: nothing. */
const sharedMask = 0o002;

export function isShared(root: string): boolean {
  const mode = fs.statSync(root, { throwIfNoEntry: false })?.mode ?? 0;
  return (mode & (groupWrites | handsOn)) === (groupWrites | handsOn);
}

/** From now on this process, and what it starts, make what the group may write to. */
export const writeForGroup = (): void => void process.umask(sharedMask);

/** Gives what is there to the group; the root last, so that it says so only when all of it is. */
export function share(root: string): void {
  try {
    for (const name of fs.readdirSync(root)) shareBelow(path.join(root, name));
    fs.chmodSync(root, modeOf(root) | handsOn | 0o070);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error;
    throw new StoreError({
      class: 'environment',
      code: 'not-shared',
      message: `the store ${root} can't be shared: parts of it belong to another user`,
      hint: `let that user run a pipeline first, with \`shared: true\` in moft.yaml, or: chmod -R g+rwXs ${root}`,
      path: root,
    });
  }
}

/** What others remove meanwhile, such as temporary files, needs nothing. */
function shareBelow(file: string): void {
  try {
    shareStanding(file);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** Blobs stay read-only. */
function shareStanding(file: string): void {
  const stat = fs.lstatSync(file);
  if (stat.isSymbolicLink()) return;
  const writes = (stat.mode & 0o200) === 0 ? 0 : groupWrites;
  const wanted = stat.mode | (stat.isDirectory() ? handsOn | 0o070 : 0o040 | writes);
  if (wanted !== stat.mode) fs.chmodSync(file, wanted & 0o7777);
  if (stat.isDirectory()) for (const name of fs.readdirSync(file)) shareBelow(path.join(file, name));
}

const modeOf = (file: string): number => fs.statSync(file).mode & 0o7777;
