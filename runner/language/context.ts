import type { KindRegistry } from '../contract.js';
import type { Reporter } from './diagnostics.js';
import type { Node } from './nodes.js';

/** What every part of the checker knows. */
export interface Context {
  readonly diagnostics: Reporter;
  readonly registry: KindRegistry;
  /** Params with their values, in the order of the file; `broken` where an error was reported. */
  readonly params: ReadonlyMap<string, Node>;
}
