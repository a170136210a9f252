import type { OutputPort, StageKind } from '../contract.js';
import type { Place } from '../pipeline.js';
import { readAcross } from './across-variants.js';
import { type Expanded, viewOf } from './cells.js';
import type { Draft, StageDraft } from './draft.js';
import { type Entry, entryOf, type Node } from './nodes.js';
import { findNames, type NameUse, type ReferenceUse } from './names.js';
import { plain } from './outputs.js';
import type { JsonSchema } from './schema.js';
import { withDefaults } from './schema.js';
import { axesOf } from './select.js';
import type { JsonObject } from '../../schemas/json.js';
import type { StageReference } from './nodes.js';

/** What an editor asks of a file, errors or not: its stages, params and names with their places. */
export interface Outline {
  readonly root: Node;
  readonly stages: readonly StageOutline[];
  readonly params: readonly ParamOutline[];
  readonly names: readonly NameUse[];
  readonly references: readonly ReferenceUse[];
  /** What a reference to a stage gives; undefined where errors leave it unknown. */
  readonly follow: (reference: StageReference) => Followed | undefined;
}

export interface StageOutline {
  readonly name: string;
  /** Of the name, and of the whole stage. */
  readonly place: Place;
  readonly body: Place;
  readonly kind?: StageKind;
  readonly ownAxes: readonly { readonly name: string; readonly place: Place }[];
  /** Own and carried axes with their values. */
  readonly axes: AxisValues;
  /** Types by name; without errors of the stage those of its cells, else those of its kind. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Of the base; undefined where errors leave them unknown. */
  readonly cells?: number;
  /** Ablations that give it cells of its own, with the number of those. */
  readonly variants: ReadonlyMap<string, number>;
}

export interface ParamOutline {
  readonly name: string;
  readonly place: Place;
  readonly value: Node;
}

/** Axes with their values, in order. */
export type AxisValues = Readonly<Record<string, readonly string[]>>;

export interface Followed {
  readonly type?: string;
  readonly carried: AxisValues;
  readonly gathered: AxisValues;
  /** Cells that it reads, in all. */
  readonly cells: number;
  /** Ablations in which it reads other cells. */
  readonly variants: readonly string[];
}

/** What is known of a file: its tree, its draft, and its stages as far as errors let them be expanded. */
export interface Known {
  readonly root: Node;
  readonly draft: Draft;
  readonly expanded: ReadonlyMap<string, Expanded>;
}

export function outlineOf({ root, draft, expanded }: Known): Outline {
  const { uses, references } = findNames(root, draft);
  const entries = entriesOf(root, 'stages');
  return {
    root,
    stages: draft.stages.map((stage) => stageOutline(stage, entries, expanded.get(stage.name))),
    params: entriesOf(root, 'params').map(({ key, keyPlace, value }) => ({
      name: key,
      place: keyPlace,
      value,
    })),
    names: uses,
    references,
    follow: (reference) => follow(reference, expanded.get(reference.stage)),
  };
}

const entriesOf = (root: Node, key: string): readonly Entry[] => {
  const node = entryOf(root, key)?.value;
  return node?.kind === 'map' ? node.entries : [];
};

function stageOutline(
  stage: StageDraft,
  entries: readonly Entry[],
  expanded: Expanded | undefined,
): StageOutline {
  const { name, place, kind, axes } = stage;
  const { cells } = viewOf(expanded, undefined);
  const body = entries.find(({ key }) => key === name)?.value.place ?? place;
  const own = Object.fromEntries(axes.map((axis) => [axis.name, axis.values.map((value) => value.name)]));
  const seeds = stage.seeds === undefined ? {} : { seed: stage.seeds.map(String) };
  const known = cells.find((cell) => cell.outputs !== undefined)?.outputs;
  const outputs = known ?? (kind === undefined ? {} : standardOutputs(kind));
  return {
    name,
    place,
    body: { ...body, line: place.line, column: place.column },
    ...(kind === undefined ? {} : { kind }),
    ownAxes: axes.map((axis) => ({ name: axis.name, place: axis.place })),
    axes: cells.length > 0 ? valuesOf(cells) : { ...own, ...seeds },
    outputs: Object.fromEntries(Object.entries(outputs).map(([output, { type }]) => [output, type])),
    ...(cells.length === 0 ? {} : { cells: cells.length }),
    variants: ownCells(expanded),
  };
}

function ownCells(expanded: Expanded | undefined): ReadonlyMap<string, number> {
  const variants = expanded?.kind === 'cells' ? [...expanded.variants] : [];
  return new Map(
    variants.map(([name, { cells }]) => [name, cells.filter(({ variant }) => variant === name).length]),
  );
}

/** Outputs of a kind with its defaults; none where they hang on what has no default. */
function standardOutputs(kind: StageKind): Readonly<Record<string, OutputPort>> {
  const values = withDefaults(kind.with as unknown as JsonSchema, {}) as JsonObject;
  const bound = Object.entries(kind.inputs).map(
    ([name, { list }]) => [name, list === true ? [] : {}] as const,
  );
  try {
    return kind.outputs(plain(values), Object.fromEntries(bound));
  } catch {
    return {}; // a kind's function met a value that is not there
  }
}

/** Of variants the base has no name of its own among the coordinates: it stands first. */
function valuesOf(rows: readonly { readonly coordinates: Readonly<Record<string, string>> }[]): AxisValues {
  return Object.fromEntries(
    axesOf(rows).map((axis) => {
      const base =
        axis === 'ablation' && rows.some(({ coordinates }) => !(axis in coordinates)) ? ['base'] : [];
      return [axis, [...new Set([...base, ...rows.flatMap(({ coordinates }) => coordinates[axis] ?? [])])]];
    }),
  );
}

function follow(reference: StageReference, parent: Expanded | undefined): Followed | undefined {
  const read =
    parent?.kind === 'cells' && parent.base.cells.length > 0
      ? { parent, found: readAcross(reference, parent, undefined) }
      : undefined;
  if (read?.found.ok !== true) return undefined;
  const { rows, crosses } = read.found.value;
  const items = rows.flatMap((row) => row.items);
  const type = items[0]?.cell.outputs?.[reference.output]?.type;
  const follows =
    !crosses && reference.selectors.every((one) => one.kind === 'gather-all' || one.axis !== 'ablation');
  return {
    ...(type === undefined ? {} : { type }),
    carried: valuesOf(rows),
    gathered: valuesOf(items),
    cells: items.length,
    variants: follows ? [...read.parent.variants.keys()] : [],
  };
}
