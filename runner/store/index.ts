/** The store: blobs, records, leases, attempts, runs, journal. Rules: docs/store.md. */
import type { Result } from '../../schemas/result.js';
import type { Store, StoreProblem } from './types.js';

export type * from './types.js';

export interface OpenOptions {
  /** `read` writes nothing, takes a missing folder for an empty store, and only hashes what is put. Default `write`. */
  readonly access?: 'read' | 'write';
}
export type OpenStore = (root: string, options?: OpenOptions) => Promise<Result<Store, StoreProblem>>;
