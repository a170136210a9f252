#!/usr/bin/env node
/** Starts moft; in a checkout it first builds what is missing or stale. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, root } from './build.js';

if (process.platform === 'win32') {
  process.stderr.write('moft: Windows is not supported natively; run it inside WSL2\n');
  process.exit(3);
}
ensureBuilt();
await import(pathToFileURL(join(root, 'dist', 'bundle', 'moft.js')).href);
