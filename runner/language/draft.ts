import type { Resources, StageKind } from '../contract.js';
import type { Cell, Pipeline, Place } from '../pipeline.js';
import type { Located, MapNode, Node } from './nodes.js';

/** A named value on an own axis of a stage. */
export interface AxisValue {
  readonly name: string;
  /** Params put in; references to stages stand as `reference` nodes. */
  readonly node: Node;
}
export interface Axis {
  readonly name: string;
  readonly place: Place;
  readonly values: readonly AxisValue[];
  /** Whether it goes value by value with the other axes of `zip`. */
  readonly zipped: boolean;
}

/** An item of `exclude`: no cell has all of these coordinates. */
export interface Exclusion {
  readonly place: Place;
  readonly values: readonly {
    readonly axis: string;
    readonly axisPlace: Place;
    readonly value: string;
    readonly at: Located;
  }[];
}

/** What a variant changes of a stage. */
export interface Patch {
  /** Where it is written. */
  readonly place: Place;
  /** Settings as they stand under `with`, as written. */
  readonly settings: MapNode;
}

/** A patch as it is read, before those of one name are put together. */
export interface NamedPatch extends Patch {
  readonly variant: string;
  readonly stage: string;
}

/** The file with one set of patches. */
export interface VariantDraft {
  readonly name: string;
  /** By the stage that is patched, in the order of `ablations`. */
  readonly patches: ReadonlyMap<string, Patch>;
}

/** A stage as written: every key read, nothing expanded. */
export interface StageDraft {
  readonly name: string;
  readonly place: Place;
  /** The whole stage as written. */
  readonly node: Node;
  readonly kind?: StageKind;
  /** `with` as written (an empty map where there is none). */
  readonly with: MapNode;
  readonly axes: readonly Axis[];
  readonly exclude: readonly Exclusion[];
  /** Patches of the stage by the name of their variant. */
  readonly patches: ReadonlyMap<string, Patch>;
  /** False where `matrix` is so wrong that its axes can't be told. */
  readonly axesKnown: boolean;
  /** Values of the axis `seed`; absent where the stage has none of its own. */
  readonly seeds?: readonly number[];
  readonly needs: readonly { readonly name: string; readonly place: Place }[];
  readonly env: readonly (Located & { readonly name: string })[];
  readonly secrets: readonly (Located & { readonly name: string })[];
  readonly resources: Resources;
  readonly priority?: number;
  readonly timeout?: number;
  readonly silence?: number;
  readonly retries: Cell['retries'];
  /** Handles of the errors that keep the stage from being expanded. */
  readonly errors: readonly string[];
}

/** The file as written: every key read. */
export interface Draft {
  readonly name: string;
  readonly experiment: string;
  readonly onFailure: Pipeline['onFailure'];
  readonly maxCells: number;
  readonly reproducible: Pipeline['reproducible'];
  /** In the order of the file. */
  readonly variants: readonly VariantDraft[];
  readonly stages: readonly StageDraft[];
}
