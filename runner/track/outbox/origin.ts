/** Which run of a server made the result that a cell was served. */
import type { CellId } from '../../pipeline.js';
import type { Store } from '../../store/index.js';
import type { CellPicture } from './picture.js';
import { Sent } from './sent.js';

/** By what this store knows of the run that the record names; undefined where that run was not sent from here. */
export function madeBy(store: Store, address: string): (cell: CellPicture) => string | undefined {
  const runs = new Map<string, ReadonlyMap<string, string>>();
  return ({ key, end }) => {
    const record = key && end?.record !== undefined ? store.records.read(key, end.record)?.record : undefined;
    if (!record) return undefined;
    const known = runs.get(record.run) ?? byKey(store, record.run, address);
    runs.set(record.run, known);
    return known.get(record.key);
  };
}

/** The server's runs of a run's cells, by key. */
function byKey(store: Store, run: string, address: string): ReadonlyMap<string, string> {
  const manifest = store.runs.read(run);
  if (!manifest) return new Map();
  const { cells } = Sent.read(store.root, run, address);
  return new Map(
    Object.entries(manifest.cells).flatMap(([id, { key, how }]): [string, string][] => {
      const sent = how === 'ran' ? cells.get(id as CellId) : undefined;
      return sent ? [[key, sent.id]] : [];
    }),
  );
}
