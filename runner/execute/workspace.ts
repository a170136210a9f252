import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Key } from '../pipeline.js';

let folder: string | undefined;

/** Where a command works: one path for a key, whatever the run, so that a path in its output is the same each time. */
export function workspaceOf(key: Key): string {
  folder ??= join(realpathSync(tmpdir()), `moft-${process.getuid?.() ?? 0}`);
  return join(folder, key.slice(0, 16));
}
