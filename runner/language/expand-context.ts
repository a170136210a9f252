import type { StageKind } from '../contract.js';
import type { Expanded } from './cells.js';
import type { Context } from './context.js';
import type { Reporter } from './diagnostics.js';
import type { VariantDraft } from './draft.js';

/** What the expansion of a stage knows beside the stage itself. */
export interface ExpandContext extends Context {
  readonly file: string;
  readonly workingFolder: string;
  readonly exists: ((path: string) => boolean) | undefined;
  readonly isFolder: ((path: string) => boolean) | undefined;
  /** Folder of the project; default: that of the file. */
  readonly root: string | undefined;
  /** Stages expanded so far: all that this one refers to. */
  readonly expanded: ReadonlyMap<string, Expanded>;
  /** The variant that is being expanded; absent in the base. */
  readonly variant?: string;
  readonly variants: readonly VariantDraft[];
  /** Where errors of a stage in a variant are reported. */
  readonly reporterOf: (variant: string, stage: string) => Reporter;
  readonly stages: readonly string[];
  /** The kind of a stage, expanded or not. */
  readonly kindOf: (stage: string) => StageKind | undefined;
  /** Cells that may be made in all, and how many of these are left. */
  readonly maxCells: number;
  readonly room: number;
  readonly remark: (text: string) => void;
}
