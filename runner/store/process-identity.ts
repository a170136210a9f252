/** Who a process is, so that another one can tell that it is gone. */
import fs from 'node:fs';
import os from 'node:os';

export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Start time in clock ticks since boot; undefined where the system doesn't tell (macOS). */
  readonly started?: string;
  readonly boot?: string;
  /** The pid namespace: two containers of one host count processes apart. */
  readonly namespace?: string;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/<pid>/stat; the name before it may hold blanks and brackets. */
function startTime(pid: number): string | undefined {
  const stat = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more.
  return fields?.[0] === 'Z' ? undefined : fields?.[19];
}

export function identifyProcess(pid: number = process.pid): ProcessIdentity {
  const started = startTime(pid);
  const boot = attempt(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
  const namespace = attempt(() => fs.readlinkSync('/proc/self/ns/pid'));
  return {
    host: os.hostname(),
    pid,
    ...(started === undefined ? {} : { started }),
    ...(boot === undefined ? {} : { boot }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

/**
 * Whether a process is surely gone: it was seen from here (same host, boot and pid namespace), and no process has
 * its pid and start time now. Never says that one is alive.
 */
export function isSurelyDead(other: ProcessIdentity, self: ProcessIdentity): boolean {
  const comparable =
    other.host === self.host &&
    other.boot !== undefined &&
    other.boot === self.boot &&
    other.namespace !== undefined &&
    other.namespace === self.namespace &&
    other.started !== undefined;
  if (!comparable) return false;
  const started = startTime(other.pid);
  return started === undefined ? !isHidden(other.pid) : started !== other.started;
}

/** Where /proc shows a user's own processes only, another one's is there all the same. */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
