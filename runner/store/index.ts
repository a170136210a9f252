/** The store: blobs, records, leases, attempts, runs, journal. */
export { openStore, type OpenOptions } from './open.js';
export { createDisk, type Disk, type DiskWrite, type WriteHook } from './disk.js';
export { keyOf, keyOfText, toKey } from './key.js';
export { isRunName, layoutVersion } from './layout.js';
export { isRunnerGone, runnerIdentity } from './liveness.js';
export { openLine } from './lines.js';
export { newRunId } from './runs.js';
export { refusalOf, toProblem } from './problem.js';
export { Tail, TextTail } from './tail.js';
export type * from './types.js';
export type * from './keep/types.js';
