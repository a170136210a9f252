/**
 * runs/<run>.json: what binds the names of a run to keys and records. Ids begin with the time of their start, so
 * that they are listed without being read.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { replaceFile, type Context } from './context.js';
import { isRunName, names, readJson, readText, runFile } from './layout.js';
import { guard } from './problem.js';
import type { BesideRun, RunManifest, Runs } from './types.js';

const stampOf = (time: number): string => new Date(time).toISOString().replace(/[-:.]|Z$/g, '');

/**
 * `20260131T235959123-1a2b3c4d`: sorts by start (UTC, milliseconds). Where the clock has not moved on since the newest
 * run began, or was set back, the stamp is one millisecond behind that run's: a later run always sorts later.
 */
export function newRunId(now: number, newest?: string): string {
  const last = timeOf(newest);
  const time = last !== undefined && last >= now ? last + 1 : now;
  return `${stampOf(time)}-${randomBytes(4).toString('hex')}`;
}

/** When a run began, by its id; undefined for ids that are not ours. */
function timeOf(run: string | undefined): number | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})?-/.exec(run ?? '');
  if (!found) return undefined;
  const [, year, month, day, hour, minute, second, ms = '000'] = found;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return Number.isNaN(time) ? undefined : time;
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
  const beside = (run: string, what: BesideRun): string => runFile(context.root, run).replace(/json$/, what);
  return {
    read,
    keepBeside: (run, what, text) => guard(() => replaceFile(context, beside(run, what), text)),
    readBeside: (run, what) => (isRunName(run) ? readText(beside(run, what)) : undefined),
    pathBeside: (run, what) => {
      const file = beside(run, what);
      return isRunName(run) && fs.existsSync(file) ? file : undefined;
    },
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
