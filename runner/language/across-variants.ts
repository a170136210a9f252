import type { Result } from '../../schemas/result.js';
import { err, ok } from '../../schemas/result.js';
import { everyCell, type Expanded, viewOf } from './cells.js';
import type { Finding } from './diagnostics.js';
import type { Selector, StageReference } from './nodes.js';
import { type CellFace, type Row, select } from './select.js';

/** What a reference reads, seen from the base or from a variant. */
export interface Reading {
  readonly rows: readonly Row[];
  /** Whether it gathers cells of variants: what reads it is in no variant. */
  readonly crosses: boolean;
}

/**
 * Rows of a reference. Selectors work inside the variant they are read in; only `(*)` and `(ablation=*)` cross
 * variants, and `(ablation=base)` reads the base from everywhere.
 */
export function readAcross(
  reference: StageReference,
  parent: Extract<Expanded, { kind: 'cells' }>,
  variant: string | undefined,
): Result<Reading, readonly Finding[]> {
  const selector = reference.selectors.find((one) => one.kind !== 'gather-all' && one.axis === 'ablation');
  const changed = parent.variants.size > 0;
  if (changed && selector?.kind === 'pick') return readPicked(reference, selector, parent);
  const crosses = changed && (selector !== undefined || reference.selectors.some(gathersAll));
  const cells = crosses ? acrossVariants(parent) : facesOf(parent, variant);
  const rows = select(reference, cells);
  return rows.ok ? ok({ rows: rows.value, crosses }) : rows;
}

const gathersAll = ({ kind }: Selector): boolean => kind === 'gather-all';

function facesOf(parent: Expanded, variant: string | undefined): readonly CellFace[] {
  const { cells, leftOut } = viewOf(parent, variant);
  return leftOut.length === 0 ? cells : [...cells, ...leftOut];
}

/** All cells, those of variants with a coordinate that says which. */
function acrossVariants(parent: Extract<Expanded, { kind: 'cells' }>): readonly CellFace[] {
  const cells = everyCell(parent).map((cell) =>
    cell.variant === undefined
      ? cell
      : { ...cell, coordinates: { ...cell.coordinates, ablation: cell.variant } },
  );
  return [...cells, ...parent.base.leftOut];
}

function readPicked(
  reference: StageReference,
  selector: Extract<Selector, { kind: 'pick' }>,
  parent: Extract<Expanded, { kind: 'cells' }>,
): Result<Reading, readonly Finding[]> {
  if (selector.value !== 'base')
    return err([
      {
        code: 'ablation-pick',
        message: `of variants only the base can be picked, found \`ablation=${selector.value}\``,
        hint: 'read the base with `(ablation=base)`, or gather all variants with `(ablation=*)`',
      },
    ]);
  const selectors = reference.selectors.filter((one) => one !== selector);
  const rows = select({ ...reference, selectors }, facesOf(parent, undefined));
  return rows.ok ? ok({ rows: rows.value, crosses: false }) : rows;
}
