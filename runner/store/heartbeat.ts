/**
 * A runner's sign of life: a counter that a thread rewrites every 5 s, so that a busy main thread stays alive in
 * the eyes of others. Whoever watches measures with their own monotonic clock; no two clocks are compared.
 */
import { Worker } from 'node:worker_threads';
import { heartbeatFile, readJson, readText, runnerFile } from './layout.js';
import { isSurelyDead, type ProcessIdentity } from './process-identity.js';

export interface HeartbeatTimes {
  readonly everyMs: number;
  /** A counter that hasn't moved for so long belongs to a dead runner. */
  readonly silenceMs: number;
}
export const heartbeatTimes: HeartbeatTimes = { everyMs: 5_000, silenceMs: 90_000 };

/** Plain CommonJS, given as text: a thread needs no compiled file of its own. */
const beat = `
const { workerData } = require('node:worker_threads');
const fs = require('node:fs');
let count = 0;
let file;
// In place, into what room it has: emptied first, it would stay empty on a disk that is full by now.
const write = () => {
  try {
    if (file !== undefined && fs.fstatSync(file).nlink === 0) throw new Error('removed');
    file ??= fs.openSync(workerData.file, fs.constants.O_CREAT | fs.constants.O_WRONLY);
    fs.writeSync(file, String(count += 1).padStart(16, '0'), 0);
  } catch {
    // Made anew with the next beat.
    try { if (file !== undefined) fs.closeSync(file); } catch {}
    file = undefined;
  }
};
write();
setInterval(write, workerData.everyMs);
`;

export interface Heartbeat {
  stop(): Promise<void>;
}

/** Starts the thread; it keeps no process alive. */
export function startHeartbeat(root: string, runner: string, times: HeartbeatTimes): Heartbeat {
  const workerData = { file: heartbeatFile(root, runner), everyMs: times.everyMs };
  const thread = new Worker(beat, { eval: true, workerData, execArgv: [], stdout: false, stderr: false });
  thread.unref();
  // A thread that can't start (no memory) costs others 90 s of waiting at worst.
  thread.on('error', () => undefined);
  return {
    stop: async () => {
      await thread.terminate();
    },
  };
}

interface Seen {
  readonly sign: string;
  readonly at: number;
}

/** Judges other runners; it is the watching that takes time, so one watcher is kept for a process. */
export interface Watcher {
  isDead(runner: string): boolean;
  /** Whether a lease that names no runner has been seen so for as long as a silent runner would be. */
  isAbandoned(lease: string): boolean;
}

function identityOf(root: string, runner: string): ProcessIdentity | undefined {
  const content = readJson(runnerFile(root, runner)) as Partial<ProcessIdentity> | null | undefined;
  return typeof content?.host === 'string' && typeof content.pid === 'number'
    ? (content as ProcessIdentity)
    : undefined;
}

export function createWatcher(options: {
  readonly root: string;
  readonly self: ProcessIdentity;
  readonly monotonic: () => number;
  readonly silenceMs: number;
}): Watcher {
  const seen = new Map<string, Seen>();
  /** True where what `name` shows has been the same for too long. */
  const isSilent = (name: string, sign: string): boolean => {
    const before = seen.get(name);
    if (before?.sign !== sign) {
      seen.set(name, { sign, at: options.monotonic() });
      return false;
    }
    return options.monotonic() - before.at >= options.silenceMs;
  };
  return {
    isDead: (runner) => {
      const identity = identityOf(options.root, runner);
      if (identity && isSurelyDead(identity, options.self)) return true;
      return isSilent(`runner ${runner}`, readText(heartbeatFile(options.root, runner)) ?? '');
    },
    isAbandoned: (lease) => isSilent(`lease ${lease}`, 'unreadable'),
  };
}
