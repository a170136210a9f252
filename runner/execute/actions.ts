/** What the schedule is told and what it answers. */
import type { Failure } from '../../schemas/protocol.js';
import type { Cell, CellId, Key, Pipeline } from '../pipeline.js';
import type { CellStatus, SkipReason } from '../track/events.js';
import type { Demand } from './resources.js';

export interface Task {
  readonly cell: CellId;
  readonly needs: readonly CellId[];
  readonly demand: Demand;
  /** Higher ones first, whatever their path. Default 0. */
  readonly priority?: number;
  /** Expected seconds, measured by earlier runs. */
  readonly seconds: number;
  /** Seconds. */
  readonly timeout?: number;
  readonly retries: Cell['retries'];
}

export type StopReason = 'timeout' | 'failure' | 'interrupt';
export type StopManner = 'grace' | 'now';

export type Action =
  | { readonly kind: 'resolve'; readonly cell: CellId }
  | {
      readonly kind: 'start';
      readonly cell: CellId;
      readonly key: Key;
      readonly attempt: number;
      /** Ids of the graphics cards that it holds. */
      readonly gpus: readonly string[];
    }
  | {
      readonly kind: 'stop';
      readonly cell: CellId;
      readonly reason: StopReason;
      readonly manner: StopManner;
    }
  | {
      readonly kind: 'retry';
      readonly cell: CellId;
      readonly attempt: number;
      readonly failure: Failure;
      readonly backoff: number;
    }
  /** A settled cell is to be done again: forget its result. */
  | { readonly kind: 'reopen'; readonly cell: CellId; readonly reader: CellId }
  | { readonly kind: 'settle'; readonly cell: CellId; readonly settlement: Settlement };

export interface Settlement {
  readonly status: CellStatus;
  readonly key?: Key;
  readonly failure?: Failure;
  readonly reason?: SkipReason;
}

export type Resolution =
  | { readonly kind: 'hit'; readonly key: Key }
  | { readonly kind: 'run'; readonly key: Key }
  | { readonly kind: 'failed'; readonly failure: Failure };

export type Outcome =
  | { readonly kind: 'done' }
  /** Another runner's result was found after the lease was taken. */
  | { readonly kind: 'served' }
  /** Another runner holds the lease. */
  | { readonly kind: 'held' }
  /** Inputs are gone from the store: the cells that made them are done again first. */
  | { readonly kind: 'lost'; readonly producers: readonly CellId[] }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'interrupted' };

export interface Policy {
  readonly onFailure: Pipeline['onFailure'];
  /** Milliseconds before the next attempt; attempts count from 1. */
  readonly backoff: (attempt: number) => number;
  /** Milliseconds until a lease held elsewhere is looked at again. */
  readonly leasePoll: number;
  /** Milliseconds for which a key that is being found, perhaps with a result to fetch, lets nothing start before it. */
  readonly keyWait: number;
}
