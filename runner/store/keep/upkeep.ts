import type { Context } from '../context.js';
import { heartbeatTimes } from '../heartbeat.js';
import { guard, guardAsync } from '../problem.js';
import type { Records, Runs } from '../types.js';
import { examineStore } from './examine.js';
import { sweep } from './sweep.js';
import type { Upkeep } from './types.js';
import { weighCollection } from './weigh.js';

export function createUpkeep(parts: {
  readonly context: Context;
  readonly records: Records;
  readonly runs: Runs;
}): Upkeep {
  return {
    pauseMs: 2 * heartbeatTimes.everyMs,
    examine: (progress = () => undefined) => guardAsync(() => examineStore(parts, progress)),
    weigh: (goal) => guard(() => weighCollection(parts, goal)),
    collect: (collection, pause) => guardAsync(() => sweep(parts, collection, pause)),
  };
}
