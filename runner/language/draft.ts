import type { Resources, StageKind } from '../contract.js';
import type { Cell, Pipeline, Place } from '../pipeline.js';
import type { MapNode, Node } from './nodes.js';

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
  /** False where `matrix` is so wrong that its axes can't be told. */
  readonly axesKnown: boolean;
  /** Values of the axis `seed`; absent where the stage has none of its own. */
  readonly seeds?: readonly number[];
  readonly needs: readonly { readonly name: string; readonly place: Place }[];
  readonly env: readonly string[];
  readonly secrets: readonly string[];
  readonly resources: Resources;
  readonly timeout?: number;
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
  readonly stages: readonly StageDraft[];
}
