/** What the parts of one open store share. */
import path from 'node:path';
import type { Disk } from './disk.js';
import type { Durability } from './durability.js';
import { temporaryFolder } from './layout.js';
import type { Pump } from './pump.js';
import type { StatCache } from './stat-cache.js';

export interface Context {
  readonly root: string;
  readonly access: 'read' | 'write';
  readonly runner: string;
  readonly disk: Disk;
  readonly durability: Durability;
  readonly stats: StatCache;
  /** How files are read through a hash. */
  readonly pump: Pump;
  /** A fresh path on the store's disk, in this runner's own folder. */
  temporary(): string;
}

export function temporaryNames(root: string, runner: string): () => string {
  let count = 0;
  return () => path.join(temporaryFolder(root, runner), String((count += 1)));
}

/** Writes a file whole: temporary file, then rename. Whoever reads sees the old content or the new. */
export function replaceFile(
  context: Pick<Context, 'disk' | 'temporary'>,
  file: string,
  content: string,
): void {
  const temporary = context.temporary();
  context.disk.write(temporary, content);
  context.disk.folder(path.dirname(file));
  context.disk.rename(temporary, file);
}
