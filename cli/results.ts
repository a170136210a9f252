/** Finished results by name: runs, newest first, and what each of their cells stands for. */
import { resolve } from 'node:path';
import type { CellId, Key } from '../runner/pipeline.js';
import type { RunCell, RunManifest, Store, StoredRecord } from '../runner/store/index.js';
import { parseId } from './cells.js';
import { UsageError } from './exit.js';
import { meantRun } from './run-name.js';

export interface NamedResult {
  readonly id: CellId;
  readonly run: RunManifest;
  readonly bound: RunCell;
  readonly record: StoredRecord;
}

/** The manifests to look in, newest first: one run, or all. */
export function* manifests(store: Store, run: string | undefined): Generator<RunManifest> {
  if (run !== undefined) {
    yield meantRun(store, run);
    return;
  }
  // One at a time: who has found what is sought reads no older ones.
  for (const id of store.runs.list()) {
    const manifest = store.runs.read(id);
    if (manifest) yield manifest;
  }
}

/** Those of one file; of all runs none that only compares. */
function* runsOf(store: Store, run: string | undefined, file?: string): Generator<RunManifest> {
  for (const manifest of manifests(store, run)) {
    if (run === undefined && isAudit(manifest)) continue;
    if (file === undefined || manifest.file === file) yield manifest;
  }
}

/** The newest run, of all that are no audit, or the one that is named. */
export const newestRun = (store: Store, run: string | undefined): RunManifest | undefined =>
  runsOf(store, run).next().value as RunManifest | undefined;

/** The newest run of a file, whatever came of it. */
export const newestOf = (store: Store, file: string): RunManifest | undefined => {
  for (const manifest of runsOf(store, undefined)) if (resolve(manifest.file) === file) return manifest;
  return undefined;
};

/** Whether a run was about all of its file, and came to its end: then it has every cell that there is. */
const isWhole = ({ status, extra }: RunManifest): boolean => status === 'done' && extra?.part === undefined;

/** A run that only compares: what its file stands for is what other runs have. */
export const isAudit = ({ extra }: RunManifest): boolean => extra?.part === 'audit';

export interface NamedCell {
  readonly id: CellId;
  /** The runs of its file, newest first. */
  readonly runs: Iterable<RunManifest>;
}

/**
 * The one cell that a pattern names: of the file of the newest run that it fits, among all cells that the runs of that
 * file have, back to the newest whole one. So a run of a part doesn't make a pattern fit one cell that fits several. An
 * exact id needs no such look. `run` names the one run to look in.
 *
 * @param idsOf the cells of a run that the pattern fits
 */
export function namedCell(
  store: Store,
  pattern: string,
  run: string | undefined,
  idsOf: (manifest: RunManifest) => readonly CellId[],
): NamedCell | undefined {
  const ids = new Set<CellId>();
  let file: string | undefined;
  for (const manifest of runsOf(store, run)) {
    const found = file === undefined || manifest.file === file ? idsOf(manifest) : [];
    if (found.length === 0) continue;
    ({ file } = manifest);
    if (found[0] === pattern) return { id: found[0], runs: runsOf(store, run, file) };
    for (const id of found) ids.add(id);
    if (isWhole(manifest)) break;
  }
  const [id] = ids;
  if (id === undefined) return undefined;
  if (ids.size > 1) throw severalCells(pattern, [...ids]);
  return { id, runs: runsOf(store, run, file) };
}

function severalCells(pattern: string, ids: readonly CellId[]): UsageError {
  const more = ids.length > 10 ? ` and ${ids.length - 10} more` : '';
  return new UsageError(
    `${JSON.stringify(pattern)} names ${ids.length} cells, expected one`,
    `the candidates are ${ids.slice(0, 10).join(' ')}${more}`,
  );
}

/** Ids that a pattern may name in a run, the exact one alone where it is there. */
export function idsIn(manifest: RunManifest, pattern: string): CellId[] {
  const ids = Object.keys(manifest.cells) as CellId[];
  if (ids.includes(pattern as CellId)) return [pattern as CellId];
  const slash = pattern.indexOf('/');
  const wanted = parseId((slash < 0 && pattern.includes('=') ? `/${pattern}` : pattern) as CellId);
  return ids.filter((id) => {
    const { stage, coordinates } = parseId(id);
    const same = Object.entries(wanted.coordinates).every(([axis, value]) => coordinates[axis] === value);
    return same && (wanted.stage === '' || wanted.stage === stage);
  });
}

/** The newest result of the one cell that a pattern names. */
export function newestResult(store: Store, pattern: string, run: string | undefined): NamedResult {
  const named = namedCell(store, pattern, run, (manifest) => idsIn(manifest, pattern));
  for (const manifest of named?.runs ?? []) {
    const found = named && resultOf(store, manifest, named.id);
    if (found) return found;
  }
  throw new UsageError(
    `no finished cell is named by ${JSON.stringify(pattern)}`,
    'see `moft ls` for the runs, and `moft ls RUN` for their cells',
  );
}

export function resultOf(store: Store, run: RunManifest, id: CellId): NamedResult | undefined {
  const bound = run.cells[id];
  const record = bound && store.records.read(bound.key, bound.record);
  return bound && record ? { id, run, bound, record } : undefined;
}

/** One of the results under a key, and how it stands there. */
export interface Standing {
  readonly result: StoredRecord;
  /** It is what the cell is served. */
  readonly chosen: boolean;
  readonly pinned: boolean;
}

/** All results under a key, the chosen one first, then by when they were made. */
export async function standings({ records }: Store, key: Key): Promise<readonly Standing[]> {
  const chosen = await records.chosen(key);
  const served = chosen.kind === 'chosen' ? chosen.record.digest : undefined;
  const pinned = records.pinned(key);
  return records
    .all(key)
    .map((result) => ({
      result,
      chosen: result.digest === served,
      pinned: pinned.includes(result.digest),
    }))
    .sort(
      (a, b) =>
        Number(b.chosen) - Number(a.chosen) ||
        Date.parse(a.result.record.finished) - Date.parse(b.result.record.finished),
    );
}

/** Cells by the key that stands for them, the newest run's names first. */
export function namesOfKeys(store: Store): ReadonlyMap<Key, readonly string[]> {
  const names = new Map<Key, string[]>();
  for (const { cells } of manifests(store, undefined))
    for (const [id, { key }] of Object.entries(cells)) {
      const known = names.get(key);
      if (!known) names.set(key, [id]);
      else if (!known.includes(id)) known.push(id);
    }
  return names;
}

export interface NamedReport extends NamedResult {
  /** Of the artifact. */
  readonly digest: string;
}

/**
 * The newest report of a pipeline file, of the cells that `pattern` names; several in one run are an error that
 * lists them.
 */
export function newestReport(
  store: Store,
  file: string,
  pattern: string | undefined,
): NamedReport | undefined {
  for (const manifest of manifests(store, undefined)) {
    if (resolve(manifest.file) !== file) continue;
    const found = reportsOf(store, manifest, pattern);
    if (found.length > 1) {
      const what = pattern === undefined ? file : JSON.stringify(pattern);
      throw new UsageError(
        `${what} has ${found.length} reports, expected one`,
        `name its cell after the file; the candidates are ${found.map(({ id }) => id).join(' ')}`,
      );
    }
    if (found[0]) return found[0];
  }
  return undefined;
}

/** The reports of a run, of all its cells or of those that `pattern` names. */
export function reportsOf(store: Store, run: RunManifest, pattern?: string): readonly NamedReport[] {
  const ids = pattern === undefined ? (Object.keys(run.cells) as CellId[]) : idsIn(run, pattern);
  return reportsAmong(store, run, ids);
}

/** The reports of these cells of a run; each of them is read. */
export function reportsAmong(store: Store, run: RunManifest, ids: readonly CellId[]): readonly NamedReport[] {
  return ids.flatMap((id) => {
    const result = resultOf(store, run, id);
    const report = result?.record.record.artifacts.find(({ type }) => type === 'report');
    return result && report ? [{ ...result, digest: report.digest }] : [];
  });
}
