/** Who a process is, so that another one can tell that it is gone. */
import { execFileSync } from 'node:child_process';
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

export interface ProcessState {
  /** One letter; Z: nobody has asked yet how it ended, and it holds nothing any more. */
  readonly state: string;
  readonly group: number;
  /** Clock ticks since boot. */
  readonly started: string;
}

/** What the system says of a process; undefined where there is none, and on macOS. */
export function processState(pid: number | string): ProcessState | undefined {
  const stat = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The name before the last bracket may hold blanks and brackets.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, group, started] = [fields?.[0], fields?.[2], fields?.[19]];
  if (state === undefined || group === undefined || started === undefined) return undefined;
  return { state, group: Number(group), started };
}

function startTime(pid: number): string | undefined {
  const found = processState(pid);
  return found?.state === 'Z' ? undefined : found?.started;
}

let macBoot: string | undefined;

/** Of this start of the machine: no other machine, nor this one after a restart, has it. */
function bootId(): string | undefined {
  if (process.platform !== 'darwin')
    return attempt(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
  macBoot ??= attempt(() =>
    execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'latin1' }).trim(),
  );
  return macBoot;
}

export function identifyProcess(pid: number = process.pid): ProcessIdentity {
  const started = startTime(pid);
  const boot = bootId();
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
 * its pid and start time now. Never says that one is alive. Where there are neither namespaces nor start times to
 * see (macOS), it is gone when nothing has its pid.
 */
export function isSurelyDead(other: ProcessIdentity, self: ProcessIdentity): boolean {
  const fromHere = other.host === self.host && other.boot === self.boot && other.namespace === self.namespace;
  if (!fromHere || other.boot === undefined) return false;
  if (other.namespace === undefined) return other.started === undefined && isFree(other.pid);
  if (other.started === undefined) return false;
  const started = startTime(other.pid);
  return started === undefined ? !isHidden(other.pid) : started !== other.started;
}

function signalError(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

const isFree = (pid: number): boolean => signalError(pid) === 'ESRCH';

/** Where /proc shows a user's own processes only, another one's is there all the same. */
const isHidden = (pid: number): boolean => signalError(pid) === 'EPERM';
