import type { Failure } from '../../schemas/protocol.js';

/** Something wrong with the store or its disk; a Failure, so that it can be reported as one. */
export interface StoreProblem extends Failure {
  readonly path?: string;
  /** The next thing to do. */
  readonly hint?: string;
}
