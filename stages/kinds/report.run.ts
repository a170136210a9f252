import type { Static } from 'typebox';
import type { Emit, StageJob } from '../../runner/contract.js';
import type { ReportWith } from './report.js';

/** Reads the fronts, computes every figure once, and writes the page and its data. */
export function run(
  _job: StageJob<Static<typeof ReportWith>>,
  _emit: Emit,
  _signal: AbortSignal,
): Promise<void> {
  return Promise.reject(new Error('internal error: the report is being written'));
}
