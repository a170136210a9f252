/** Opens a store: checks its layout, sweeps what dead runners left, and joins the parts. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../schemas/result.js';
import type { Key } from '../pipeline.js';
import { distrust } from './blobs.js';
import { createAttempts } from './attempts.js';
import { createCas } from './cas.js';
import { temporaryNames, type Context } from './context.js';
import { createDisk, type Disk } from './disk.js';
import { createDurability } from './durability.js';
import {
  createWatcher,
  heartbeatTimes,
  startHeartbeat,
  type Heartbeat,
  type HeartbeatTimes,
} from './heartbeat.js';
import { followJournal, openJournal, readJournal } from './journal.js';
import {
  checkLayout,
  createLayout,
  giveReserveUp,
  heartbeatFile,
  layReserve,
  names,
  readJson,
  runnerFile,
  temporaryFolder,
} from './layout.js';
import { createLeases } from './leases.js';
import { guard, guardAsync, toProblem } from './problem.js';
import { createPump } from './pump.js';
import { identifyProcess, isSurelyDead, type ProcessIdentity } from './process-identity.js';
import { createRecords } from './records.js';
import { createRuns } from './runs.js';
import { isShared, share, writeForGroup } from './sharing.js';
import { createStatCache } from './stat-cache.js';
import type { Claim, Leases, Records, Store, StoreProblem } from './types.js';

export interface OpenOptions {
  /** `read` writes nothing, takes a missing folder for an empty store, and only hashes what is put. Default `write`. */
  readonly access?: 'read' | 'write';
  /** Opens it on a full disk too, if that can be, since room is to be made. */
  readonly toMakeRoom?: boolean;
  /** Makes it a store that all users of its group write to; one that is, stays one. */
  readonly shared?: boolean;
  /** The disk to write to; tests stop it at will. */
  readonly disk?: Disk;
  /** Milliseconds that never go back. */
  readonly monotonic?: () => number;
  readonly heartbeat?: HeartbeatTimes;
  /** Who this process is, in the eyes of other runners. */
  readonly identity?: ProcessIdentity;
}

/** Removes temporary files of runners that are surely gone. Others' are left: they may be in use on another host. */
function sweep({ root, disk, runner: own }: Context, self: ProcessIdentity): void {
  for (const runner of names(path.join(root, 'tmp')).filter((name) => name !== own)) {
    const identity = readJson(runnerFile(root, runner)) as ProcessIdentity | undefined;
    if (!identity || !isSurelyDead(identity, self)) continue;
    disk.remove(temporaryFolder(root, runner));
  }
}

interface Signs {
  readonly announce: () => void;
  readonly stop: () => Promise<void>;
}

/** The heartbeat starts with the first lease: planning and showing need none. */
function createSigns(root: string, runner: string, times: HeartbeatTimes): Signs {
  let heartbeat: Heartbeat | undefined;
  return {
    announce: () => {
      heartbeat ??= startHeartbeat(root, runner, times);
    },
    stop: async () => {
      await heartbeat?.stop();
      heartbeat = undefined;
    },
  };
}

async function claim(leases: Leases, records: Records, key: Key): Promise<Result<Claim, StoreProblem>> {
  const acquired = leases.acquire(key);
  if (!acquired.ok) return acquired;
  const end = (): void => {
    if (acquired.value.kind === 'lease') acquired.value.lease.release();
  };
  // Whoever held it before may have finished between our look and our lease.
  const chosen = await guardAsync(() => records.chosen(key));
  if (!chosen.ok) {
    end();
    return chosen;
  }
  if (chosen.value.kind !== 'chosen') return acquired;
  end();
  return ok({ kind: 'hit', record: chosen.value.record });
}

function createContext(root: string, options: OpenOptions): Context {
  const access = options.access ?? 'write';
  const disk = options.disk ?? createDisk();
  const runner = randomBytes(8).toString('hex');
  const temporary = temporaryNames(root, runner);
  const monotonic = options.monotonic ?? (() => performance.now());
  const durability = createDurability(disk, (file) => {
    guard(() => distrust(context, file));
  });
  const stats = createStatCache({ root, disk, temporary, writable: access === 'write', monotonic });
  const pump = createPump();
  const context: Context = { root, access, runner, disk, durability, stats, temporary, pump };
  return context;
}

function enter(context: Context, identity: ProcessIdentity, toBeShared = false): void {
  checkLayout(context.root);
  if (context.access === 'read') return;
  if (toBeShared || isShared(context.root)) writeForGroup();
  const giveToGroup = (): void => {
    if (toBeShared && fs.existsSync(context.root) && !isShared(context.root)) share(context.root);
  };
  // Before anything is written where that may be refused; and what is made for the first time.
  giveToGroup();
  createLayout(context.root, context.disk, context.runner, () => {
    const file = runnerFile(context.root, context.runner);
    if (!fs.existsSync(file)) context.disk.write(file, JSON.stringify(identity));
  });
  giveToGroup();
  sweep(context, identity);
}

/** A disk that is full now may have room when this one has left: nothing of it stays behind. */
function enterWhole(
  context: Context,
  identity: ProcessIdentity,
  { toMakeRoom = false, shared }: OpenOptions,
): void {
  const { root, disk, access } = context;
  const tryToEnter = (): void => {
    try {
      enter(context, identity, shared);
    } catch (error) {
      if (access === 'write') guard(() => removeTraces(context));
      throw error;
    }
  };
  try {
    tryToEnter();
    if (access === 'write' && !toMakeRoom) layReserve(root, disk);
  } catch (error) {
    if (!toMakeRoom || toProblem(error).code !== 'disk-full' || !giveReserveUp(root, disk)) throw error;
    tryToEnter();
  }
}

/** Who it is goes last: without it nobody would sweep the rest. */
function removeTraces({ root, runner, disk }: Context): void {
  disk.remove(heartbeatFile(root, runner));
  disk.remove(temporaryFolder(root, runner));
  disk.remove(runnerFile(root, runner));
}

/** Leaves no trace of this runner: its leases are released, and a forgotten one ends after 90 s of silence. */
async function leave(context: Context, signs: Signs): Promise<void> {
  await signs.stop();
  await context.pump.close();
  if (context.access === 'read') return;
  // A cache that can't be saved costs the next run some hashing.
  guard(() => context.stats.save());
  removeTraces(context);
  // Whoever made room may have given it up, whether or not anything was removed then.
  layReserve(context.root, context.disk);
}

function join(context: Context, options: OpenOptions, self: ProcessIdentity): Store {
  const { root, runner } = context;
  const times = options.heartbeat ?? heartbeatTimes;
  const signs = createSigns(root, runner, times);
  const monotonic = options.monotonic ?? (() => performance.now());
  const watcher = createWatcher({ root, self, monotonic, silenceMs: times.silenceMs });
  const cas = createCas(context);
  const records = createRecords(context, cas);
  const leases = createLeases(context, watcher, signs.announce);
  const runs = createRuns(context);
  return {
    root,
    runner,
    cas,
    records,
    leases,
    attempts: createAttempts(context),
    runs,
    journal: (run) => guard(() => openJournal(context, run)),
    readJournal: (run) => guard(() => readJournal(context, run)),
    followJournal: (run) => followJournal(context, run),
    claim: (key) => claim(leases, records, key),
    upkeep: async () => (await import('./keep/upkeep.js')).createUpkeep({ context, records, runs }),
    flush: () => context.durability.flush(),
    close: async () => {
      const flushed = await context.durability.flush();
      const left = await guardAsync(() => leave(context, signs));
      return flushed.ok ? left : flushed;
    },
  };
}

/**
 * Opens the `.moft` folder, making it where there is none.
 * Errors: another layout, a full or read-only disk, no permission (all class `environment`).
 */
export function openStore(root: string, options: OpenOptions = {}): Promise<Result<Store, StoreProblem>> {
  return Promise.resolve(
    guard(() => {
      const context = createContext(path.resolve(root), options);
      const identity = options.identity ?? identifyProcess();
      enterWhole(context, identity, options);
      return join(context, options, identity);
    }),
  );
}
