/**
 * Joins the command line, after tsc, into few files: dist/bundle. Only bin/moft.js starts it; workers run the modules
 * themselves, since these are what the code digest of a cell counts.
 */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joinModules } from './join.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const dir = join(root, 'dist', 'bundle');
rmSync(dir, { recursive: true, force: true });
await joinModules(root, join(root, 'dist', 'cli', 'moft.js'), dir);
