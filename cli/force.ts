/** `--force [cells]`: cells that run although they have a result. */
import type { Cell, CellId } from '../runner/pipeline.js';
import { matchSome } from './cells.js';
import type { Options } from './command.js';
import { texts } from './options.js';

export const forceOption = [
  '--force [cells]',
  'Run these cells (all, where none is named) although they have a result, and compare the bytes; may be repeated',
] as const;

/** The cells that `--force` names, of those that may be forced. */
export async function forcedCells(cells: readonly Cell[], options: Options): Promise<ReadonlySet<CellId>> {
  const patterns = texts(options, 'force');
  const named = new Set<CellId>();
  if (patterns.length === 0) {
    if (options.force === true || Array.isArray(options.force)) for (const { id } of cells) named.add(id);
    return named;
  }
  for (const pattern of patterns) {
    for (const { id } of await matchSome(cells, pattern)) named.add(id);
  }
  return named;
}
