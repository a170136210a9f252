/** What rots, is cut off by a crash of the machine, or is written over: files of the store, damaged in one place. */
import fs from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../stages/random.js';

/** Regular files below some folders of a store, in order. */
export function filesIn(root: string, folders: readonly string[]): string[] {
  return folders
    .flatMap((folder) => {
      const path = join(root, folder);
      if (!fs.existsSync(path)) return [];
      if (fs.statSync(path).isFile()) return [path];
      return fs
        .readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
    })
    .sort();
}

export const pick = <T>(items: readonly T[], random: Random): T => {
  const item = items[random.integer(items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
};

const ways = ['flip', 'truncate', 'empty'] as const;

function damaged(bytes: Buffer, random: Random): Buffer {
  const way = pick(ways, random);
  if (way === 'empty' || bytes.length === 0) return Buffer.alloc(0);
  if (way === 'truncate') return bytes.subarray(0, random.integer(bytes.length));
  const copy = Buffer.from(bytes);
  const at = random.integer(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(8));
  return copy;
}

/** Flips a bit or cuts the end off; half of the time in the file itself, so that all its hard links have it. */
export function damage(file: string, random: Random): void {
  const content = damaged(fs.readFileSync(file), random);
  const { mode } = fs.statSync(file);
  if (random.integer(2) === 0) fs.rmSync(file);
  else fs.chmodSync(file, 0o644);
  fs.writeFileSync(file, content);
  fs.chmodSync(file, mode);
}
