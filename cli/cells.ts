/** Cells as the command line names them: an exact id, or a pattern of stage and coordinates. */
import type { Cell, CellId } from '../runner/pipeline.js';
import { UsageError } from './exit.js';

/** The one cell that a pattern names; several or none are an error that lists candidates. */
export async function matchOne(cells: readonly Cell[], pattern: string): Promise<Cell> {
  const found = await matchSome(cells, pattern);
  const [cell] = found;
  if (cell && found.length === 1) return cell;
  throw new UsageError(
    `${JSON.stringify(pattern)} names ${found.length} cells, expected one`,
    candidates(found),
  );
}

/** The cells that a pattern names; none is an error. */
export async function matchSome(cells: readonly Cell[], pattern: string): Promise<readonly Cell[]> {
  const { matchCells } = await import('../runner/language/index.js');
  const found = matchCells(cells, pattern);
  if (found.length > 0) return found;
  throw new UsageError(
    `no cell is named by ${JSON.stringify(pattern)}`,
    candidates(await nearest(cells, pattern)),
  );
}

function candidates(cells: readonly Cell[]): string {
  const shown = cells.slice(0, 10).map(({ id }) => id);
  const more = cells.length > shown.length ? ` and ${cells.length - shown.length} more` : '';
  return `the candidates are ${shown.join(' ')}${more}`;
}

/** Cells of the stage that is meant, or of all. */
async function nearest(cells: readonly Cell[], pattern: string): Promise<readonly Cell[]> {
  const { distance } = await import('fastest-levenshtein');
  const stage = pattern.split('/')[0] ?? '';
  const close = cells.filter((cell) => distance(cell.stage, stage) <= 2);
  return close.length > 0 ? close : cells;
}

/** A cell id taken apart: `front/method=clp,seed=0`. */
export function parseId(id: CellId): {
  readonly stage: string;
  readonly coordinates: Readonly<Record<string, string>>;
} {
  const slash = id.indexOf('/');
  if (slash < 0) return { stage: id, coordinates: {} };
  const pairs = id
    .slice(slash + 1)
    .split(',')
    .map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)] as const);
  return { stage: id.slice(0, slash), coordinates: Object.fromEntries(pairs) };
}
