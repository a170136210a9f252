/** Outside bytes: files and folders named in the pipeline come into the store and enter by digest. */
import fs from 'node:fs';
import path from 'node:path';
import { err, ok, type Result } from '../../schemas/result.js';
import type { Diagnostic, PathBinding, Pipeline } from '../pipeline.js';
import type { Store, StoreProblem } from '../store/index.js';
import type { PlanProblem, Watched } from './types.js';
import { identityOfPath, watch } from './watch.js';

/** What was read of a path. */
export interface Taken {
  readonly digest: string;
  readonly executable: boolean;
  /** Where it is read in place, what it was. */
  readonly watched?: Watched;
  /** Where it is copied, what it was before that. */
  readonly copied?: Watched;
}

/** What was read of each path binding. */
export type Snapshot = ReadonlyMap<string, Taken>;

const pathOf = (binding: PathBinding, pipeline: Pipeline): string =>
  path.resolve(path.dirname(pipeline.file), binding.path);

const nameOf = (binding: PathBinding, pipeline: Pipeline): string =>
  `${binding.type === 'file' ? 'file' : 'folder'} ${binding.inPlace ? 'in place' : 'copied'} ${pathOf(binding, pipeline)}`;

export function snapshotOf(snapshot: Snapshot, binding: PathBinding, pipeline: Pipeline): Taken | undefined {
  return snapshot.get(nameOf(binding, pipeline));
}

function toDiagnostic(
  problem: Pick<StoreProblem, 'code' | 'message' | 'hint'>,
  { place }: PathBinding,
): Diagnostic {
  const { code, message, hint } = problem;
  return { ...place, code, message, ...(hint === undefined ? {} : { hint }) };
}

/** Where a path of the project leads out of it through a link. */
function strayed(binding: PathBinding, pipeline: Pipeline): Diagnostic | undefined {
  if (binding.at === undefined) return undefined;
  const root = pipeline.root ?? path.dirname(pipeline.file);
  try {
    const real = fs.realpathSync(pathOf(binding, pipeline));
    if (!path.relative(fs.realpathSync(root), real).startsWith('..')) return undefined;
    return toDiagnostic(
      {
        code: 'path-outside',
        message: `${JSON.stringify(binding.at)} is a link that leads out of the project, to ${real}`,
        hint: `copy what it leads to into ${root}`,
      },
      binding,
    );
  } catch {
    return undefined; // what is missing is said where it is read
  }
}

const isExecutable = (binding: PathBinding, file: string): boolean =>
  binding.type === 'file' && ((fs.statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o100) !== 0;

async function take(
  binding: PathBinding,
  pipeline: Pipeline,
  store: Store,
): Promise<Result<Taken, StoreProblem>> {
  const file = pathOf(binding, pipeline);
  const executable = isExecutable(binding, file);
  if (binding.inPlace) {
    const watched = await watch(store, binding.type === 'file' ? 'file' : 'directory', file);
    return watched.ok ? ok({ digest: watched.value.digest, executable, watched: watched.value }) : watched;
  }
  const type = binding.type === 'file' ? 'file' : 'directory';
  const identity = identityOfPath(type, file);
  const put = await store.cas.put(binding.type, file);
  if (!put.ok) return put;
  const { digest } = put.value;
  return ok({ digest, executable, copied: { type, path: file, identity, digest } });
}

/** Reads every path of a pipeline once; all that can't be read is told together. */
export async function takeSnapshot(pipeline: Pipeline, store: Store): Promise<Result<Snapshot, PlanProblem>> {
  const taken = new Map<string, Taken>();
  const diagnostics = new Map<string, Diagnostic>();
  const bindings = pipeline.cells.flatMap((cell) => Object.values(cell.inputs));
  for (const binding of bindings) {
    if (binding.kind !== 'path') continue;
    const name = nameOf(binding, pipeline);
    if (taken.has(name) || diagnostics.has(name)) continue;
    const stray = strayed(binding, pipeline);
    if (stray) {
      diagnostics.set(name, stray);
      continue;
    }
    const found = await take(binding, pipeline, store);
    if (found.ok) taken.set(name, found.value);
    else if (found.error.class === 'user') diagnostics.set(name, toDiagnostic(found.error, binding));
    else return err({ kind: 'store', problem: found.error });
  }
  return diagnostics.size > 0 ? err({ kind: 'file', diagnostics: [...diagnostics.values()] }) : ok(taken);
}
