/** Outside bytes: files and folders named in the pipeline come into the store and enter by digest. */
import path from 'node:path';
import { err, ok, type Result } from '../../schemas/result.js';
import type { Diagnostic, InputBinding, Pipeline } from '../pipeline.js';
import type { Put, Store, StoreProblem } from '../store/index.js';
import type { PlanProblem } from './types.js';

type PathBinding = Extract<InputBinding, { kind: 'path' }>;

/** What was read of each path binding. */
export type Snapshot = ReadonlyMap<string, Put>;

const nameOf = (binding: PathBinding, pipeline: Pipeline): string =>
  `${binding.type === 'file' ? 'file' : 'folder'} ${path.resolve(path.dirname(pipeline.file), binding.path)}`;

export function snapshotOf(snapshot: Snapshot, binding: PathBinding, pipeline: Pipeline): Put | undefined {
  return snapshot.get(nameOf(binding, pipeline));
}

function toDiagnostic(problem: StoreProblem, binding: PathBinding): Diagnostic {
  const { code, message, hint } = problem;
  return { ...binding.place, code, message, ...(hint === undefined ? {} : { hint }) };
}

/** Reads every path of a pipeline once; all that can't be read is told together. */
export async function takeSnapshot(pipeline: Pipeline, store: Store): Promise<Result<Snapshot, PlanProblem>> {
  const taken = new Map<string, Put>();
  const diagnostics = new Map<string, Diagnostic>();
  const bindings = pipeline.cells.flatMap((cell) => Object.values(cell.inputs));
  for (const binding of bindings) {
    if (binding.kind !== 'path') continue;
    const name = nameOf(binding, pipeline);
    if (taken.has(name) || diagnostics.has(name)) continue;
    const put = await store.cas.put(binding.type, path.resolve(path.dirname(pipeline.file), binding.path));
    if (put.ok) taken.set(name, put.value);
    else if (put.error.class === 'user') diagnostics.set(name, toDiagnostic(put.error, binding));
    else return err({ kind: 'store', problem: put.error });
  }
  return diagnostics.size > 0 ? err({ kind: 'file', diagnostics: [...diagnostics.values()] }) : ok(taken);
}
