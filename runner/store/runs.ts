/** runs/<run>.json: what binds the names of a run to keys and records. */
import path from 'node:path';
import { byCodeUnit } from '../../schemas/json.js';
import { replaceFile, type Context } from './context.js';
import { isRunName, names, readJson, runFile } from './layout.js';
import { guard } from './problem.js';
import type { RunManifest, Runs } from './types.js';

function isManifest(value: unknown, run: string): value is RunManifest {
  const manifest = value as Partial<RunManifest> | null | undefined;
  return (
    manifest?.v === 1 &&
    manifest.run === run &&
    typeof manifest.started === 'string' &&
    typeof manifest.cells === 'object'
  );
}

const newestFirst = (a: RunManifest, b: RunManifest): number =>
  byCodeUnit(b.started, a.started) || byCodeUnit(b.run, a.run);

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
        .flatMap((name) => read(name.replace(/\.json$/, '')) ?? [])
        .sort(newestFirst)
        .map((manifest) => manifest.run),
  };
}
