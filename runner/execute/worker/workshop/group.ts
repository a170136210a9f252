/** Process groups: whether any process of one lives, and how all of them are ended. */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processState, type ProcessIdentity } from '../../../store/process-identity.js';

/** Each attempt that starts a command leaves there who leads its group, from before it runs until all of it has ended. */
export const processFile = 'process.json';

/** The group of a command, by its leader. */
export interface CommandGroup extends ProcessIdentity {
  /** A path that stands in the variables of this command only. */
  readonly mark?: string;
}

const firstPause = 2;
const longestPause = 50;
const endLimit = 5000;

function readOr(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // gone, or another user's
  }
}

const processes = (): readonly string[] => {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return []; // macOS
  }
};

/** Processes of a group that hold anything: where init doesn't reap, the dead stay listed. */
function livingMembers(group: number): readonly string[] {
  return processes().filter((pid) => {
    const found = processState(pid);
    return found?.group === group && !'ZX'.includes(found.state);
  });
}

/** @param group undefined: of a process that never began */
export function signalGroup(group: number | undefined, name: NodeJS.Signals): void {
  if (group === undefined) return;
  try {
    process.kill(-group, name);
  } catch {
    // already gone
  }
}

export function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return process.platform !== 'linux' || livingMembers(group).length > 0;
}

/** Waits until nothing of a group lives; false where that takes longer than `limit` ms. */
export async function groupGone(group: number, limit: number): Promise<boolean> {
  let waited = 0;
  for (let pause = firstPause; isGroupAlive(group); pause = Math.min(longestPause, pause * 2)) {
    if (waited >= limit) return false;
    await sleep(pause);
    waited += pause;
  }
  return true;
}

/**
 * Whether a living group is the one of a command, or of something that got its number when it had ended. Where its
 * leader can't be looked at, what its members say of themselves tells; undefined where nothing does.
 */
function isSame({ pid, started, mark }: CommandGroup): boolean | undefined {
  // Of a leader that nobody has reaped, too.
  const now = processState(pid)?.started;
  if (now !== undefined && started !== undefined) return now === started;
  if (mark === undefined) return undefined;
  return livingMembers(pid).some((member) => readOr(`/proc/${member}/environ`).includes(mark)) || undefined;
}

/**
 * Ends the group of a command that nobody supervises any more; false where it doesn't end, or where what has its number
 * may be another one, which is left alone. One of another machine, or of before this one started, is over.
 */
export async function endGroup(group: CommandGroup, self: ProcessIdentity): Promise<boolean> {
  const here = group.host === self.host && group.boot === self.boot && group.namespace === self.namespace;
  if (!here || !isGroupAlive(group.pid)) return true;
  const same = isSame(group);
  if (same !== true) return same === false;
  signalGroup(group.pid, 'SIGKILL');
  return groupGone(group.pid, endLimit);
}

/**
 * Processes that left the group (daemons), known by a path in their variables that no other work has. Linux only:
 * elsewhere they are not found.
 */
export function strays(mark: string): readonly number[] {
  const own = String(process.pid);
  return processes()
    .filter((pid) => pid !== own && readOr(`/proc/${pid}/environ`).includes(mark))
    .filter((pid) => !'ZX'.includes(processState(pid)?.state ?? 'X'))
    .map(Number);
}

export async function endStrays(mark: string, limit: number): Promise<number> {
  const found = strays(mark);
  for (const pid of found) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // ended meanwhile
    }
  }
  for (let waited = 0; waited < limit && found.length > 0 && strays(mark).length > 0; waited += longestPause)
    await sleep(longestPause);
  return found.length;
}
