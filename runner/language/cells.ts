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

/** A stage's cells; or the handles of the errors that leave them unknown. */
export type Expanded =
  | { readonly kind: 'cells'; readonly cells: readonly DraftCell[] }
  | { readonly kind: 'blocked'; readonly errors: readonly string[] };
