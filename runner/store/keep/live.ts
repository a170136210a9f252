/** Which runs may still be reading the store, and what is too young to be taken from under them. */
import fs from 'node:fs';
import path from 'node:path';
import { freshMs } from '../blobs.js';
import type { Context } from '../context.js';
import { isDigest, names, runnerFile } from '../layout.js';
import { isRunnerGone } from '../liveness.js';
import type { RunManifest, Runs } from '../types.js';

/** Runs that say that they go on, and whose runner isn't surely gone. */
export function liveRuns(root: string, runs: Runs): readonly RunManifest[] {
  return runs.list().flatMap((id) => {
    const run = runs.read(id);
    if (run?.status !== 'running') return [];
    const runner = run.extra?.runner;
    return typeof runner === 'string' && isRunnerGone(root, runner) ? [] : [run];
  });
}

/** Records that live runs have frozen, as `key/digest`. */
export const frozenRecords = (live: readonly RunManifest[]): ReadonlySet<string> =>
  new Set(
    live.flatMap(({ cells }) =>
      Object.values(cells).flatMap(({ key, record }) =>
        isDigest(key) && isDigest(record) ? [`${key}/${record}`] : [],
      ),
    ),
  );

/**
 * When the oldest runner that may live opened the store, in milliseconds by the file system's clock; undefined where
 * there is none but `self`.
 */
export function oldestRunner(root: string, self: string): number | undefined {
  const times = names(path.join(root, 'runners'))
    .flatMap((name) => /^([^.]+)\.json$/.exec(name)?.[1] ?? [])
    .filter((runner) => runner !== self && !isRunnerGone(root, runner))
    .flatMap((runner) => fs.statSync(runnerFile(root, runner), { throwIfNoEntry: false })?.mtimeMs ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * Only what is older may go, in milliseconds by the file system's clock. A runner that may live is about to use what was
 * there before it, too: it has freshened that, or found it fresh.
 */
export function cutoffOf(context: Context, minAge: number): number {
  const probe = context.temporary();
  context.disk.write(probe, '');
  const now = fs.statSync(probe).mtimeMs;
  context.disk.remove(probe);
  const oldest = oldestRunner(context.root, context.runner);
  return Math.min(now - minAge, oldest === undefined ? Infinity : oldest - freshMs);
}
