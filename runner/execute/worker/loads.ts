/** What a cell loads of code, so that the runner finds what its key doesn't count. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

declare global {
  /** Takes the modules that ours import on demand while a cell runs: the build makes each say so. */
  var moftLoads: Set<string> | undefined;
}

/** Node's own list of what was required, by path. */
const { cache } = createRequire(import.meta.url);

/** Loaded by the runner itself, whatever cell was at work when it needed it. */
const own = new Set<string>();

/** Loads code of the runner's, which no key counts: such as the checks of what a cell says. */
export function loadOwn<T>(load: () => T): T {
  const before = new Set(Object.keys(cache));
  const loaded = load();
  for (const file of Object.keys(cache)) if (!before.has(file)) own.add(file);
  return loaded;
}

/** Watches from now on; what it returns ends that, and answers with all that was loaded since, by code unit. */
export function watchLoads(): () => string[] {
  const before = new Set(Object.keys(cache));
  const loads = (globalThis.moftLoads = new Set<string>());
  return () => {
    globalThis.moftLoads = undefined;
    for (const file of Object.keys(cache))
      if (!before.has(file) && !own.has(file)) loads.add(packageOf(file) ?? file);
    return [...loads].sort();
  };
}

/** The package that a file belongs to, wherever it lies: that of the nearest package.json with a name. */
function packageOf(file: string): string | undefined {
  const installed = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/s.exec(file)?.[1];
  return installed?.replaceAll('\\', '/') ?? namedAbove(dirname(file));
}

function namedAbove(folder: string): string | undefined {
  const manifest = join(folder, 'package.json');
  const name = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name
    : undefined;
  if (name !== undefined) return name;
  return dirname(folder) === folder ? undefined : namedAbove(dirname(folder));
}
