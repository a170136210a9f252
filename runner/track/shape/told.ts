/** What is told of a cell and of a run that have ended. */
import type { Shown } from '../../contract.js';
import type { Metric, Pairs } from '../mlflow/types.js';
import type { CellPicture } from '../outbox/picture.js';

/** An artifact: a text, or a file of the store. */
export type ToldFile =
  { readonly path: string; readonly text: string } | { readonly path: string; readonly from: string };

export interface Told {
  readonly params?: Pairs;
  readonly tags: Pairs;
  readonly metrics?: readonly Metric[];
  readonly files: readonly ToldFile[];
}

/** A cell of a run as its parent shows it. */
export interface CellRow {
  readonly cell: CellPicture;
  /** Its run on the server, or that of the run that made it where it was a hit; undefined where that isn't known. */
  readonly server?: string;
}

export interface RunStory {
  readonly rows: readonly CellRow[];
  /** What the kinds of its cells show. */
  readonly shown: readonly Shown[];
  readonly files: readonly ToldFile[];
  /** Fragment of the address of a run's page. */
  readonly page: (run: string) => string;
  /** Id of the run itself on the server. */
  readonly own: string;
}
