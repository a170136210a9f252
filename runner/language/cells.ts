import type { JsonObject } from '../../schemas/json.js';
import type { InputBinding } from '../pipeline.js';
import type { StageDraft } from './draft.js';
import type { MapNode } from './nodes.js';
import type { CellFace } from './select.js';

/** A cell of a stage, before it is known that the whole file is right. */
export interface DraftCell extends CellFace {
  readonly draft: StageDraft;
  readonly with: MapNode;
  readonly values?: JsonObject;
  readonly seed?: number;
  readonly inputs: Readonly<Record<string, InputBinding>>;
}

/** A stage as one version of the file sees it: its cells, and those that `exclude` leaves out. */
export interface View {
  readonly cells: readonly DraftCell[];
  readonly leftOut: readonly CellFace[];
}

/**
 * A stage in the base, and in each variant that changes any of its cells, which shares all others with the base;
 * or the handles of the errors that leave its cells unknown, and the outputs that each of them has in the base whatever
 * it is (absent where they are unknown, too).
 */
export type Expanded =
  | { readonly kind: 'cells'; readonly base: View; readonly variants: ReadonlyMap<string, View> }
  | { readonly kind: 'blocked'; readonly errors: readonly string[]; readonly outputs?: CellFace['outputs'] };

/** Outputs of the cells of a stage, as far as they are known. */
export const outputsSeen = (
  expanded: Expanded | undefined,
  variant: string | undefined,
): CellFace['outputs'] =>
  expanded?.kind === 'blocked' ? expanded.outputs : viewOf(expanded, variant).cells[0]?.outputs;

/** What a variant sees of a stage: the base, where it changes nothing of it. */
export function viewOf(expanded: Expanded | undefined, variant: string | undefined): View {
  if (expanded?.kind !== 'cells') return { cells: [], leftOut: [] };
  return (variant === undefined ? undefined : expanded.variants.get(variant)) ?? expanded.base;
}

/** Every cell of a stage once: the base's, then those that are each variant's own. */
export function everyCell(expanded: Expanded | undefined): readonly DraftCell[] {
  if (expanded?.kind !== 'cells') return [];
  const own = [...expanded.variants.values()].flatMap(({ cells }) =>
    cells.filter((cell) => cell.variant !== undefined),
  );
  return [...expanded.base.cells, ...own];
}
