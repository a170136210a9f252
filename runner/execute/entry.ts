import type { Failure } from '../../schemas/protocol.js';
import type { Key } from '../pipeline.js';
import type { Settlement, StopReason, Task } from './actions.js';
import type { Place } from './priority.js';
import type { Grant } from './resources.js';

/** Where a cell is in its life. */
export type State =
  | { readonly kind: 'waiting'; readonly missing: number }
  | { readonly kind: 'ready' }
  | { readonly kind: 'resolving'; readonly until: number }
  | { readonly kind: 'runnable' }
  | { readonly kind: 'twin' }
  | { readonly kind: 'parked'; readonly until: number }
  | { readonly kind: 'backoff'; readonly until: number; readonly failure: Failure }
  | { readonly kind: 'running'; readonly deadline: number; readonly stopped?: StopReason }
  | { readonly kind: 'settled'; readonly settlement: Settlement };

/** A cell in the books of the schedule. */
export interface Entry {
  readonly task: Task;
  readonly place: Place;
  state: State;
  /** Attempts begun. */
  attempts: number;
  key?: Key;
  /** What it holds while it runs. */
  grant?: Grant;
}

export type Entries = Set<Entry>;

/** States of cells that have not begun and hold nothing. */
export const skippable: ReadonlySet<State['kind']> = new Set<State['kind']>([
  'waiting',
  'ready',
  'runnable',
  'parked',
]);

export function newEntry(task: Task, place: Place): Entry {
  const missing = task.needs.length;
  return {
    task,
    place,
    attempts: 0,
    state: missing === 0 ? { kind: 'ready' } : { kind: 'waiting', missing },
  };
}

export function keyOf(entry: Entry): Key {
  if (entry.key === undefined) {
    throw new Error(`internal error: cell ${entry.task.cell} would start without a key; please report it`);
  }
  return entry.key;
}
