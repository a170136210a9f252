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
  const { matchCells, nearest } = await import('../runner/language/index.js');
  const found = matchCells(cells, pattern);
  if (found.length > 0) return found;
  const meant = meantPattern(cells, pattern, nearest);
  const isMeant = meant !== undefined && matchCells(cells, meant).length > 0;
  throw new UsageError(
    `no cell is named by ${JSON.stringify(pattern)}`,
    `${isMeant ? `did you mean ${meant}? ` : ''}${candidates(ofStage(cells, (meant ?? pattern).split('/')[0]))}`,
  );
}

/** A pattern with its stage and each of its coordinates as they were most likely meant; undefined where one isn't known. */
function meantPattern(
  cells: readonly Cell[],
  pattern: string,
  nearest: (name: string, known: Iterable<string>) => string | undefined,
): string | undefined {
  const [stage = '', ...rest] = pattern.split('/');
  const near = (name: string, known: ReadonlySet<string>): string | undefined =>
    known.has(name) ? name : nearest(name, known);
  const meant = near(stage, new Set(cells.map((cell) => cell.stage)));
  if (meant === undefined || rest.length === 0) return meant;
  const known = new Set(
    ofStage(cells, meant).flatMap(({ coordinates }) =>
      Object.entries(coordinates).map(([axis, value]) => `${axis}=${value}`),
    ),
  );
  const parts = rest
    .join('/')
    .split(',')
    .map((part) => near(part, known));
  return parts.includes(undefined) ? meant : `${meant}/${parts.join(',')}`;
}

function candidates(cells: readonly Cell[]): string {
  const shown = cells.slice(0, 10).map(({ id }) => id);
  const more = cells.length > shown.length ? ` and ${cells.length - shown.length} more` : '';
  return `the candidates are ${shown.join(' ')}${more}`;
}

/** Cells of a stage, or all where it has none. */
function ofStage(cells: readonly Cell[], stage: string | undefined): readonly Cell[] {
  const own = cells.filter((cell) => cell.stage === stage);
  return own.length > 0 ? own : cells;
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
