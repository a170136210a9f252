/** What a reviewer sees of the results of each kind; kinds without one are shown by their values, metrics and files. */
import type { Show } from '../runner/contract.js';
import { showData } from '../stages/shown/data.js';
import { showFront } from '../stages/shown/front.js';
import { showModel } from '../stages/shown/model.js';
import { showPolicy } from '../stages/shown/policy.js';
import { showReport } from '../stages/shown/report.js';

export const shown: ReadonlyMap<string, Show> = new Map<string, Show>([
  ['data/news', showData],
  ['data/jsonl', showData],
  ['data/csv', showData],
  ['data/parquet', showData],
  ['data/huggingface', showData],
  ['sft', showModel],
  ['soft', showPolicy],
  ['clp', showPolicy],
  ['rewarded-soup', showPolicy],
  ['front', showFront],
  ['report', showReport],
]);
