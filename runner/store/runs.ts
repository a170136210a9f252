/**
 * runs/<run>.json: what binds the names of a run to keys and records. Ids begin with the time of their start, so
 * that they are listed without being read.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { replaceFile, type Context } from './context.js';
import { isRunName, names, readJson, runFile } from './layout.js';
import { guard } from './problem.js';
import type { RunManifest, Runs } from './types.js';

/** `20260131-235959-1a2b3c`: sorts by start (UTC, seconds). */
export function newRunId(now: Date): string {
  const time = now
    .toISOString()
    .replace(/[-:]|\..*$/g, '')
    .replace('T', '-');
  return `${time}-${randomBytes(3).toString('hex')}`;
}

function isManifest(value: unknown, run: string): value is RunManifest {
  const manifest = value as Partial<RunManifest> | null | undefined;
  return (
    manifest?.v === 1 &&
    manifest.run === run &&
    typeof manifest.started === 'string' &&
    typeof manifest.cells === 'object'
  );
}

export function createRuns(context: Context): Runs {
  const read = (run: string): RunManifest | undefined => {
    if (!isRunName(run)) return undefined;
    const content = readJson(runFile(context.root, run));
    return isManifest(content, run) ? content : undefined;
  };
  return {
    read,
    write: (manifest) =>
      guard(() => {
        const file = runFile(context.root, manifest.run);
        replaceFile(context, file, `${JSON.stringify(manifest, undefined, 1)}\n`);
        context.durability.note(file);
      }),
    list: () =>
      names(path.join(context.root, 'runs'))
        .flatMap((name) => /^(.+)\.json$/.exec(name)?.[1] ?? [])
        .filter(isRunName)
        .reverse(),
  };
}
