/** Process groups: whether any process of one lives, and how all of them are ended. */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identifyProcess, type ProcessIdentity } from '../../../store/process-identity.js';

/** Each attempt that starts a command leaves there who leads its group, before it runs. */
export const processFile = 'process.json';

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

/** State and group of a process, from the fields behind its name, which may hold blanks and brackets. */
function stateAndGroup(pid: string): readonly [string, number] {
  const stat = readOr(`/proc/${pid}/stat`);
  const [state = '', , group = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [state, Number(group)];
}

/** Processes of a group that hold anything: where init doesn't reap, the dead stay listed. */
function livingMembers(group: number): readonly string[] {
  return processes().filter((pid) => {
    const [state, of] = stateAndGroup(pid);
    return of === group && state !== '' && !'ZX'.includes(state);
  });
}

export function signalGroup(group: number, name: NodeJS.Signals): void {
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

/** Whether the process that leads a group now is another one, which got the number of one that ended. */
function isReused({ pid, started }: ProcessIdentity): boolean {
  const now = identifyProcess(pid);
  return now.started !== undefined && now.started !== started;
}

/**
 * Ends the group of a command that nobody supervises any more; false where it doesn't end. One of another machine, or
 * of before this one started, is over.
 */
export async function endGroup(leader: ProcessIdentity, self: ProcessIdentity): Promise<boolean> {
  const here = leader.host === self.host && leader.boot === self.boot && leader.namespace === self.namespace;
  if (!here || isReused(leader) || !isGroupAlive(leader.pid)) return true;
  signalGroup(leader.pid, 'SIGKILL');
  return groupGone(leader.pid, endLimit);
}

/**
 * Processes that left the group (daemons), known by a path in their variables that no other work has. Linux only:
 * elsewhere they are not found.
 */
export function strays(mark: string): readonly number[] {
  const own = String(process.pid);
  return processes()
    .filter((pid) => pid !== own && readOr(`/proc/${pid}/environ`).includes(mark))
    .filter((pid) => !'ZX'.includes(stateAndGroup(pid)[0]))
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
