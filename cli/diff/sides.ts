/** A file in the shape in which it is compared with a run: its plan. */
import type { CellId } from '../../runner/pipeline.js';
import type { DiffCell, DiffSide } from '../../runner/plan/index.js';
import type { Store } from '../../runner/store/index.js';
import type { Options } from '../command.js';
import { engineOption } from '../engine-option.js';
import type { ExitCode } from '../exit.js';
import type { CliHost } from '../host.js';
import { loadChecked, makePlan } from '../load.js';

/** A file as it would run now. */
export async function fileSide(
  file: string,
  options: Options,
  store: Store,
  host: CliHost,
): Promise<DiffSide | ExitCode> {
  const pipeline = await loadChecked(file, options, host);
  const planned = await makePlan(pipeline, store, host, { backend: engineOption(options) });
  if (!planned.ok) return planned.exit;
  const side = planned.plan.cells.map(({ cell, partial, record, code }): readonly [CellId, DiffCell] => [
    cell.id,
    { id: cell.id, preimage: partial, cell, code: code.listing, ...(record ? { record } : {}) },
  ]);
  return new Map(side);
}
