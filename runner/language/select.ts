import { byCodeUnit } from '../../schemas/json.js';
import type { Result } from '../../schemas/result.js';
import { err, ok } from '../../schemas/result.js';
import type { OutputPort } from '../contract.js';
import type { CellId } from '../pipeline.js';
import type { Coordinates } from './cell-id.js';
import type { Finding } from './diagnostics.js';
import { listed } from './nodes.js';
import { suggest } from './nearest.js';
import { once } from './once.js';
import type { Selector, StageReference } from './nodes.js';
import { selectorText } from './reference.js';

/** What other stages see of a cell. `outputs` is absent where its values are wrong: nothing is known then. */
export interface CellFace {
  readonly id: CellId;
  readonly stage: string;
  readonly coordinates: Coordinates;
  readonly outputs?: Readonly<Record<string, OutputPort>>;
  /** The variant that it belongs to; such a cell's coordinates hold no `ablation`, which is no axis of alignment. */
  readonly variant?: string;
  /**
   * The stage whose `exclude` leaves it out. Such a cell is never made; it takes part in joins, so that what it would
   * have been joined with is known to be left out on purpose.
   */
  readonly leftOutBy?: string;
}

/** A cell that is read, with its coordinates on the gathered axes. */
export interface Item {
  readonly cell: CellFace;
  readonly coordinates: Coordinates;
}

/** What a reference reads at one set of the coordinates that it carries: one cell, or those that it gathers. */
export interface Row {
  readonly coordinates: Coordinates;
  readonly items: readonly Item[];
  /** Stages whose `exclude` left out some of what it would have gathered; all of it, where there are no items. */
  readonly leftOutBy: readonly string[];
}

export const gathers = (reference: StageReference): boolean =>
  reference.selectors.some(({ kind }) => kind !== 'pick');

/** The rows, or all that is wrong with the selectors. */
type Selected = Result<readonly Row[], readonly Finding[]>;

/** What was selected of a list of cells, by the text of the reference: each cell of a stage asks the same again. */
const known = new WeakMap<readonly CellFace[], Map<string, Selected>>();

/**
 * The rows of a reference to a stage with these cells. A picked axis is gone from the rows' coordinates, a gathered
 * one moves to the items'; all others are carried.
 */
export function select(reference: StageReference, cells: readonly CellFace[]): Selected {
  const asked = known.get(cells) ?? new Map<string, Selected>();
  known.set(cells, asked);
  const answer = asked.get(reference.text) ?? selectAnew(reference, cells);
  asked.set(reference.text, answer);
  return answer;
}

function selectAnew(reference: StageReference, cells: readonly CellFace[]): Selected {
  const unknown = unknownSelectors(reference, cells);
  if (unknown.length > 0) return err(unknown);
  const picked = pick(reference, cells);
  if (!picked.ok) return err([picked.error]);
  const output = checkOutput(reference, picked.value);
  if (output !== undefined) return err([output]);
  const rows = group(reference, picked.value);
  const ragged = gathers(reference) ? checkRagged(reference, rows) : undefined;
  return ragged === undefined ? ok(rows) : err([ragged]);
}

/** Axes that no cell has, and picked values that none has on their axis. */
function unknownSelectors(reference: StageReference, cells: readonly CellFace[]): readonly Finding[] {
  const axes = axesOf(cells);
  return reference.selectors.flatMap((one) => {
    if (one.kind === 'gather-all') return [];
    if (!axes.includes(one.axis)) return [unknownAxis(reference, one.axis, axes)];
    const { kind, axis } = one;
    const known = kind === 'gather' || cells.some(({ coordinates }) => coordinates[axis] === one.value);
    return known ? [] : [unknownValue(reference, one, { cells })];
  });
}

/** Axes of cells, by name; of a list that does not change. */
export const axesOf = once((cells: readonly { readonly coordinates: Coordinates }[]): readonly string[] => {
  const axes = new Set<string>();
  for (const { coordinates } of cells) for (const axis of Object.keys(coordinates)) axes.add(axis);
  return [...axes].sort(byCodeUnit);
});

function unknownAxis({ stage, text }: StageReference, axis: string, axes: readonly string[]): Finding {
  if (axis === 'ablation')
    return {
      code: 'unknown-axis',
      message: `no ablation changes \`${stage}\`, so it has no \`ablation\` to select`,
      hint: 'leave the selector out',
    };
  const found = { code: 'unknown-axis', message: `\`${stage}\` has no axis \`${axis}\`` };
  const whole = text.replace(/\([^)]*\)/, '');
  if (axes.length === 0)
    return { ...found, hint: `\`${stage}\` has no axes: write \`${whole}\``, instead: whole };
  const part = { text, from: selectorAt(text, axis), length: axis.length };
  return { ...found, part, ...suggest(axis, axes, `axes of \`${stage}\` are`) };
}

/** Where the selector of an axis begins in the text of a reference. */
const selectorAt = (text: string, axis: string): number => text.search(new RegExp(`(?<=[( ])${axis}=`));

function pick(reference: StageReference, cells: readonly CellFace[]): Result<readonly CellFace[], Finding> {
  let left = cells;
  for (const selector of reference.selectors) {
    if (selector.kind !== 'pick') continue;
    const { axis, value } = selector;
    const before = left;
    left = left.filter((cell) => cell.coordinates[axis] === value);
    if (left.length === 0)
      return err(unknownValue(reference, selector, { cells: before, which: ' that is left' }));
  }
  return ok(left);
}

function unknownValue(
  { stage, text }: StageReference,
  { axis, value }: Extract<Selector, { kind: 'pick' }>,
  { cells, which = '' }: { readonly cells: readonly CellFace[]; readonly which?: string },
): Finding {
  const values = [...new Set(cells.flatMap((cell) => cell.coordinates[axis] ?? []))];
  return {
    code: 'unknown-value',
    message: `no cell of \`${stage}\`${which} has \`${axis}=${value}\``,
    part: { text, from: selectorAt(text, axis) + axis.length + 1, length: value.length },
    ...suggest(value, values, `values of \`${axis}\` are`),
  };
}

function checkOutput(reference: StageReference, cells: readonly CellFace[]): Finding | undefined {
  const { output } = reference;
  const without = cells.find((cell) => cell.outputs !== undefined && !Object.hasOwn(cell.outputs, output));
  return without?.outputs && unknownOutput(reference, Object.keys(without.outputs));
}

/** That a stage has other outputs than the one that is read. */
export function unknownOutput({ stage, output, text }: StageReference, outputs: readonly string[]): Finding {
  const [only = ''] = outputs;
  return {
    code: 'unknown-output',
    message: `\`${stage}\` has no output \`${output}\``,
    part: { text, from: text.length - output.length, length: output.length },
    ...(outputs.length === 1
      ? { hint: `write \`${text.replace(/\.[^.]*$/, `.${only}`)}\``, instead: only }
      : suggest(output, outputs, 'outputs are')),
  };
}

function group(reference: StageReference, cells: readonly CellFace[]): readonly Row[] {
  const rows = new Map<string, { coordinates: Coordinates; items: Item[]; leftOutBy: string[] }>();
  for (const cell of cells) {
    const axes = Object.keys(cell.coordinates);
    const gathered = axes.filter((axis) => takes(reference.selectors, axis, 'gather'));
    const carried = axes.filter(
      (axis) => !gathered.includes(axis) && !takes(reference.selectors, axis, 'pick'),
    );
    const coordinates = only(cell.coordinates, carried);
    const key = JSON.stringify(carried.sort(byCodeUnit).map((axis) => [axis, coordinates[axis]]));
    const row = rows.get(key) ?? { coordinates, items: [], leftOutBy: [] };
    if (cell.leftOutBy === undefined) row.items.push({ cell, coordinates: only(cell.coordinates, gathered) });
    else row.leftOutBy.push(cell.leftOutBy);
    rows.set(key, row);
  }
  return [...rows.values()];
}

function takes(selectors: readonly Selector[], axis: string, how: 'gather' | 'pick'): boolean {
  const picked = selectors.some((one) => one.kind === 'pick' && one.axis === axis);
  if (how === 'pick') return picked;
  return (
    !picked &&
    selectors.some((one) => one.kind === 'gather-all' || (one.kind === 'gather' && one.axis === axis))
  );
}

const only = (coordinates: Coordinates, axes: readonly string[]): Coordinates =>
  Object.fromEntries([...axes].sort(byCodeUnit).map((axis) => [axis, coordinates[axis] ?? '']));

/** Cells with and without an axis, side by side, would not be told apart by what was gathered. */
function checkRagged(reference: StageReference, rows: readonly Row[]): Finding | undefined {
  const made = rows.filter(({ items }) => items.length > 0);
  const uneven = axesOf(made).filter((axis) => made.some((row) => !(axis in row.coordinates)));
  if (uneven.length === 0) return undefined;
  const names = listed(uneven.map((axis) => `\`${axis}\``));
  const selectors = reference.selectors.map(selectorText);
  const mended = [...selectors, ...uneven.map((axis) => `${axis}=*`)].join(' ');
  return {
    code: 'ragged-gather',
    message: `this gather leaves cells of \`${reference.stage}\` with and without the ${uneven.length === 1 ? 'axis' : 'axes'} ${names}`,
    hint: `gather ${names} too: \`$${reference.stage}(${mended}).${reference.output}\``,
    instead: `$${reference.stage}(${mended}).${reference.output}`,
  };
}

/**
 * Order of a gathered input: stage, then base before variants, then axes by name; values as numbers where all are,
 * else by code unit.
 */
export function inOrder<T extends Item>(items: readonly T[]): readonly T[] {
  if (items.length < 2) return items;
  const axes = ['ablation', ...axesOf(items).filter((axis) => axis !== 'ablation')];
  const numeric = new Set(
    axes.filter((axis) =>
      items.every(({ coordinates }) => coordinates[axis] === undefined || isNumber(coordinates[axis])),
    ),
  );
  return [...items].sort((a, b) => {
    if (a.cell.stage !== b.cell.stage) return byCodeUnit(a.cell.stage, b.cell.stage);
    for (const axis of axes) {
      const order = compareValues(a.coordinates[axis], b.coordinates[axis], numeric.has(axis));
      if (order !== 0) return order;
    }
    return 0;
  });
}

const isNumber = (text: string): boolean =>
  /^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$/.test(text) && Number.isFinite(Number(text));

function compareValues(a: string | undefined, b: string | undefined, numeric: boolean): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return (numeric ? Number(a) - Number(b) : 0) || byCodeUnit(a, b);
}
