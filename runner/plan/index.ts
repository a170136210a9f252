/** Planning: preimages, keys, hits, reasons. */
import type { JsonObject } from '../../schemas/json.js';
import type { Result } from '../../schemas/result.js';
import type { KindRegistry } from '../contract.js';
import type { Cell, CellId, Key, Pipeline } from '../pipeline.js';
import type {
  Code,
  CodeProblem,
  Explanation,
  InputDigests,
  Plan,
  PlanOptions,
  PlanProblem,
  Preimage,
} from './types.js';

export type * from './types.js';

/** loadCode(root of the package, which holds dist/ and dist/code.json). */
export type LoadCode = (root: string) => Result<Code, CodeProblem>;
/** planPipeline(options). */
export type PlanPipeline = (options: PlanOptions) => Promise<Result<Plan, PlanProblem>>;
/** explainCell(plan, store, cell). */
export type ExplainCell = (plan: Plan, cell: CellId) => Promise<Result<Explanation, PlanProblem>>;
export type KeyOf = (preimage: Preimage) => Key;
export type PreimageOf = (
  cell: Cell,
  parts: {
    readonly registry: KindRegistry;
    readonly inputs: InputDigests;
    readonly code: string;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
) => Preimage;
/** The `with` values of a cell that its kind lists as inert: added to the preimage's `with` in job.json. */
export type InertValues = (cell: Cell, registry: KindRegistry) => JsonObject;
/** The cells in topological order; among the ready, in order of the file. */
export type InOrder = (pipeline: Pipeline) => readonly Cell[];
