/** Which cell of a run made what. */
import type { ArtifactRef, GatheredArtifact } from '../../contract.js';
import type { Job, RecordedArtifact } from '../../../schemas/protocol.js';
import type { CellId } from '../../pipeline.js';
import type { Store } from '../../store/index.js';
import type { CellPicture, RunPicture } from './picture.js';
import { recordOf } from './story.js';

export interface Made {
  readonly cell: CellId;
  readonly artifact: RecordedArtifact;
}

/** Reads each record of a run once. */
export class Makers {
  readonly #store: Store;
  readonly #seen = new Set<string>();
  readonly #made = new Map<string, Made>();
  /** The line of the journal up to which the records were read. */
  #until = -1;

  constructor(store: Store) {
    this.#store = store;
  }

  /** What stands under a digest; undefined where it came from elsewhere. */
  of(run: RunPicture, digest: string): Made | undefined {
    this.#read(run);
    return this.#made.get(digest);
  }

  all(run: RunPicture): readonly Made[] {
    this.#read(run);
    return [...this.#made.values()];
  }

  #read({ cells, seq }: RunPicture): void {
    if (seq === this.#until) return;
    this.#until = seq;
    for (const cell of cells.values()) {
      const { record: digest } = cell.end ?? {};
      if (digest === undefined || this.#seen.has(digest)) continue;
      this.#seen.add(digest);
      for (const artifact of recordOf(this.#store, cell).record?.artifacts ?? [])
        if (!this.#made.has(artifact.digest)) this.#made.set(artifact.digest, { cell: cell.id, artifact });
    }
  }
}

export interface NamedInput {
  readonly name: string;
  readonly artifact: ArtifactRef;
}

/** Everything that a job reads, the items of gathered inputs one by one. */
export const inputsOf = (job: Pick<Job, 'inputs'> | undefined): readonly NamedInput[] =>
  Object.entries(job?.inputs ?? {}).flatMap(([name, input]) =>
    Array.isArray(input)
      ? (input as readonly GatheredArtifact[]).map(({ artifact }) => ({ name, artifact }))
      : [{ name, artifact: input as ArtifactRef }],
  );

/**
 * Cells in an order in which what reads comes behind what made it, as groups that may go at once: a reader links to the
 * models of its makers.
 */
export function wavesOf(
  cells: readonly CellPicture[],
  makersOf: (cell: CellPicture) => readonly CellId[],
): readonly (readonly CellPicture[])[] {
  const levels = new Map<CellId, number>();
  const waves: CellPicture[][] = [];
  for (const cell of cells) {
    const level = Math.max(0, ...makersOf(cell).map((maker) => (levels.get(maker) ?? -1) + 1));
    levels.set(cell.id, level);
    (waves[level] ??= []).push(cell);
  }
  return waves;
}
