/** What differs between two runs, two files, or a run and a file: cell by cell, and where each difference began. */
import type { Cell, CellId } from '../pipeline.js';
import type { Store, StoredRecord } from '../store/index.js';
import { cameWithInputs, codeListing, compare } from './compare.js';
import { cellsOfInput, unknownDigest } from './inputs.js';
import type { Change, CodeListing, Preimage } from './types.js';

/** A cell as a run left it, or as a file plans it. */
export interface DiffCell {
  readonly id: CellId;
  /** With empty digests for what isn't made yet. */
  readonly preimage: Preimage;
  readonly record?: StoredRecord;
  /** Who makes the inputs, and where values are written (files only). */
  readonly cell: Pick<Cell, 'inputs' | 'origins'>;
  /** What its code digest stands for; looked up in the store where it is absent. */
  readonly code?: CodeListing;
}
export type DiffSide = ReadonlyMap<CellId, DiffCell>;

export interface ChangedCell {
  readonly id: CellId;
  /** The cell's own changes; what comes with its inputs stands in `through`. */
  readonly changes: readonly Change[];
  /** Cells in which a change of its inputs began. */
  readonly through: readonly CellId[];
}

export interface Difference {
  readonly added: readonly CellId[];
  readonly removed: readonly CellId[];
  readonly same: readonly CellId[];
  readonly changed: readonly ChangedCell[];
}

/** From side a to side b, in the order of b. */
export function diffSides(a: DiffSide, b: DiffSide, store: Store): Difference {
  const shared = [...b.values()].filter(({ id }) => a.has(id));
  const all = new Map(
    shared.map((after) => [after.id, changesOf(a.get(after.id) as DiffCell, after, store)]),
  );
  const roots = rootFinder(b, all);
  const changed = shared.flatMap(({ id }): ChangedCell[] => {
    const { own } = all.get(id) ?? none;
    const through = roots(id).filter((root) => root !== id);
    return own.length > 0 || through.length > 0 ? [{ id, changes: own, through }] : [];
  });
  const differing = new Set(changed.map(({ id }) => id));
  return {
    added: [...b.keys()].filter((id) => !a.has(id)),
    removed: [...a.keys()].filter((id) => !b.has(id)),
    same: shared.flatMap(({ id }) => (differing.has(id) ? [] : [id])),
    changed,
  };
}

interface Changes {
  readonly own: readonly Change[];
  /** Makers of inputs that have other content, or none yet. */
  readonly makers: readonly CellId[];
}
const none: Changes = { own: [], makers: [] };

function changesOf(before: DiffCell, after: DiffCell, store: Store): Changes {
  const code = after.code ?? codeListing(store, after.preimage.code);
  const found = compare(before.preimage, after.preimage, { cell: after.cell, store, code });
  const makers = found.flatMap((change) => (change.what === 'input' ? change.cells : []));
  return {
    own: found.filter((change) => !cameWithInputs(change)),
    makers: [...new Set([...makers, ...pendingMakers(after)])],
  };
}

/** Makers of inputs that no content is known of: they are changed where their makers are. */
function pendingMakers({ preimage, cell }: DiffCell): readonly CellId[] {
  return Object.entries(preimage.inputs).flatMap(([name, input]) => {
    const digests = 'digest' in input ? [input.digest] : input.map(({ digest }) => digest);
    return digests.includes(unknownDigest) ? cellsOfInput(cell, name) : [];
  });
}

/** The cells in which the change of a cell began, itself among them where it has changes of its own. */
function rootFinder(side: DiffSide, all: ReadonlyMap<CellId, Changes>): (id: CellId) => readonly CellId[] {
  const known = new Map<CellId, readonly CellId[]>();
  const find = (id: CellId): readonly CellId[] => {
    const found = known.get(id);
    if (found) return found;
    known.set(id, []); // no cycles, but a broken manifest must not hang
    const changes = all.get(id);
    // A cell that the other side hasn't got is a cause of its own.
    const own = changes ? changes.own.length > 0 : side.has(id);
    const above = (changes?.makers ?? []).flatMap(find);
    const roots = [...new Set([...(own ? [id] : []), ...above])];
    known.set(id, roots);
    return roots;
  };
  return find;
}
