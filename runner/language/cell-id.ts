import { byCodeUnit } from '../../schemas/json.js';
import type { Cell, CellId } from '../pipeline.js';

export type Coordinates = Readonly<Record<string, string>>;

/** `stage/axis=value,axis=value`, axes by name; a stage without axes is its name. */
export function cellId(stage: string, coordinates: Coordinates): CellId {
  const parts = Object.keys(coordinates)
    .sort(byCodeUnit)
    .map((axis) => `${axis}=${coordinates[axis] ?? ''}`);
  return (parts.length === 0 ? stage : `${stage}/${parts.join(',')}`) as CellId;
}

/**
 * The cells that a pattern names: the one whose id it is, else every cell that has these coordinates
 * (`clp`, `clp/seed=0`, `seed=0,conditioning=full`), in the order given.
 */
export function matchCells(cells: readonly Cell[], pattern: string): readonly Cell[] {
  const exact = cells.filter((cell) => cell.id === pattern);
  if (exact.length > 0) return exact;
  const wanted = parsePattern(pattern);
  return cells.filter(
    (cell) =>
      (wanted.stage === undefined || cell.stage === wanted.stage) &&
      wanted.coordinates.every(([axis, value]) => cell.coordinates[axis] === value),
  );
}

function parsePattern(pattern: string): { stage?: string; coordinates: (readonly [string, string])[] } {
  const slash = pattern.indexOf('/');
  const bare = slash < 0 && !pattern.includes('=');
  const stage = bare ? pattern : slash < 0 ? undefined : pattern.slice(0, slash);
  const rest = bare ? '' : pattern.slice(slash + 1);
  const coordinates = rest
    .split(',')
    .filter((part) => part !== '')
    .map((part): readonly [string, string] => {
      const equals = part.indexOf('=');
      return equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
    });
  return stage === undefined ? { coordinates } : { stage, coordinates };
}
