#!/usr/bin/env node
/** Starts moft; in a checkout it first builds what is missing or stale. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { ensureBuilt, root } from './build.js';

if (process.platform === 'win32') {
  process.stderr.write('moft: Windows is not supported natively; run it inside WSL2\n');
  process.exit(3);
}
ensureBuilt();
// Most commands end before their functions, compiled for speed, have paid for that, and the V8 of Node 20 spends a third
// of a plan on it; later ones wait longer by themselves. Workers, which compute, are started without.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--interrupt-budget=1000000');
await import(pathToFileURL(join(root, 'dist', 'bundle', 'moft.js')).href);
