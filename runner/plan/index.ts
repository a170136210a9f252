/** Planning: preimages, keys, hits, reasons. */
export { codeListing, describeChange } from './compare.js';
export { diffSides } from './diff.js';
export type { DiffCell, DiffSide, Difference } from './diff.js';
export { runSide } from './run-side.js';
export { loadCode } from './code.js';
export { explainCell } from './explain.js';
export { plainPlace, type ShowPlace } from './headline.js';
export { numericEnvironment } from './numeric.js';
export { unlistedLoads } from './loads.js';
export { keptSteps, type KeptSteps } from './kept-steps.js';
export { inOrder, parentsOf } from './order.js';
export { planPipeline } from './plan.js';
export { checkpointFamily, inertValues, keyOf, preimageOf } from './preimage.js';
export type { CheckpointFamily, PreimageParts } from './preimage.js';
export { axesOf, countReason, expectedCalls, savedSeconds, stagesOf } from './stages.js';
export type { AxisSummary, StageSummary } from './stages.js';
export { changedSince, editedSince } from './watch.js';
export type * from './types.js';
