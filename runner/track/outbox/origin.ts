/** Which run of a server made a result. */
import type { CellId, Key } from '../../pipeline.js';
import type { Store } from '../../store/index.js';
import { Sent } from './sent.js';

/** A run of the server, and the experiment that it is in. */
export interface ServerRun {
  readonly id: string;
  readonly experiment: string;
}

/** By what this store knows of the run that the record names; undefined where that run was not sent from here. */
export function madeBy(
  store: Store,
  address: string,
): (key: Key | undefined, record: string | undefined) => ServerRun | undefined {
  const runs = new Map<string, ReadonlyMap<string, ServerRun>>();
  return (key, digest) => {
    const record = key && digest !== undefined ? store.records.read(key, digest)?.record : undefined;
    if (!record) return undefined;
    const known = runs.get(record.run) ?? byKey(store, record.run, address);
    runs.set(record.run, known);
    return known.get(record.key);
  };
}

/** The server's runs of a run's cells, by key. */
function byKey(store: Store, run: string, address: string): ReadonlyMap<string, ServerRun> {
  const manifest = store.runs.read(run);
  const { cells, run: parent } = Sent.read(store.root, run, address);
  if (!manifest || !parent) return new Map();
  return new Map(
    Object.entries(manifest.cells).flatMap(([id, { key, how }]): [string, ServerRun][] => {
      const sent = how === 'ran' ? cells.get(id as CellId) : undefined;
      return sent ? [[key, { id: sent.id, experiment: parent.experiment }]] : [];
    }),
  );
}
