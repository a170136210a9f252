/**
 * Which files were hashed and have not changed since. A digest is believed again only while device,
 * inode, size, mtime and ctime are the same; it is kept for later processes only if both times were over 2 s older
 * than the hashing by the file system's clock, since a change within one tick of a coarse clock leaves no trace.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Disk } from './disk.js';
import { readJson } from './layout.js';
import { guard } from './problem.js';

const settleNs = 2_000_000_000n;
const limit = 200_000;

/** Identity of a file's content, as far as the system tells. */
export type Identity = string;

export function identityOf(stat: fs.BigIntStats): Identity {
  return [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
}

interface Entry {
  readonly identity: Identity;
  readonly digest: string;
  /** May outlive this process. */
  readonly settled: boolean;
}

export interface StatCache {
  /**
   * The digest of a file that is unchanged since it was hashed.
   *
   * @param fresh also where it was hashed by this process just after it was written: for blobs, which nobody else
   *   has any business to write
   */
  lookup(file: string, stat: fs.BigIntStats, fresh?: boolean): string | undefined;
  /** Called with a fresh stat, before the hashing; what it returns is called with the digest. */
  hashing(file: string, stat: fs.BigIntStats): (digest: string) => void;
  save(): void;
}

export interface StatCacheOptions {
  readonly root: string;
  readonly disk: Disk;
  readonly temporary: () => string;
  readonly writable: boolean;
  readonly monotonic: () => number;
}

function parse(content: unknown): [string, Entry][] {
  if (typeof content !== 'object' || content === null) return [];
  return Object.entries(content).flatMap(([file, value]) => {
    const [identity, digest] = Array.isArray(value) ? (value as unknown[]) : [];
    return typeof identity === 'string' && typeof digest === 'string'
      ? [[file, { identity, digest, settled: true }] as [string, Entry]]
      : [];
  });
}

/**
 * The store's disk tells the time by a file that is written for it; asked at most twice a second. On a full disk
 * the time stands still, and nothing new settles.
 */
function fileClock({ disk, temporary, monotonic }: StatCacheOptions): () => bigint {
  let asked = -Infinity;
  let time = 0n;
  const ask = (): bigint => {
    const file = temporary();
    disk.write(file, '');
    const { mtimeNs } = fs.statSync(file, { bigint: true });
    disk.remove(file);
    return mtimeNs;
  };
  return () => {
    if (monotonic() - asked < 500) return time;
    asked = monotonic();
    const answer = guard(ask);
    if (answer.ok) time = answer.value;
    return time;
  };
}

export function createStatCache(options: StatCacheOptions): StatCache {
  const place = path.join(options.root, 'stat-cache.json');
  const clock = fileClock(options);
  let entries: Map<string, Entry> | undefined;
  let dirty = false;
  const loaded = (): Map<string, Entry> => (entries ??= new Map(parse(readJson(place))));
  const inside = `${options.root}${path.sep}`;
  const nameOf = (file: string): string => (file.startsWith(inside) ? file.slice(inside.length) : file);
  const settled = (stat: fs.BigIntStats): boolean => {
    const newest = stat.mtimeNs > stat.ctimeNs ? stat.mtimeNs : stat.ctimeNs;
    return options.writable && clock() - newest > settleNs;
  };
  return {
    lookup: (file, stat, fresh = false) => {
      const entry = loaded().get(nameOf(file));
      const believed = entry?.identity === identityOf(stat) && (fresh || entry.settled);
      return believed ? entry.digest : undefined;
    },
    hashing: (file, stat) => {
      const entry = { identity: identityOf(stat), settled: settled(stat) };
      return (digest) => {
        dirty ||= entry.settled;
        loaded().set(nameOf(file), { ...entry, digest });
      };
    },
    save: () => {
      if (!dirty || !options.writable) return;
      const kept = [...loaded()].filter(([, entry]) => entry.settled).slice(-limit);
      const content = Object.fromEntries(kept.map(([name, e]) => [name, [e.identity, e.digest]]));
      const temporary = options.temporary();
      options.disk.write(temporary, JSON.stringify(content));
      options.disk.rename(temporary, place);
      dirty = false;
    },
  };
}
