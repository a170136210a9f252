/** What a plan goes on with of trainings that never finished, and what of them is lost. */
import path from 'node:path';
import type { KindRegistry } from '../contract.js';
import type { CellId } from '../pipeline.js';
import { stepsKept } from '../store/checkpoint-folders.js';
import type { Store } from '../store/index.js';
import { createHistory, type History } from './history.js';
import { checkpointFamily, type CheckpointFamily } from './preimage.js';
import type { Plan, PlannedCell } from './types.js';

export interface KeptSteps {
  /** How far a try had come. */
  readonly steps: number;
  /**
   * `kept`: it is gone on with. `lost`: what counts of the cell is another now, so that it starts over. `open`: one of
   * both, which its parents decide when they have run.
   */
  readonly fate: 'kept' | 'lost' | 'open';
}

/** Cells without any are not in it. A checkpoint of another engine or processor counts here, and is found out later. */
export function keptSteps(plan: Plan, store: Store, registry: KindRegistry): ReadonlyMap<CellId, KeptSteps> {
  const history = createHistory(plan.pipeline, store);
  const found = new Map<CellId, KeptSteps>();
  for (const planned of plan.cells) {
    const kept = mayGoOn(planned, registry) ? stepsOf(planned, { store, registry, history }) : undefined;
    if (kept) found.set(planned.cell.id, kept);
  }
  return found;
}

function mayGoOn({ cell, status, reason, uncacheable }: PlannedCell, registry: KindRegistry): boolean {
  const computed = status !== 'hit' && reason.code !== 'forced' && uncacheable === undefined;
  return computed && registry.get(cell.kind)?.checkpoints === true;
}

interface Sources {
  readonly store: Store;
  readonly registry: KindRegistry;
  readonly history: History;
}

function stepsOf(planned: PlannedCell, { store, registry, history }: Sources): KeptSteps | undefined {
  const now = familyOf(planned, registry);
  const steps = now && stepsIn(store, now.name, now.most);
  if (steps !== undefined) return { steps, fate: 'kept' };
  const before = lastFamily(history, planned.cell.id);
  if (before === undefined || before === now?.name) return undefined;
  const left = stepsIn(store, before);
  return left === undefined ? undefined : { steps: left, fate: now ? 'lost' : 'open' };
}

function familyOf({ cell, preimage }: PlannedCell, registry: KindRegistry): CheckpointFamily | undefined {
  const kind = registry.get(cell.kind);
  return kind && preimage && checkpointFamily(preimage, kind);
}

const stepsIn = (store: Store, family: string, most = Infinity): number | undefined =>
  stepsKept(path.join(store.root, 'checkpoints', family), most);

/** Of the newest run that knew the cell, where it didn't come to its end there. */
function lastFamily(history: History, cell: CellId): string | undefined {
  const [newest] = history.mentions(cell);
  return newest?.try?.family;
}
