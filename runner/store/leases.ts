/**
 * Leases spare work that another runner is doing; they decide nothing. `leases/<key>/<epoch>` appears
 * whole or not at all and is never removed while anyone may hold it; a takeover makes the next epoch.
 */
import path from 'node:path';
import type { Key } from '../pipeline.js';
import type { Context } from './context.js';
import type { Watcher } from './heartbeat.js';
import { leaseFolder, names, readJson } from './layout.js';
import { runnerIdentity } from './liveness.js';
import { errorCode, guard } from './problem.js';
import type { Acquired, Lease, LeaseHolder, Leases } from './types.js';

interface Standing {
  readonly epoch: number;
  /** Undefined where the file can't be read. */
  readonly runner?: string;
  readonly released: boolean;
}

/**
 * The highest epoch of a key; epoch 0 stands for "never held".
 *
 * @param unmarked the markers of own leases that no disk took
 */
function standing(folder: string, unmarked: ReadonlySet<string>): Standing {
  const all = names(folder);
  const epoch = Math.max(0, ...all.filter((name) => /^\d+$/.test(name)).map(Number));
  if (epoch === 0) return { epoch, released: true };
  const content = readJson(path.join(folder, String(epoch))) as { runner?: unknown } | null | undefined;
  const marker = `${epoch}.released`;
  const released = all.includes(marker) || unmarked.has(path.join(folder, marker));
  return typeof content?.runner === 'string'
    ? { epoch, runner: content.runner, released }
    : { epoch, released };
}

function createLease(
  context: Context,
  { ticket, unmarked }: { readonly ticket: Ticket; readonly unmarked: Set<string> },
  { key, epoch: before, runner, released }: Standing & { readonly key: Key },
): Lease {
  const folder = leaseFolder(context.root, key);
  const epoch = before + 1;
  return {
    key,
    epoch,
    ...(released || runner === undefined ? {} : { takenFrom: runner }),
    release: () => {
      const marker = path.join(folder, `${epoch}.released`);
      // Where the disk takes no marker the lease ends for others with this process, and for this one now.
      if (!guard(() => ticket(marker)).ok) unmarked.add(marker);
    },
  };
}

/** Puts a file that names this runner at a place; false where one stands. */
type Ticket = (place: string) => boolean;

/** All leases of a runner say the same: they are links to one file, as far as the disk allows so many. */
function createTicket(context: Context): Ticket {
  let file: string | undefined;
  const fresh = (): string => {
    const made = context.temporary();
    context.disk.write(made, JSON.stringify({ runner: context.runner }));
    return made;
  };
  return (place) => {
    for (;;) {
      const known = file;
      file ??= fresh();
      try {
        context.disk.link(file, place);
        return true;
      } catch (error) {
        const code = errorCode(error);
        if (code === 'EEXIST') return false;
        // Too many links, or gone: once more with a new one.
        if (known === undefined || (code !== 'EMLINK' && code !== 'ENOENT')) throw error;
        file = undefined;
      }
    }
  };
}

/** @param announce starts the heartbeat; called before the first lease is taken */
export function createLeases(context: Context, watcher: Watcher, announce: () => void): Leases {
  // A lease whose file a crash left empty names nobody whose life could be watched: its own silence counts.
  const isOver = (key: Key, { epoch, runner }: Standing): boolean => {
    if (runner === undefined) return watcher.isAbandoned(`${key}/${epoch}`);
    return runner !== context.runner && watcher.isDead(runner);
  };
  const ticket = createTicket(context);
  const unmarked = new Set<string>();
  const holderOf = ({ runner = 'unknown' }: Standing): LeaseHolder => {
    const known = runnerIdentity(context.root, runner);
    return { runner, ...(known ? { host: known.host, pid: known.pid } : {}) };
  };
  const acquire = (key: Key): Acquired => {
    // What can't be kept is not worth computing.
    context.durability.require();
    announce();
    const folder = leaseFolder(context.root, key);
    for (;;) {
      const now = standing(folder, unmarked);
      if (!now.released && !isOver(key, now)) return { kind: 'held', holder: holderOf(now) };
      context.disk.folder(folder);
      // Whoever links an epoch first holds it.
      if (ticket(path.join(folder, String(now.epoch + 1))))
        return { kind: 'lease', lease: createLease(context, { ticket, unmarked }, { key, ...now }) };
    }
  };
  return {
    acquire: (key) => guard(() => acquire(key)),
    standing: (key) => {
      const { epoch, runner, released } = standing(leaseFolder(context.root, key), unmarked);
      return released || runner === undefined ? undefined : { epoch, runner };
    },
  };
}
